import { SessionError } from "../../core/errors.ts";

/** The table of sessions when no other is asked for. */
export const DEFAULT_TABLE = "sojourn_sessions";

/** The names of everything that belongs to one table of sessions, as they are, unquoted. */
export interface TableNames {
  /** Sessions and the tombstones of those that are over. */
  readonly sessions: string;
  /** The epochs of users that were revoked. */
  readonly users: string;
  /** The version of the schema. */
  readonly schema: string;
  /** A view with dates that a person can read. */
  readonly readable: string;
  readonly byUser: string;
  readonly bySweep: string;
}

const LONGEST = 128;

/**
 * Any text may name the table, as it is always quoted.
 *
 * @throws {SessionError} `ERR_SESSION_CONFIG` for text that SQLite does not take for a name
 */
export function tableNames(table: string): TableNames {
  const sound = typeof table === "string" && table.length > 0 && table.length <= LONGEST;
  if (!sound || table.includes("\0") || !table.isWellFormed()) {
    throw new SessionError("ERR_SESSION_CONFIG", `sqliteStore: \`table\` must be a text of 1 to ${LONGEST} characters`);
  }
  if (/^sqlite_/i.test(table)) {
    throw new SessionError(
      "ERR_SESSION_CONFIG",
      "sqliteStore: `table` must not begin with sqlite_, which SQLite keeps for itself",
    );
  }
  return Object.freeze({
    sessions: table,
    users: `${table}_users`,
    schema: `${table}_schema`,
    readable: `${table}_readable`,
    byUser: `${table}_by_user`,
    bySweep: `${table}_by_sweep`,
  });
}

/** An identifier in SQL, whatever characters it has. */
export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
