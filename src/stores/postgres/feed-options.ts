import { SessionError } from "../../core/errors.ts";
import type { ChangeFeed } from "../../core/feed.ts";
import type { Awaitable } from "../../core/store.ts";
import { postgresDialect } from "../sql/dialects/postgres/dialect.ts";
import { DEFAULT_TABLE } from "../sql/names.ts";
import { postgresDriver, type PostgresClientLike } from "./clients.ts";
import { PostgresFeed } from "./feed.ts";
import { feedNames } from "./feed-schema.ts";
import { listenersLike, type PostgresListenerLike } from "./listening.ts";

/** Options of `postgresFeed`. */
export interface PostgresFeedOptions {
  /** The pool of `pg`, or `sql` of `postgres`, that the store has. What the feed itself needs is a connection of its own. */
  readonly client: PostgresClientLike;
  /** The store's `table`. Default `sojourn_sessions`. */
  readonly table?: string;
  /** The store's `schema`. Default: the first of the connection's `search_path`. */
  readonly schema?: string;
  /** The store's `prepare`. Default true. */
  readonly prepare?: boolean;
  /** Whether the feed makes the triggers that it needs when they are missing. Default true. */
  readonly create?: boolean;
  /**
   * Gives a new client for the feed alone each time that it connects: a `Client` of `pg`, not yet connected, or a `sql` of `postgres`;
   * the feed ends it. Needed behind a pooler, as only a connection to PostgreSQL itself can listen. Default: one with the settings of
   * `client`.
   */
  readonly listen?: () => Awaitable<PostgresListenerLike>;
}

const NAMES: readonly string[] = [
  "client",
  "table",
  "schema",
  "prepare",
  "create",
  "listen",
] satisfies (keyof PostgresFeedOptions)[];

/**
 * What is written into the tables of `postgresStore`, whoever writes it, as triggers tell of it (`LISTEN` and `NOTIFY`), for
 * `nearStore`. It takes one connection more, and makes every write of a session wait its turn to commit.
 *
 * The triggers are made when they are missing; `postgresFeedSchema` has them as SQL. Where that is not allowed, loads of the near store
 * reject with `ERR_SESSION_CONFIG`.
 *
 * @throws {SessionError} `ERR_SESSION_CONFIG`
 */
export function postgresFeed(options: PostgresFeedOptions): ChangeFeed {
  check(typeof options === "object" && options !== null, "takes an object of options");
  for (const name of Object.keys(options)) check(NAMES.includes(name), `has no option \`${name}\``);
  const { client, table = DEFAULT_TABLE, schema, prepare = true, create = true, listen } = options;
  check(typeof prepare === "boolean" && typeof create === "boolean", "`prepare` and `create` are true or false");
  check(listen === undefined || typeof listen === "function", "`listen` must be a function that gives a client");
  const known = ["object", "function"].includes(typeof client) && client !== null;
  const driver = known ? postgresDriver(client, { prepare, own: false }) : undefined;
  if (driver === undefined) throw config("`client` is neither a client of `pg` nor of `postgres`");
  const choice = { table, schema, store: "postgresFeed" };
  return new PostgresFeed({
    database: { dialect: postgresDialect(choice), driver },
    names: feedNames(choice),
    listen: listen ?? listenersLike(client),
    create,
  });
}

function check(holds: boolean, problem: string): void {
  if (!holds) throw config(problem);
}

function config(problem: string): SessionError {
  return new SessionError("ERR_SESSION_CONFIG", `postgresFeed: ${problem}`);
}
