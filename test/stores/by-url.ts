import { join } from "node:path";
import { startMariadb } from "../servers/mariadb.ts";
import { startMemcached } from "../servers/memcached.ts";
import { startPostgres } from "../servers/postgres.ts";
import type { ServerName } from "../servers/programs.ts";
import { startRedisCluster } from "../servers/redis-cluster.ts";
import { startRedisSentinel } from "../servers/redis-sentinel.ts";
import { startRedis } from "../servers/redis.ts";

/** A store that processes share, behind a URL. */
export interface StoreBehindUrl {
  readonly url: string;
  stop(): Promise<void>;
}

/** How to come by one. */
export interface SharedStore {
  readonly name: string;
  /** The servers that it needs. */
  readonly needs: readonly ServerName[];
  /** @param folder an empty one, for stores in files */
  start(folder: string): Promise<StoreBehindUrl>;
}

const nothing = async (): Promise<void> => {};

/** Every store that several processes can share, as an application names it. */
export const sharedStores: readonly SharedStore[] = [
  { name: "file", needs: [], start: async (folder) => ({ url: `file:${join(folder, "sessions")}`, stop: nothing }) },
  { name: "SQLite", needs: [], start: async (folder) => ({ url: `sqlite:${join(folder, "sessions.db")}`, stop: nothing }) },
  { name: "Redis", needs: ["redis"], start: () => startRedis() },
  {
    name: "Redis Cluster",
    needs: ["redis"],
    async start() {
      const { nodes, stop } = await startRedisCluster();
      return { url: `redis+cluster://${nodes.map(({ port }) => `127.0.0.1:${port}`).join(",")}`, stop };
    },
  },
  {
    name: "Redis Sentinel",
    needs: ["redis"],
    async start() {
      const { sentinels, masterName, stop } = await startRedisSentinel();
      const hosts = sentinels.map(({ host, port }) => `${host}:${port}`).join(",");
      return { url: `redis+sentinel://${hosts}/${masterName}`, stop };
    },
  },
  { name: "PostgreSQL", needs: ["postgres"], start: () => startPostgres() },
  { name: "MariaDB", needs: ["mariadb"], start: () => startMariadb() },
  {
    name: "PostgreSQL behind Redis",
    needs: ["postgres", "redis"],
    async start() {
      const [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
      const stop = async (): Promise<void> => void (await Promise.all([postgres.stop(), redis.stop()]));
      return { url: `cached:${postgres.url}?cache=${redis.url}`, stop };
    },
  },
  {
    name: "Memcached",
    needs: ["memcached"],
    async start() {
      const { host, port, stop } = await startMemcached();
      return { url: `memcached://${host}:${port}`, stop };
    },
  },
];
