import type { ChangeFeed } from "../../core/feed.ts";
import type { Awaitable } from "../../core/store.ts";
import { portOf, type RedisClientLike } from "./client.ts";
import { RedisFeed } from "./feed.ts";
import { Keys } from "./keys.ts";
import { duplicatesOf, keyPrefixOf } from "./listening.ts";
import { check, checkKeyOptions } from "./options.ts";

/** Options of `redisFeed`. */
export interface RedisFeedOptions {
  /** The client that the store has; not of a cluster. What the feed itself needs is a connection of its own, a duplicate. */
  readonly client: RedisClientLike;
  /** The store's `prefix`. Default `sojourn:`. */
  readonly prefix?: string;
  /** The store's `shards`. Default 1. */
  readonly shards?: number;
  /**
   * Gives a new client for the feed alone, not yet connected and speaking RESP2 (`RESP: 2`, in ioredis `protocol: 2`), each time that
   * the feed connects; the feed ends it. Required over `createSentinel`. Default: a duplicate of `client`.
   */
  readonly listen?: () => Awaitable<object>;
}

const NAMES: readonly string[] = ["client", "prefix", "shards", "listen"] satisfies (keyof RedisFeedOptions)[];

/**
 * What `redisStore` writes, whoever writes it, as Redis itself tells of it (client-side caching, in broadcasting mode), for
 * `nearStore`. It takes one connection more, on which the server says which keys were changed. For one server, or a master that is
 * found through Sentinel.
 *
 * @throws {SessionError} `ERR_SESSION_CONFIG`
 */
export function redisFeed(options: RedisFeedOptions): ChangeFeed {
  check(typeof options === "object" && options !== null, "takes an object of options", "redisFeed");
  for (const name of Object.keys(options)) check(NAMES.includes(name), `has no option \`${name}\``, "redisFeed");
  const { client, prefix = "sojourn:", shards = 1, listen } = options;
  checkKeyOptions({ prefix, shards }, "redisFeed");
  check(
    listen === undefined || typeof listen === "function",
    "`listen` must be a function that gives a client",
    "redisFeed",
  );
  const port = portOf(client, "redisFeed");
  return new RedisFeed({
    port,
    listen: listen ?? duplicatesOf(client),
    keyPrefix: keyPrefixOf(client),
    keys: new Keys(prefix, shards),
  });
}
