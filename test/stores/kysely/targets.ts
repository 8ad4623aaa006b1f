import { join } from "node:path";
import type { StoreTarget } from "../../../src/testing/store-rule.ts";
import { sqlTarget } from "../sql/targets.ts";
import { openKyselySqlite, sqliteDatabases } from "./drivers.ts";

/** Kysely over each driver of SQLite, each rule in a table of its own in one file of `folder`. */
export function kyselySqliteTargets(folder: () => string): readonly StoreTarget[] {
  return Object.entries(sqliteDatabases).map(([driver, openDatabase], index) => {
    const path = (): string => join(folder(), `${index}.db`);
    // Not with another driver: two SQLite libraries in one process undo each other's locks.
    const damage = async (table: string, handle: string): Promise<void> => {
      const database = openDatabase(path());
      database.prepare("PRAGMA ignore_check_constraints = ON").run([]);
      database.prepare(`UPDATE ${table} SET created_at = 9223372036854775807 WHERE session_handle = ?`).run([handle]);
      database.close();
    };
    return sqlTarget(`sqlite (kysely over ${driver})`, path, openKyselySqlite(driver), damage);
  });
}
