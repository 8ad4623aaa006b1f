import { startMemcached, type MemcachedServer } from "../../servers/memcached.ts";
import { startPostgres, type PostgresServer } from "../../servers/postgres.ts";
import { startRedis, type RedisServer } from "../../servers/redis.ts";
import { cachedTarget, cachedTargets, named, warmed } from "../cached/targets.ts";
import { LARGE_ITEMS, memcachedTarget } from "../memcached/targets.ts";
import { single, target } from "../redis/targets.ts";
import { postgresDrivers } from "../sql/targets.ts";
import { served, type StoreFamily } from "./family.ts";
import { postgresTarget } from "./sql.ts";

interface Servers {
  readonly redis: RedisServer;
  readonly memcached: MemcachedServer;
  readonly postgres: PostgresServer;
  stop(): Promise<void>;
}

async function startServers(): Promise<Servers> {
  await using started = new AsyncDisposableStack();
  const redis = started.use(await startRedis());
  const memcached = started.use(await startMemcached({ megabytes: 128, args: LARGE_ITEMS }));
  const postgres = started.use(await startPostgres());
  const all = started.move();
  return { redis, memcached, postgres, stop: () => all.disposeAsync() };
}

const { pg: openPg } = postgresDrivers;
if (openPg === undefined) throw new Error("There is no driver pg");

export const cached: StoreFamily = {
  name: "cached",
  page: "docs/stores/cached.md",
  packages: ["redis", "pg"],
  parts: [
    { name: "without a server", needs: [], targets: cachedTargets },
    served("over servers", ["redis", "memcached", "postgres"], startServers, (servers) => [
      cachedTarget(
        "cached (redis in front of postgres)",
        target("redis", () => single("node-redis", servers().redis.port)(), { index: "users" }),
        postgresTarget("pg", openPg, () => servers().postgres),
      ),
      cachedTarget(
        "cached (memcached in front of sqlite), every copy there",
        memcachedTarget("memcached", () => [servers().memcached]),
        named("sqlite (node:sqlite)"),
        warmed,
      ),
    ]),
  ],
  undamageable: "what is in memory cannot be damaged, and a copy hides the damage for as long as it may be served",
};
