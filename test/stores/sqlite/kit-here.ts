// Runs the store kit on every driver of the present runtime, and prints each result as a line of JSON. Started by
// sqlite-drivers.test.ts, under Bun and Deno too.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sqliteStore } from "../../../src/stores/sqlite.ts";
import { runStoreKit } from "../../../src/testing/store-kit.ts";
import { storeRules } from "../../../src/testing/store-rules.ts";
import type { StoreTarget } from "../../../src/testing/store-rule.ts";
import { driversHere, type Driver } from "./drivers.ts";

/** The kit's target for one driver; the store is given the database, as an application would. */
export function targetOf(driver: Driver): StoreTarget {
  return {
    name: `sqlite (${driver.name})`,
    storage() {
      const folder = mkdtempSync(join(tmpdir(), "sojourn-sqlite-"));
      const path = join(folder, "sessions.db");
      return {
        open() {
          const database = driver.open(path);
          database.exec("PRAGMA journal_mode = WAL");
          return sqliteStore({ database, synchronous: "normal", closeDatabase: true });
        },
        corrupt(handle) {
          const database = driver.open(path);
          database.exec("PRAGMA ignore_check_constraints = ON");
          database
            .prepare("UPDATE sojourn_sessions SET expires_at = 9223372036854775807 WHERE session_handle = ?")
            .run(handle);
          database.close();
        },
        remove: () => rmSync(folder, { recursive: true, force: true }),
      };
    },
  };
}

if (import.meta.main) {
  for (const driver of await driversHere()) {
    for await (const { rule, outcome, reason } of runStoreKit(storeRules, targetOf(driver))) {
      console.log(JSON.stringify({ driver: driver.name, rule, outcome, reason }));
    }
  }
}
