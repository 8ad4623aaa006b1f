import { createRequire } from "node:module";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { SessionStore } from "../../src/core/store.ts";
import { cachedStore } from "../../src/stores/cached.ts";
import { fileStore } from "../../src/stores/file.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { sqliteStore, type SqliteDatabaseLike } from "../../src/stores/sqlite.ts";
import type { StoreStorage, StoreTarget } from "../../src/testing/store-rule.ts";

// The package brings no types of its own.
const BetterSqlite = createRequire(import.meta.url)("better-sqlite3") as new (path: string) => SqliteDatabaseLike;

function inFolder(make: (folder: string) => Omit<StoreStorage, "remove">): StoreStorage {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-kit-"));
  return { ...make(folder), remove: () => rmSync(folder, { recursive: true }) };
}

function sqliteTarget(name: string, open: (path: string) => SessionStore): StoreTarget {
  return {
    name,
    storage: () =>
      inFolder((folder) => {
        const path = join(folder, "sessions.db");
        return {
          open: () => open(path),
          corrupt(handle) {
            const database = new DatabaseSync(path);
            database.exec("PRAGMA ignore_check_constraints = ON");
            database
              .prepare("UPDATE sojourn_sessions SET created_at = 9223372036854775807 WHERE session_handle = ?")
              .run(handle);
            database.close();
          },
        };
      }),
  };
}

const sqlite = sqliteTarget("sqlite (node:sqlite)", (path) => sqliteStore(path));

/** SQLite with a cache in the memory of each process, whose copies others do not write through. */
const cachedSqlite: StoreTarget = {
  name: "cached (sqlite, memory)",
  async storage() {
    const storage = await sqlite.storage();
    const settings = { staleSeconds: 0.5, skewSeconds: 0.1 };
    return {
      ...storage,
      open: async () => cachedStore({ store: await storage.open(), cache: memoryStore(), ...settings }),
    };
  },
};

/** Every store of this repository that keeps state, as the kit runs on it. */
export const storeTargets: readonly StoreTarget[] = [
  { name: "memory", storage: () => ({ open: () => memoryStore() }) },
  {
    name: "file",
    storage: () =>
      inFolder((folder) => ({
        open: () => fileStore({ dir: join(folder, "sessions"), sync: "none" }),
        corrupt(handle) {
          writeFileSync(join(folder, "sessions", "sessions", handle.slice(0, 2), `${handle}.json`), '{"sojourn":');
        },
      })),
  },
  sqlite,
  sqliteTarget("sqlite (better-sqlite3)", (path) => {
    const database = new BetterSqlite(path);
    database.exec("PRAGMA journal_mode = WAL");
    return sqliteStore({ database, closeDatabase: true });
  }),
  cachedSqlite,
];
