import { SessionError } from "../../core/errors.ts";
import type { Awaitable } from "../../core/store.ts";
import type { Database, Dialect } from "./dialect.ts";
import type { SqlResult, Statement } from "./driver.ts";

/** The version of the tables that this release makes and needs. */
export const SCHEMA_VERSION = 1;

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
   * Creates the store's tables. Safe while other processes do the same.
   *
   * @throws {SessionError} `ERR_SESSION_CONFIG` when the tables are of a newer version, or not sojourn's
   */
  migrate(options?: MigrateOptions): Awaitable<MigrationReport>;
}

/** Creates the tables where they are missing; gives the statements that it ran, or with `dryRun` would run. */
export async function migrate({ dialect, driver }: Database, options: MigrateOptions = {}): Promise<MigrationReport> {
  if (await isComplete({ dialect, driver })) return { statements: [] };
  if (options.dryRun !== true) await driver.script(dialect.schema);
  return { statements: dialect.schema };
}

/** @throws {SessionError} `ERR_SESSION_CONFIG` for tables that this release can never use */
async function isComplete({ dialect, driver }: Database): Promise<boolean> {
  const ask = (statement: Statement): Promise<SqlResult | undefined> => orMissing(dialect, driver.query(statement, []));
  let versions = await ask(dialect.version);
  const sessions = await ask(dialect.exists);
  // Asked again: another process may have made the tables between the two questions.
  if (versions === undefined && sessions !== undefined) versions = await ask(dialect.version);
  if (versions === undefined) {
    if (sessions === undefined) return false;
    throw foreign(dialect);
  }
  // Where creating them is not one transaction, the version is noted last.
  if (versions.rows.length === 0) return false;
  const version = Number(versions.rows[0]?.[0]);
  if (versions.rows.length !== 1 || !Number.isSafeInteger(version) || version < 1) throw foreign(dialect);
  if (version > SCHEMA_VERSION) throw newer(dialect, version);
  return sessions !== undefined;
}

async function orMissing(dialect: Dialect, asked: Promise<SqlResult>): Promise<SqlResult | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (dialect.troubleOf(error)?.kind === "no table") return undefined;
    throw error;
  }
}

function foreign({ store, names: { table } }: Dialect): SessionError {
  return new SessionError(
    "ERR_SESSION_CONFIG",
    `${store}: the database has a table "${table}" or "${table}_schema" that is not sojourn's; choose another \`table\``,
  );
}

function newer({ store, names: { table } }: Dialect, version: number): SessionError {
  return new SessionError(
    "ERR_SESSION_CONFIG",
    `${store}: the table "${table}" is of version ${version}, made by a newer sojourn, and this one knows version ` +
      `${SCHEMA_VERSION}; install a newer sojourn, or choose another \`table\``,
  );
}
