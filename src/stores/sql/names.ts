import { SessionError } from "../../core/errors.ts";

/** The table of sessions when no other is asked for. */
export const DEFAULT_TABLE = "sojourn_sessions";

/** The names of everything that belongs to one table of sessions; quoted, and with their schema, but for `table`. */
export interface TableNames {
  /** As it was given. */
  readonly table: string;
  /** Sessions and the tombstones of those that are over. */
  readonly sessions: string;
  /** The epochs of users that were revoked. */
  readonly users: string;
  /** The version of the schema. */
  readonly schema: string;
  /** A view with dates that a person can read. */
  readonly readable: string;
  /** Indexes, which stand in the schema of their table. */
  readonly byUser: string;
  readonly bySweep: string;
}

const LONGEST_SUFFIX = "_readable".length;

/** Which table of sessions is meant, and by whom. */
export interface TableChoice {
  readonly table: string;
  /** The schema that it is in, where the database has them; without it, the connection's own. */
  readonly schema?: string | undefined;
  /** The function that was asked, for messages: `postgresStore`. */
  readonly store: string;
}

/** How a database writes names. */
export interface Naming {
  /** The most bytes that a name has before the database cuts it off or refuses it. */
  readonly longest: number;
  quote(name: string): string;
}

/**
 * Any text may name the table, as it is always quoted.
 *
 * @throws {SessionError} `ERR_SESSION_CONFIG` for text that no database takes for a name, or that leaves no room for the suffixes
 */
export function tableNames({ table, schema, store }: TableChoice, { longest, quote }: Naming): TableNames {
  checkName(table, "table", longest - LONGEST_SUFFIX, store);
  if (schema !== undefined) checkName(schema, "schema", longest, store);
  const prefix = schema === undefined ? "" : `${quote(schema)}.`;
  const named = (suffix: string): string => `${prefix}${quote(`${table}${suffix}`)}`;
  return Object.freeze({
    table,
    sessions: named(""),
    users: named("_users"),
    schema: named("_schema"),
    readable: named("_readable"),
    byUser: quote(`${table}_by_user`),
    bySweep: quote(`${table}_by_sweep`),
  });
}

function checkName(name: string, option: string, longest: number, store: string): void {
  // A database's names end with neither a blank nor a NUL, and MySQL's know only the first 65,536 characters.
  const sound =
    typeof name === "string" &&
    name.trim() === name &&
    name !== "" &&
    name.isWellFormed() &&
    !/[\0\u{10000}-\u{10ffff}]/u.test(name);
  if (sound && new TextEncoder().encode(name).length <= longest) return;
  throw new SessionError(
    "ERR_SESSION_CONFIG",
    `${store}: \`${option}\` must be a name of 1 to ${longest} bytes, without blanks at its ends`,
  );
}
