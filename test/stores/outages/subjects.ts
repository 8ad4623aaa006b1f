import { startMemcached } from "../../servers/memcached.ts";
import { startRedisCluster } from "../../servers/redis-cluster.ts";
import { startRedisSentinel } from "../../servers/redis-sentinel.ts";
import { startRedis } from "../../servers/redis.ts";
import type { ServerName } from "../../servers/programs.ts";
import { startLab } from "../sql/lab.ts";

/** Servers that are running, and what can be done to them. */
export interface Outage {
  readonly url: string;
  /** True when another server takes over from one that is silent. */
  readonly failsOver: boolean;
  /** True when a server that is killed has nothing left. */
  readonly losesAll?: boolean;
  /** Lets the server say nothing, its connections open. */
  pause(): void | Promise<void>;
  resume(): void;
  /** `kill -9`, where nobody takes over. */
  kill?(): Promise<void>;
  restart?(): Promise<void>;
  stop(): Promise<void>;
}

/** An application: its client is another one by the URL's scheme, or because the one that would be taken is hidden. */
export interface AppSettings {
  readonly name: string;
  readonly scheme?: string;
  readonly hidden?: string;
  /** What stands behind the URL's `?`. */
  readonly query?: string;
  /** True when ends are acknowledged only once a replica has them. */
  readonly confirmed?: boolean;
}

/** A store, and the applications that use it at the same time. */
export interface Subject {
  readonly name: string;
  readonly needs: readonly ServerName[];
  readonly apps: readonly AppSettings[];
  start(): Promise<Outage>;
}

const nodeRedis: AppSettings = { name: "node-redis" };
const ioRedis: AppSettings = { name: "ioredis", hidden: "redis" };
const confirmed = ({ name, ...app }: AppSettings): AppSettings => ({
  ...app,
  name: `${name}, ends confirmed`,
  query: "confirm=1,500",
  confirmed: true,
});

export const subjects: readonly Subject[] = [
  {
    name: "Redis",
    needs: ["redis"],
    apps: [nodeRedis, ioRedis],
    async start() {
      const { url, process: server, stop } = await startRedis({ args: ["--appendonly", "yes", "--appendfsync", "always"] });
      const [pause, resume] = [() => server.pause(), () => server.resume()];
      return { url, failsOver: false, pause, resume, kill: () => server.kill(), restart: () => server.restart(), stop };
    },
  },
  {
    name: "Redis Sentinel",
    needs: ["redis"],
    apps: [nodeRedis, confirmed(nodeRedis), ioRedis, confirmed(ioRedis)],
    async start() {
      const trio = await startRedisSentinel();
      const master = await trio.master();
      const hosts = trio.sentinels.map(({ host, port }) => `${host}:${port}`).join(",");
      return {
        url: `redis+sentinel://${hosts}/${trio.masterName}`,
        failsOver: true,
        pause: () => master.process.pause(),
        resume: () => master.process.resume(),
        stop: trio.stop,
      };
    },
  },
  {
    name: "Redis Cluster",
    needs: ["redis"],
    apps: [nodeRedis, confirmed(nodeRedis), ioRedis, confirmed(ioRedis)],
    async start() {
      const cluster = await startRedisCluster();
      const [master] = await cluster.masters();
      return {
        url: `redis+cluster://${cluster.nodes.map(({ port }) => `127.0.0.1:${port}`).join(",")}`,
        failsOver: true,
        pause: () => master?.process.pause(),
        resume: () => master?.process.resume(),
        stop: cluster.stop,
      };
    },
  },
  {
    name: "PostgreSQL",
    needs: ["postgres"],
    apps: [{ name: "pg" }, { name: "postgres", hidden: "pg" }],
    start: () => sql("postgres"),
  },
  {
    name: "MariaDB",
    needs: ["mariadb"],
    apps: [{ name: "mysql2" }, { name: "mariadb", scheme: "mariadb" }],
    start: () => sql("mariadb"),
  },
  {
    name: "Memcached",
    needs: ["memcached"],
    apps: [{ name: "one connection" }, { name: "three connections", query: "connections=3" }],
    async start() {
      const { host, port, process: server, stop } = await startMemcached();
      return {
        url: `memcached://${host}:${port}`,
        failsOver: false,
        losesAll: true,
        pause: () => server.pause(),
        resume: () => server.resume(),
        kill: () => server.kill(),
        restart: () => server.restart(),
        stop,
      };
    },
  },
];

async function sql(engine: "postgres" | "mariadb"): Promise<Outage> {
  const lab = await startLab(engine);
  return {
    url: lab.url(),
    failsOver: false,
    pause: () => lab.pause(),
    resume: () => lab.resume(),
    kill: () => lab.process.kill(),
    restart: () => lab.process.restart(),
    stop: () => lab.stop(),
  };
}
