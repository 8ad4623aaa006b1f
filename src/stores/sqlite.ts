import { SessionError } from "../core/errors.ts";
import { Checkpoints } from "./sqlite/checkpoints.ts";
import { Connection } from "./sqlite/connection.ts";
import { isInFile, openDatabase, probeDatabase, type SqliteDatabaseLike } from "./sqlite/driver.ts";
import { isBusy, resultOf } from "./sql/dialects/sqlite/results.ts";
import { storeFailure } from "./sqlite/failures.ts";
import { refuseUnusable } from "./sqlite/migrate.ts";
import { tableNames, type TableNames } from "./sqlite/names.ts";
import { resolveSqliteOptions, type SqliteStoreOptions } from "./sqlite/options.ts";
import { SqliteSessions, type SqliteStore } from "./sqlite/store.ts";

export type { SqliteDatabaseLike, SqliteStatementLike, SqliteValue } from "./sqlite/driver.ts";
export type { MigrateOptions, MigratingStore, MigrationReport } from "./sqlite/migrate.ts";
export type { SqliteStoreOptions } from "./sqlite/options.ts";
export { sqliteSchema, type SqliteSchemaOptions } from "./sqlite/schema.ts";
export type { SqliteStore } from "./sqlite/store.ts";

/**
 * Keeps sessions in one table of a SQLite database: durable, and shared by the processes of one machine.
 *
 * ```ts
 * sqliteStore("sessions.db");
 * sqliteStore({ database: new Database("app.db"), table: "web_sessions" }); // better-sqlite3, bun:sqlite, libsql
 * ```
 *
 * A file is opened with the runtime's own `node:sqlite`, in WAL mode, when the store is made, and is readable by its owner alone if it is
 * new. The tables are created with the first call; tables of an older release are left alone until `sojourn migrate` or `migrate()`
 * upgrades them. Anyone can look inside with `sqlite3 sessions.db 'SELECT * FROM sojourn_sessions_readable'`.
 *
 * Calls answer at once, with values and not promises, and throw at once; one that meets another process's lock gives a promise and tries
 * again until `busyTimeoutMs` is over, then rejects with `ERR_SESSION_STORE` whose `applied` is `"no"`. A full disk and a read-only
 * database are `"no"` as well; an I/O error during a write is `"unknown"`, as it may have come after the commit. Text with a NUL or half
 * a surrogate pair is refused with `ERR_SESSION_DATA`. After `close` every call is `ERR_SESSION_USAGE`.
 *
 * @param options the file's path, or options
 * @throws {SessionError} `ERR_SESSION_CONFIG` when an option cannot work, the runtime has no SQLite, the folder is missing, the file is not a
 *   database, or its tables are of a newer release or not sojourn's
 */
export function sqliteStore(options: string | SqliteStoreOptions = {}): SqliteStore {
  const { path, database: given, table, ...settings } = resolveSqliteOptions(options);
  const names = tableNames(table);
  const database = given ?? openDatabase(path);
  try {
    examine(database, names);
    const inFile = isInFile(database);
    const own = given === undefined;
    const checkpoints = own && inFile ? new Checkpoints(path) : undefined;
    const connection = new Connection(database, names, { own, ...settings, checkpoints });
    return new SqliteSessions(connection, names, inFile);
  } catch (error) {
    if (given === undefined) database.close();
    throw error;
  }
}

/** Refuses at once what can never work. */
function examine(database: SqliteDatabaseLike, names: TableNames): void {
  try {
    probeDatabase(database);
    refuseUnusable(database, names);
  } catch (error) {
    // Another process is at it: the first call looks again, and can wait.
    if (isBusy(error)) return;
    const failure = storeFailure(error, "read", names.sessions);
    const unusable = ["NOTADB", "CANTOPEN"].includes(resultOf(error) ?? "");
    throw unusable ? new SessionError("ERR_SESSION_CONFIG", `sqliteStore: ${failure.message}`, { cause: error }) : failure;
  }
}
