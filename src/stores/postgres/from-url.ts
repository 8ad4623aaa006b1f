import { SessionError } from "../../core/errors.ts";
import type { ChangeFeed } from "../../core/feed.ts";
import { lazyDriver, type SqlDriver } from "../sql/driver.ts";
import { field } from "../sql/failures.ts";
import { DEFAULT_TABLE } from "../sql/names.ts";
import { SqlSessions, type SqlStore } from "../sql/store.ts";
import { postgresDriver, type PgClientLike, type PostgresClientLike, type PostgresJsLike } from "./clients.ts";
import { PostgresFeed } from "./feed.ts";
import { feedNames } from "./feed-schema.ts";
import { listenersLike } from "./listening.ts";
import { postgresDialect } from "../sql/dialects/postgres/dialect.ts";

// Not literals where they are imported: a bundler must not look for the driver that was not installed.
const DRIVERS: readonly string[] = ["pg", "postgres"];

/**
 * A store on a database that a URL names, `postgres://user:password@host/database`. The driver, `pg` or else `postgres`, is
 * imported and connects with the first call; closing the store closes it.
 *
 * @throws {SessionError} `ERR_SESSION_CONFIG`; with the first call, when neither driver is installed
 */
export function postgresStoreFromUrl(url: string): SqlStore {
  return postgresPartsFromUrl(url).store;
}

/** The store of a URL and the feed of its changes, over one client, which the store closes. */
export function postgresPartsFromUrl(url: string): { readonly store: SqlStore; readonly feed: ChangeFeed } {
  checkUrl(url);
  let opening: Promise<Opened> | undefined;
  const opened = (): Promise<Opened> =>
    (opening ??= connect(url).catch((error: unknown) => {
      opening = undefined;
      throw error;
    }));
  const choice = { table: DEFAULT_TABLE, store: "postgresStore" };
  const database = { dialect: postgresDialect(choice), driver: lazyDriver(async () => (await opened()).driver) };
  const feed = new PostgresFeed({
    database,
    names: feedNames(choice),
    listen: async () => listenersLike((await opened()).client)(),
    create: true,
  });
  return { store: new SqlSessions(database), feed };
}

/** The driver alone, for other tables; it connects with the first query. @throws {SessionError} as {@link postgresStoreFromUrl} */
export function postgresDriverFromUrl(url: string): SqlDriver {
  checkUrl(url);
  return lazyDriver(async () => (await connect(url)).driver);
}

function checkUrl(url: string): void {
  if (/^postgres(ql)?:\/\//.test(url) && URL.canParse(url)) return;
  throw new SessionError(
    "ERR_SESSION_CONFIG",
    "The URL of a PostgreSQL database is `postgres://user:password@host/database`",
  );
}

interface Opened {
  readonly client: PostgresClientLike;
  readonly driver: SqlDriver;
}

async function connect(url: string): Promise<Opened> {
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
    if (driver !== undefined) return { client, driver };
  }
  throw new SessionError("ERR_SESSION_CONFIG", "A `postgres:` store needs a driver: install `pg` or `postgres`");
}

/** A connection that cannot be had in time must not keep a request waiting. */
const CONNECT_SECONDS = 5;

function poolOf(module: unknown, url: string): PgClientLike {
  const Pool = field(module, "Pool") as new (options: object) => PgClientLike;
  return new Pool({ connectionString: url, connectionTimeoutMillis: CONNECT_SECONDS * 1000, keepAlive: true });
}

/** A client of `postgres` for a URL; it connects with its first statement. */
export function sqlOf(module: unknown, url: string): PostgresJsLike {
  const connectTo = module as (url: string, options: object) => PostgresJsLike;
  const settings = {
    connect_timeout: CONNECT_SECONDS,
    // By itself it waits up to 20 seconds before it tries again.
    backoff: (tries: number) => Math.min(2 ** tries / 100, 1),
    // Asked for them, it lets a rejection that nobody can handle end the process when the connection is lost meanwhile.
    fetch_types: false,
    // Its notices, as "relation already exists", would be printed.
    onnotice: () => undefined,
  };
  return connectTo(url, settings);
}
