import type { ChangeFeed } from "../../core/feed.ts";
import { parseRedisUrl } from "./address.ts";
import { RedisConnection } from "./connection.ts";
import { RedisFeed } from "./feed.ts";
import { CLUSTER_SHARDS, Keys } from "./keys.ts";
import { noCluster } from "./listening.ts";
import { openClient } from "./open-client.ts";
import { RedisSessions, type RedisStore } from "./store.ts";

/**
 * Opens the Redis that a URL names:
 *
 * - `redis://user:password@host:port/database`: one server
 * - `redis+sentinel://user:password@host:port,host:port/master/database`: the master that these sentinels know by this name
 * - `redis+cluster://user:password@host:port,host:port`: a cluster, found through any of these nodes
 *
 * `rediss` in place of `redis` is TLS, to the sentinels too. Behind a `?` may stand `prefix`, `index`, `shards`, `slackSeconds` and
 * `confirm=replicas,timeoutMs` as in the options of `redisStore`, and `sentinelUsername` and `sentinelPassword`, which sentinels want
 * for themselves: they are never sent those of the servers. What is special in a URL is percent-encoded.
 *
 * The first call connects, with `redis` or `ioredis`, whichever is installed; the store reconnects by itself. While there is no
 * connection, calls fail at once, with `applied: "no"`. Closing the store ends what it opened.
 *
 * @throws {SessionError} `ERR_SESSION_CONFIG` for a URL that cannot be one; the first call rejects with it when neither client is installed
 */
export function redisStoreFromUrl(url: string): RedisStore {
  const { connection, keys, settings } = partsOf(url);
  return new RedisSessions(connection, keys, settings);
}

/**
 * The store that a URL names, but for a cluster's, and the feed of its changes, over one client, which the store closes.
 *
 * @throws {SessionError} `ERR_SESSION_CONFIG`, as {@link redisStoreFromUrl}
 */
export function redisPartsFromUrl(url: string): { readonly store: RedisStore; readonly feed: ChangeFeed } {
  const { connection, keys, settings } = partsOf(url);
  if (connection.isCluster) throw noCluster();
  const feed = new RedisFeed({ port: connection, keys, keyPrefix: "", listen: () => connection.listener() });
  return { store: new RedisSessions(connection, keys, settings), feed };
}

function partsOf(url: string) {
  const { address, options } = parseRedisUrl(url);
  const { prefix, shards, ...settings } = options;
  const isCluster = address.kind === "cluster";
  const connection = new RedisConnection(isCluster, () => openClient(address));
  const keys = new Keys(prefix, shards ?? (isCluster ? CLUSTER_SHARDS : 1));
  return { connection, keys, settings };
}
