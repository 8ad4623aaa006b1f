import { SessionError } from "../../core/errors.ts";
import type { Awaitable } from "../../core/store.ts";
import { query, type SqliteDatabaseLike } from "./driver.ts";
import { quote, type TableNames } from "./names.ts";
import { MIGRATIONS, migrationStatements, type Migration } from "./schema.ts";

/** What may be said about a migration. */
export interface MigrateOptions {
  /** Only say what would be done. Default false. */
  readonly dryRun?: boolean;
}

/** What a migration did, or would do. */
export interface MigrationReport {
  /** The statements, in order; none when the tables are up to date. */
  readonly statements: readonly string[];
}

/** A store whose tables have versions. */
export interface MigratingStore {
  /**
   * Creates the store's tables, or upgrades them to the version that this release needs, in one transaction: all or nothing.
   *
   * @throws {SessionError} `ERR_SESSION_CONFIG` when the tables are of a newer version, or not sojourn's
   */
  migrate(options?: MigrateOptions): Awaitable<MigrationReport>;
}

/** What a database holds under the names of a table of sessions. `version` 0: nothing. `complete`: the table itself is there. */
interface SchemaState {
  readonly version: number;
  readonly complete: boolean;
  /** Tables without a version yet, which `kyselyStore` makes one after the other. */
  readonly begun?: boolean;
}

/** What is missing, and whether somebody else has begun with it. */
interface Pending {
  readonly due: readonly Migration[];
  readonly begun: boolean;
}

function kindOf(database: SqliteDatabaseLike, name: string): unknown {
  const found = query(database, "SELECT type FROM sqlite_master WHERE name = ? COLLATE NOCASE", ["type"], name);
  return found[0]?.[0];
}

function inspect(database: SqliteDatabaseLike, names: TableNames): SchemaState {
  const sessions = kindOf(database, names.sessions);
  const schema = kindOf(database, names.schema);
  if (sessions === undefined && schema === undefined) return { version: 0, complete: false };
  if (schema !== "table" || (sessions !== undefined && sessions !== "table")) throw foreign(names);
  const rows = query(database, `SELECT * FROM ${quote(names.schema)}`, ["version"]);
  if (rows.length === 0 && isOurs(database, names)) return { version: 0, complete: false, begun: true };
  const version = Number(rows[0]?.[0]);
  if (rows.length !== 1 || !Number.isSafeInteger(version) || version < 1) throw foreign(names);
  return { version, complete: sessions !== undefined };
}

/** Whether the table of sessions is one of sojourn's, or still missing. */
function isOurs(database: SqliteDatabaseLike, { sessions }: TableNames): boolean {
  const columns = query(database, "SELECT name FROM pragma_table_info(?)", ["name"], sessions).map(([name]) => name);
  return columns.length === 0 || columns.includes("sweep_at");
}

function foreign(names: TableNames): SessionError {
  return new SessionError(
    "ERR_SESSION_CONFIG",
    `sqliteStore: the database has a table "${names.sessions}" or "${names.schema}" that is not sojourn's; choose another \`table\``,
  );
}

/** Compares the tables with what `migrations` make, and gives what is missing. */
function pending(database: SqliteDatabaseLike, names: TableNames, migrations: readonly Migration[]): Pending {
  const { version, complete, begun = false } = inspect(database, names);
  const newest = migrations.at(-1)?.version ?? 0;
  if (version > newest) {
    throw new SessionError(
      "ERR_SESSION_CONFIG",
      `sqliteStore: the table "${names.sessions}" is of version ${version}, made by a newer sojourn, and this one knows version ` +
        `${newest}; install a newer sojourn, or choose another \`table\``,
    );
  }
  // Where only the table of sessions was dropped, everything is made again around what is left.
  return { due: complete ? migrations.filter((migration) => migration.version > version) : migrations, begun };
}

/**
 * Runs `body` as one transaction that holds the write lock from its first statement on.
 *
 * @param undone turns an error before the commit into what is thrown: nothing was stored then
 */
export function inTransaction<T>(database: SqliteDatabaseLike, body: () => T, undone: (error: unknown) => unknown): T {
  database.exec("BEGIN IMMEDIATE");
  let value: T;
  try {
    value = body();
  } catch (error) {
    rollBack(database);
    throw undone(error);
  }
  try {
    database.exec("COMMIT");
  } catch (error) {
    rollBack(database);
    throw error;
  }
  return value;
}

function rollBack(database: SqliteDatabaseLike): void {
  try {
    database.exec("ROLLBACK");
  } catch {
    // After most failures SQLite has rolled back by itself, and says that there is nothing left to roll back.
  }
}

/** Creates or upgrades the tables; gives the statements that it ran, or with `dryRun` would run. */
export function migrate(
  database: SqliteDatabaseLike,
  names: TableNames,
  options: MigrateOptions = {},
  migrations: readonly Migration[] = MIGRATIONS,
): MigrationReport {
  const statementsNow = (): readonly string[] => {
    const { due, begun } = pending(database, names, migrations);
    return migrationStatements(names, due, begun);
  };
  const statements = statementsNow();
  if (options.dryRun === true || statements.length === 0) return { statements };
  // Looked at again under the lock: another process may have been faster.
  const run = (): MigrationReport => {
    const due = statementsNow();
    for (const statement of due) database.exec(statement);
    return { statements: due };
  };
  return inTransaction(database, run, (error) => error);
}

/**
 * Creates the tables in a database that has none. Tables of an older version are not changed behind the back of the processes
 * that use them.
 *
 * @throws {SessionError} `ERR_SESSION_CONFIG` for tables of another version, or not of sojourn
 */
export function ensureSchema(
  database: SqliteDatabaseLike,
  names: TableNames,
  migrations: readonly Migration[] = MIGRATIONS,
): void {
  const { due } = pending(database, names, migrations);
  if (due.length === 0) return;
  if (due.length < migrations.length) {
    throw new SessionError(
      "ERR_SESSION_CONFIG",
      `sqliteStore: the table "${names.sessions}" was made by an older sojourn; run \`sojourn migrate\`, or call the store's migrate()`,
    );
  }
  migrate(database, names, {}, migrations);
}

/**
 * Refuses tables that this release can never use, as soon as the store is made.
 *
 * @throws {SessionError} `ERR_SESSION_CONFIG`
 */
export function refuseUnusable(database: SqliteDatabaseLike, names: TableNames): void {
  pending(database, names, MIGRATIONS);
}
