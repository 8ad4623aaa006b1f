import { portOf } from "./redis/client.ts";
import { CLUSTER_SHARDS, Keys } from "./redis/keys.ts";
import { resolveRedisOptions, type RedisStoreOptions } from "./redis/options.ts";
import { RedisSessions, type RedisStore } from "./redis/store.ts";

export type { Confirmation, IoRedisLike, NodeRedisLike, RedisClientLike } from "./redis/client.ts";
export { redisFeed, type RedisFeedOptions } from "./redis/feed-options.ts";
export { redisStoreFromUrl } from "./redis/from-url.ts";
export type { RedisStoreOptions } from "./redis/options.ts";
export type { RedisStore } from "./redis/store.ts";

/**
 * Keeps sessions in Redis or Valkey: one string a session, removed by the server's own expiry. For one server, a master found through
 * Sentinel, or a cluster, over the client that the application has.
 *
 * ```ts
 * redisStore({ client: await createClient({ url }).connect() }); // node-redis
 * redisStore({ client: new Redis(url), confirm: { replicas: 1, timeoutMs: 100 } }); // ioredis
 * ```
 *
 * Every verb is one script, sent by its hash, over declared keys of one slot; the user's epoch comes with the session. Refusals of
 * the server (out of memory, read-only, loading …) are `ERR_SESSION_STORE` whose `applied` is `"no"`; a reply that was lost is the
 * client's own error. Calls that a client sends again do no harm. A key that holds something else is `ERR_SESSION_UNREADABLE`. Text with
 * half a surrogate pair is refused with `ERR_SESSION_DATA`. After `close` every call is `ERR_SESSION_USAGE`; the client stays open.
 *
 * @throws {SessionError} `ERR_SESSION_CONFIG`
 */
export function redisStore(options: RedisStoreOptions): RedisStore {
  const { client, prefix, shards, ...settings } = resolveRedisOptions(options);
  const port = portOf(client);
  const keys = new Keys(prefix, shards ?? (port.isCluster ? CLUSTER_SHARDS : 1));
  return new RedisSessions(port, keys, settings);
}
