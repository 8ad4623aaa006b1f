import { SessionError } from "../core/errors.ts";
import { mysqlDriver } from "./mysql/clients.ts";
import { mysqlDialect } from "./sql/dialects/mysql/dialect.ts";
import { resolveMysqlOptions, type MysqlStoreOptions } from "./mysql/options.ts";
import { SqlSessions, type SqlStore } from "./sql/store.ts";

export type { MysqlCallbackClientLike, MysqlClientLike, MysqlPromiseClientLike, MysqlQuery } from "./mysql/clients.ts";
export type { MysqlStoreOptions } from "./mysql/options.ts";
export { mysqlSchema, type MysqlSchemaOptions } from "./sql/dialects/mysql/schema.ts";
export type { MigrateOptions, MigratingStore, MigrationReport } from "./sql/migrate.ts";
export type { SqlStore } from "./sql/store.ts";

/**
 * Keeps sessions in a table of a MySQL (8.0 or newer) or MariaDB (10.5 or newer) database, over the client that the application has.
 * It is tested on MariaDB alone.
 *
 * ```ts
 * mysqlStore({ client: createPool({ uri }) }); // mysql2, mysql2/promise
 * mysqlStore({ client: mariadb.createPool(uri) }); // mariadb
 * ```
 *
 * Every verb is one statement, and so one round trip and one transaction, unless something stood in its way. The tables are created
 * with the first call; {@link mysqlSchema} has them as SQL.
 *
 * What the database refused or undid, and a connection that was never had, is `ERR_SESSION_STORE` whose `applied` is `"no"`; what it
 * undid because of others at the same time is tried a few times more first. Other errors are the driver's, as whether anything was stored
 * is not known. Text with a NUL or half a surrogate pair is refused with `ERR_SESSION_DATA`, data beyond `max_allowed_packet` with
 * `ERR_SESSION_TOO_LARGE` where the driver or the server says so. After `close`, which leaves the client open, every call is
 * `ERR_SESSION_USAGE`.
 *
 * @throws {SessionError} `ERR_SESSION_CONFIG` when an option cannot work; with the first call, when the connection is not in utf8mb4 or
 *   has no autocommit, or the tables are of a newer release or not sojourn's
 */
export function mysqlStore(options: MysqlStoreOptions): SqlStore {
  const { client, table, prepare } = resolveMysqlOptions(options);
  const dialect = mysqlDialect({ table, store: "mysqlStore", prepares: prepare });
  const driver = mysqlDriver(client, { prepare, own: false });
  if (driver === undefined) {
    throw new SessionError("ERR_SESSION_CONFIG", "mysqlStore: `client` is neither a client of `mysql2` nor of `mariadb`");
  }
  return new SqlSessions({ dialect, driver });
}
