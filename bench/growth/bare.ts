import { DatabaseSync } from "node:sqlite";
import type { Pool } from "pg";
import type { Awaitable } from "../../src/core/store.ts";

/**
 * One statement by the key, with nothing around it: what it takes more of a large table than of a small one, no store in that table
 * can do without.
 */
export interface Bare {
  /** The data of a session, or undefined. */
  lookup(handle: string): Awaitable<unknown>;
  /** Writes onto whatever is there; gives the number of rows. */
  save(handle: string, data: string, version: string): Awaitable<number>;
}

const LOOKUP = "SELECT session_data FROM";
const WHERE = "WHERE session_handle =";

/** Opens a file as the store does: its bare statements are to share the page cache with the store's. `pragma` may be empty. */
export function openSqlite(path: string, pragma: string): DatabaseSync {
  const database = new DatabaseSync(path);
  database.exec("PRAGMA busy_timeout = 0; PRAGMA journal_mode = WAL; PRAGMA synchronous = normal");
  if (pragma !== "") database.exec(`PRAGMA ${pragma}`);
  return database;
}

export function bareOfSqlite(database: DatabaseSync): Bare {
  const select = database.prepare(`${LOOKUP} sojourn_sessions ${WHERE} ?`);
  const update = database.prepare(`UPDATE sojourn_sessions SET session_data = ?, session_version = ? ${WHERE} ?`);
  return {
    lookup: (handle) => select.get(handle),
    save: (handle, data, version) => Number(update.run(data, version, handle).changes),
  };
}

export function bareOfPostgres(pool: Pool, table: string): Bare {
  const select = { name: `bare_select_${table}`, text: `${LOOKUP} "${table}" ${WHERE} $1` };
  const update = {
    name: `bare_update_${table}`,
    text: `UPDATE "${table}" SET session_data = $1, session_version = $2 ${WHERE} $3`,
  };
  return {
    lookup: async (handle) => (await pool.query<object>({ ...select, values: [handle] })).rows[0],
    save: async (handle, data, version) => (await pool.query({ ...update, values: [data, version, handle] })).rowCount ?? 0,
  };
}
