import { SessionError } from "../../core/errors.ts";
import { isBusy, resultOf } from "../sql/dialects/sqlite/results.ts";

/** What is bound to a statement. Never a boolean and never undefined: drivers disagree on both, and one ends the process. */
export type SqliteValue = string | number | bigint | null;

/** As much of a prepared statement as the store uses. */
export interface SqliteStatementLike {
  /** The first row, or `undefined` or `null` when there is none. */
  get(...values: SqliteValue[]): unknown;
  /** Every row. */
  all(...values: SqliteValue[]): readonly unknown[];
  /** Runs to the end and says how many rows were changed. */
  run(...values: SqliteValue[]): { readonly changes: number | bigint };
  /** Makes rows come as arrays, where the driver can. */
  setReturnArrays?(enabled: boolean): unknown;
  /** Gives the statement back; where it is missing, closing the database does. */
  finalize?(): unknown;
}

/**
 * An open, synchronous SQLite database: `DatabaseSync` of `node:sqlite`, `Database` of better-sqlite3, `bun:sqlite` or libsql, or
 * anything of the same shape.
 */
export interface SqliteDatabaseLike {
  prepare(sql: string): SqliteStatementLike;
  exec(sql: string): unknown;
  close(): unknown;
  /** True inside a transaction, as `node:sqlite` names it. */
  readonly isTransaction?: boolean;
  /** True inside a transaction, as the other drivers name it. */
  readonly inTransaction?: boolean;
  /** libsql's alone. */
  readonly syncUntil?: unknown;
}

/** The values of a row, in the order of the columns that were asked for. */
export type Fields = readonly unknown[];

/** The values of a row as the driver gave it: an array, an object, or nothing. */
export function fieldsOf(row: unknown, columns: readonly string[]): Fields | undefined {
  if (Array.isArray(row)) return row as Fields;
  if (typeof row !== "object" || row === null) return undefined;
  const object = row as Readonly<Record<string, unknown>>;
  return columns.map((column) => object[column]);
}

/** Runs a query whose speed does not matter, and gives its rows. */
export function query(
  database: SqliteDatabaseLike,
  sql: string,
  columns: readonly string[],
  ...values: SqliteValue[]
): Fields[] {
  const statement = database.prepare(sql);
  try {
    return statement.all(...values).map((row) => fieldsOf(row, columns) ?? []);
  } finally {
    statement.finalize?.();
  }
}

const WITHOUT_DRIVER =
  "sqliteStore: this runtime has no `node:sqlite`. Use Node 22.13 or newer, Bun or Deno, or open a database with better-sqlite3 " +
  "and pass it as `database`";

/**
 * Opens the file with the runtime's own SQLite. A file that is not there yet is made readable by its owner alone.
 *
 * @throws {SessionError} `ERR_SESSION_CONFIG` when there is no SQLite, or the path cannot be opened
 */
export function openDatabase(path: string): SqliteDatabaseLike {
  // Asked for at run time: a static import would break every runtime that lacks the module.
  const sqlite = globalThis.process?.getBuiltinModule?.("node:sqlite");
  if (sqlite === undefined) throw new SessionError("ERR_SESSION_CONFIG", WITHOUT_DRIVER);
  if (path !== ":memory:") prepareFile(path);
  try {
    return new sqlite.DatabaseSync(path);
  } catch (cause) {
    throw new SessionError("ERR_SESSION_CONFIG", `sqliteStore: \`path\` "${path}" cannot be opened as a database`, {
      cause,
    });
  }
}

function prepareFile(path: string): void {
  const fs = process.getBuiltinModule("node:fs");
  try {
    fs.closeSync(fs.openSync(path, "wx", 0o600));
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    // On a read-only file system the complaint may be about that, though the file is there.
    if (code === "EEXIST" || fs.existsSync(path)) return;
    const problem =
      code === "ENOENT" || code === "ENOTDIR" ? "the folder does not exist" : `the file cannot be made (${String(code)})`;
    throw new SessionError("ERR_SESSION_CONFIG", `sqliteStore: \`path\` "${path}": ${problem}`, { cause });
  }
}

/**
 * Tries what the store will rely on, so that a driver of another shape is refused when it is configured.
 *
 * @throws {SessionError} `ERR_SESSION_CONFIG`
 */
export function probeDatabase(database: SqliteDatabaseLike): void {
  let row: unknown;
  try {
    row = database.prepare("SELECT ? AS word, ? AS number").get("a", 1);
  } catch (cause) {
    // What SQLite itself says is about the file, which may be locked or damaged, and not about the driver.
    if (resultOf(cause) !== undefined) throw cause;
    throw new SessionError("ERR_SESSION_CONFIG", "sqliteStore: `database` cannot run a query", { cause });
  }
  const [word, number] = fieldsOf(row, ["word", "number"]) ?? [];
  if (word === "a" && Number(number) === 1) return;
  const asynchronous = row instanceof Promise ? ": it answers with promises, and a synchronous driver is needed" : "";
  throw new SessionError(
    "ERR_SESSION_CONFIG",
    `sqliteStore: \`database\` does not give rows as other drivers do${asynchronous}`,
  );
}

/**
 * True for libsql, known by a method that it alone has. A statement that met a lock is left open there, and as long as it is, SQLite
 * commits nothing of what other statements write on the connection, though it says so; all of it is undone in the end. With the lock
 * taken by `BEGIN IMMEDIATE` first, no statement ever meets one.
 */
export function keepsFailedStatements(database: SqliteDatabaseLike): boolean {
  return typeof database.syncUntil === "function";
}

/** True for a database that is kept in a file, and not in memory. */
export function isInFile(database: SqliteDatabaseLike): boolean {
  try {
    const list = query(database, "PRAGMA database_list", ["seq", "name", "file"]);
    return list.some(([, name, file]) => name === "main" && typeof file === "string" && file !== "");
  } catch (error) {
    // Only a file is ever locked.
    if (isBusy(error)) return true;
    throw error;
  }
}
