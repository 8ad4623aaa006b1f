import { SessionError } from "../../core/errors.ts";
import { lazyDriver, type SqlDriver } from "../sql/driver.ts";
import { field } from "../sql/failures.ts";
import { DEFAULT_TABLE } from "../sql/names.ts";
import { SqlSessions, type SqlStore } from "../sql/store.ts";
import { postgresDriver, type PgClientLike, type PostgresJsLike } from "./clients.ts";
import { postgresDialect } from "./dialect.ts";

// Not literals where they are imported: a bundler must not look for the driver that was not installed.
const DRIVERS: readonly string[] = ["pg", "postgres"];

/**
 * A store on a database that a URL names, `postgres://user:password@host/database`. The driver, `pg` or else `postgres`, is
 * imported and connects with the first call; closing the store closes it.
 *
 * @throws {SessionError} `ERR_SESSION_CONFIG`; with the first call, when neither driver is installed
 */
export function postgresStoreFromUrl(url: string): SqlStore {
  if (!/^postgres(ql)?:\/\//.test(url) || !URL.canParse(url)) {
    throw new SessionError(
      "ERR_SESSION_CONFIG",
      "The URL of a PostgreSQL database is `postgres://user:password@host/database`",
    );
  }
  return new SqlSessions({ dialect: postgresDialect(DEFAULT_TABLE, undefined), driver: lazyDriver(() => connect(url)) });
}

async function connect(url: string): Promise<SqlDriver> {
  for (const name of DRIVERS) {
    let module: unknown;
    try {
      module = await import(name);
    } catch (error) {
      if (field(error, "code") === "ERR_MODULE_NOT_FOUND") continue;
      throw error;
    }
    const exported = field(module, "default") ?? module;
    const client = name === "pg" ? poolOf(exported, url) : sqlOf(exported, url);
    const driver = postgresDriver(client, { prepare: true, own: true });
    if (driver !== undefined) return driver;
  }
  throw new SessionError("ERR_SESSION_CONFIG", "A `postgres:` store needs a driver: install `pg` or `postgres`");
}

/** A connection that cannot be had in time must not keep a request waiting. */
const CONNECT_SECONDS = 5;

function poolOf(module: unknown, url: string): PgClientLike {
  const Pool = field(module, "Pool") as new (options: object) => PgClientLike;
  return new Pool({ connectionString: url, connectionTimeoutMillis: CONNECT_SECONDS * 1000, keepAlive: true });
}

function sqlOf(module: unknown, url: string): PostgresJsLike {
  const connectTo = module as (url: string, options: object) => PostgresJsLike;
  const settings = {
    connect_timeout: CONNECT_SECONDS,
    // By itself it waits up to 20 seconds before it tries again.
    backoff: (tries: number) => Math.min(2 ** tries / 100, 1),
    // Its notices, as "relation already exists", would be printed.
    onnotice: () => undefined,
  };
  return connectTo(url, settings);
}
