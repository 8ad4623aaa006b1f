import { DIALECTS } from "./kysely/dialects.ts";
import { kyselyDriver } from "./kysely/driver.ts";
import {
  resolveKyselyOptions,
  resolveKyselySchemaOptions,
  type KyselySchemaOptions,
  type KyselyStoreOptions,
} from "./kysely/options.ts";
import { SqlSessions, type SqlStore } from "./sql/store.ts";

export type { KyselyDialectName } from "./kysely/dialects.ts";
export type {
  KyselyExecutorLike,
  KyselyLike,
  KyselyQuery,
  KyselyRawNode,
  KyselyResult,
  KyselyWithoutPluginsLike,
} from "./kysely/instance.ts";
export type { KyselySchemaOptions, KyselyStoreOptions } from "./kysely/options.ts";
export type { MigrateOptions, MigratingStore, MigrationReport } from "./sql/migrate.ts";
export type { SqlStore } from "./sql/store.ts";

/**
 * Keeps sessions in a table of whatever database the application's instance of Kysely speaks to: PostgreSQL (12 or newer), MySQL (8.0),
 * MariaDB (10.5), SQLite (3.37) and its kin, SQL Server (2016).
 *
 * ```ts
 * kyselyStore({ db, dialect: "postgres" });
 * ```
 *
 * Every verb is one statement, and so one round trip and one transaction, unless something stood in its way. The tables are created
 * with the first call, and are those that `postgresStore`, `mysqlStore` and `sqliteStore` make; {@link kyselySchema} has them as SQL.
 *
 * What the database refused or undid, and a connection that was never had, is `ERR_SESSION_STORE` whose `applied` is `"no"`; what it
 * undid because of others at the same time is tried a few times more first. Other errors are the driver's, as whether anything was
 * stored is not known. Text with a NUL or half a surrogate pair is refused with `ERR_SESSION_DATA`. After `close`, which leaves the
 * instance open, every call is `ERR_SESSION_USAGE`.
 *
 * @throws {SessionError} `ERR_SESSION_CONFIG` when an option cannot work; with the first call, when the database is another than
 *   `dialect` says, or the tables are of a newer release or not sojourn's
 */
export function kyselyStore(options: KyselyStoreOptions): SqlStore {
  const { db, dialect: name, choice } = resolveKyselyOptions(options);
  const dialect = DIALECTS[name](choice);
  return new SqlSessions({ dialect, driver: kyselyDriver(db, dialect) });
}

/**
 * The statements that make the tables, in order, for a migration of the application's own. What is there already stays as it is.
 *
 * ```ts
 * for (const statement of kyselySchema({ dialect: "postgres" })) await sql.raw(statement).execute(db);
 * ```
 *
 * @throws {SessionError} `ERR_SESSION_CONFIG`
 */
export function kyselySchema(options: KyselySchemaOptions): readonly string[] {
  const { dialect, choice } = resolveKyselySchemaOptions(options);
  return DIALECTS[dialect](choice).schema;
}
