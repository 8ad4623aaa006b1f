import { startRedisCluster } from "../../servers/redis-cluster.ts";
import { startRedisSentinel } from "../../servers/redis-sentinel.ts";
import { startRedis } from "../../servers/redis.ts";
import { clustered, libraries, sentinelled, single, target } from "../redis/targets.ts";
import { served, type StoreFamily } from "./family.ts";

const confirm = { replicas: 1, timeoutMs: 2000 };

export const redis: StoreFamily = {
  name: "Redis",
  page: "docs/stores/redis.md",
  packages: ["redis", "ioredis"],
  parts: [
    served("one server", ["redis"], startRedis, (server) => [
      ...libraries.map((library) => target(`redis (${library})`, () => single(library, server().port)())),
      target("redis (users indexed, four shards)", () => single("ioredis", server().port)(), { index: "users", shards: 4 }),
    ]),
    served("Cluster", ["redis"], startRedisCluster, (cluster) =>
      libraries.map((library) => target(`redis cluster (${library})`, () => clustered(library, cluster())())),
    ),
    served("Sentinel", ["redis"], startRedisSentinel, (trio) =>
      libraries.map((library) =>
        target(`redis sentinel, confirmed (${library})`, () => sentinelled(library, trio())(), { confirm }),
      ),
    ),
  ],
};
