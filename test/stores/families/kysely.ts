import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startPglite, type StartedPglite } from "../kysely/pglite.ts";
import { kyselySqliteTargets } from "../kysely/targets.ts";
import { sqlTarget } from "../sql/targets.ts";
import { served, type StoreFamily } from "./family.ts";
import { kyselyServed } from "./sql.ts";

async function startFolder(): Promise<{ path: string; stop(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), "sojourn-kysely-"));
  return { path, stop: () => rm(path, { recursive: true }) };
}

const onSqlite = served("on SQLite", [], startFolder, (folder) => kyselySqliteTargets(() => folder().path));

/** A target over what was started. */
const target = (name: string, dialect: "postgres" | "mssql", pglite: () => StartedPglite) =>
  sqlTarget(
    name,
    () => "",
    (url, table) => pglite()[dialect](url, table),
    (table, handle) => pglite().damage(table, handle),
  );

const onPglite = served(
  "on PGlite",
  [],
  startPglite,
  (pglite) => [
    target("postgres (kysely over PGlite)", "postgres", pglite),
    target("mssql (kysely, its statements said in PostgreSQL)", "mssql", pglite),
  ],
  {
    "data comes back character by character, whatever is in it":
      "PGlite swallows a byte-order mark at the beginning of a text, and such a text is refused",
  },
);

export const kysely: StoreFamily = {
  name: "Kysely",
  page: "docs/stores/kysely.md",
  packages: ["kysely", "@electric-sql/pglite", "better-sqlite3", "libsql", "pg", "mysql2"],
  parts: [onSqlite, onPglite, ...kyselyServed],
};
