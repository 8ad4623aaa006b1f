import { SessionError } from "../core/errors.ts";
import { postgresDriver } from "./postgres/clients.ts";
import { postgresDialect } from "./sql/dialects/postgres/dialect.ts";
import { resolvePostgresOptions, type PostgresStoreOptions } from "./postgres/options.ts";
import { SqlSessions, type SqlStore } from "./sql/store.ts";

export type { PgClientLike, PostgresClientLike, PostgresJsLike, PostgresJsQuery } from "./postgres/clients.ts";
export { postgresFeed, type PostgresFeedOptions } from "./postgres/feed-options.ts";
export { postgresFeedSchema } from "./postgres/feed-schema.ts";
export type { PgListenerLike, PostgresJsListenerLike, PostgresListenerLike } from "./postgres/listening.ts";
export type { PostgresStoreOptions } from "./postgres/options.ts";
export { postgresSchema, type PostgresSchemaOptions } from "./sql/dialects/postgres/schema.ts";
export type { MigrateOptions, MigratingStore, MigrationReport } from "./sql/migrate.ts";
export type { SqlStore } from "./sql/store.ts";

/**
 * Keeps sessions in a table of a PostgreSQL database (12 or newer), over the client that the application has.
 *
 * ```ts
 * postgresStore({ client: new Pool({ connectionString }) }); // pg
 * postgresStore({ client: postgres(url) }); // postgres
 * ```
 *
 * Every verb is one statement, and so one round trip and one transaction, unless something stood in its way. The tables are created
 * with the first call; {@link postgresSchema} has them as SQL.
 *
 * What PostgreSQL refused or undid, and a connection that was never had, is `ERR_SESSION_STORE` whose `applied` is `"no"`; what it undid
 * because of others at the same time is tried a few times more first. Other errors are the driver's, as whether anything was stored is
 * not known. Text with a NUL or half a surrogate pair is refused with `ERR_SESSION_DATA`. After `close`, which leaves the client
 * open, every call is `ERR_SESSION_USAGE`.
 *
 * @throws {SessionError} `ERR_SESSION_CONFIG` when an option cannot work; with the first call, when the tables are of a newer release or
 *   not sojourn's
 */
export function postgresStore(options: PostgresStoreOptions): SqlStore {
  const { client, table, schema, prepare } = resolvePostgresOptions(options);
  const dialect = postgresDialect({ table, schema, store: "postgresStore" });
  const driver = postgresDriver(client, { prepare, own: false });
  if (driver === undefined) {
    throw new SessionError("ERR_SESSION_CONFIG", "postgresStore: `client` is neither a client of `pg` nor of `postgres`");
  }
  return new SqlSessions({ dialect, driver });
}
