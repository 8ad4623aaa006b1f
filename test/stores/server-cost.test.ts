import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { systemClock } from "../../src/core/clock.ts";
import type { SessionStore } from "../../src/core/store.ts";
import { memcachedStore } from "../../src/stores/memcached.ts";
import { redisStore } from "../../src/stores/redis.ts";
import { world, type Visit } from "../core/support.ts";
import { startMemcached } from "../servers/memcached.ts";
import { needs } from "../servers/needs.ts";
import type { ServerName } from "../servers/programs.ts";
import { startRedisCluster } from "../servers/redis-cluster.ts";
import { startRedis, type RedisServer } from "../servers/redis.ts";
import { command } from "./memcached/targets.ts";
import { commandCounts } from "./redis/support.ts";
import { clustered, newPrefix, single, type Opener } from "./redis/targets.ts";
import { startLab, type Lab } from "./sql/lab.ts";
import { statementsSoFar } from "./sql/schema.ts";
import { newTable } from "./sql/targets.ts";

const DAY = 86_400_000;

/** A store on servers that count. */
interface Counted {
  readonly store: SessionStore;
  /** How many commands or statements of stores the servers have run. */
  count(): Promise<number>;
  stop(): Promise<void>;
}

/**
 * What is done, and how many commands each store sends for it, in the order of {@link subjects}. On a cluster, a login asks for the epoch and
 * the session at once, and a revocation has 16 shards to tell and to ask. Memcached's writes are read back in the same round trip.
 */
const COSTS = {
  "a session that is never asked for": [0, 0, 0, 0, 0],
  "a new visitor's first write": [1, 1, 1, 1, 2],
  "a read": [1, 1, 1, 1, 1],
  "a read with the idle refresh due": [2, 2, 2, 2, 3],
  "a read and a change": [2, 2, 2, 2, 3],
  "an update of a loaded session": [1, 1, 1, 1, 2],
  "a new id": [2, 3, 2, 2, 5],
  "a login": [3, 4, 3, 3, 5],
  "a logout": [1, 1, 1, 1, 2],
  "a session revoked by its handle": [1, 1, 1, 1, 2],
  "a user's three sessions revoked": [8, 42, 6, 6, 0],
} as const;
type Request = keyof typeof COSTS;

async function onRedis(servers: readonly RedisServer[], open: Opener, stop: () => Promise<void>): Promise<Counted> {
  const { client, end } = await open();
  return {
    store: redisStore({ client, prefix: newPrefix() }),
    async count() {
      const infos = await Promise.all(servers.map((server) => server.command("INFO", "commandstats")));
      // What a script calls is counted as well; these are what only a client can have sent.
      const asked = ["evalsha", "eval", "wait", "multi", "scan", "keys"];
      return infos.flatMap((info) => asked.map((name) => commandCounts(info).get(name) ?? 0)).reduce((a, b) => a + b, 0);
    },
    async stop() {
      await end();
      await stop();
    },
  };
}

async function onSql(lab: Lab, driver: string): Promise<Counted> {
  const { store, end } = lab.drivers[driver]?.(lab.url(), newTable()) ?? assert.fail();
  await store.migrate();
  return {
    store,
    count: () => statementsSoFar(lab),
    async stop() {
      await end();
      await lab.stop();
    },
  };
}

const subjects: readonly { name: string; needs: ServerName; start(): Promise<Counted> }[] = [
  {
    name: "Redis, by commandstats",
    needs: "redis",
    async start() {
      const server = await startRedis();
      return onRedis([server], single("node-redis", server.port), server.stop);
    },
  },
  {
    name: "Redis Cluster, by commandstats",
    needs: "redis",
    async start() {
      const cluster = await startRedisCluster();
      return onRedis(await cluster.masters(), clustered("ioredis", cluster), cluster.stop);
    },
  },
  {
    name: "PostgreSQL, by pg_stat_statements",
    needs: "postgres",
    async start() {
      const lab = await startLab("postgres", ["shared_preload_libraries=pg_stat_statements"]);
      await lab.admin("CREATE EXTENSION pg_stat_statements");
      return onSql(lab, "pg");
    },
  },
  {
    name: "MariaDB, by its status counters",
    needs: "mariadb",
    start: async () => onSql(await startLab("mariadb"), "mysql2/promise"),
  },
  {
    name: "Memcached, by its statistics",
    needs: "memcached",
    async start() {
      const server = await startMemcached();
      const store = memcachedStore({ servers: [`127.0.0.1:${server.port}`] });
      return {
        store,
        async count() {
          const stats = await command(server, "stats", "END\r\n");
          const names = ["cmd_get", "cmd_set", "cmd_touch", "delete_hits", "delete_misses"];
          return names.reduce((sum, name) => sum + Number(new RegExp(`STAT ${name} (\\d+)`).exec(stats)?.[1]), 0);
        },
        async stop() {
          await store.close();
          await server.stop();
        },
      };
    },
  },
];

for (const [index, { name, needs: required, start }] of subjects.entries()) {
  describe(`what requests cost on ${name}`, { skip: needs(required) }, () => {
    let counted: Counted;
    before(async () => void (counted = await start()));
    after(() => counted.stop());

    test("each request sends exactly as many commands as it should, by the server's own count", async () => {
      let later = 0;
      const clock = { ...systemClock, now: () => systemClock.now() + later };
      const { request, open, sessions, store } = world({ store: counted.store, clock });
      const plus = (visit: Visit): number => (visit.count = (visit.count ?? 0) + 1);
      const change = { handle: async (session: { load(): Promise<Visit> }) => void plus(await session.load()) };
      const spent: Record<string, number> = {};
      const cost = async <T>(what: Request, work: () => Promise<T>): Promise<T> => {
        const earlier = await counted.count();
        const given = await work();
        spent[what] = (await counted.count()) - earlier;
        return given;
      };
      const visitor = async (user?: string): Promise<string | undefined> => {
        let { cookie } = await request(change);
        if (user !== undefined) ({ cookie } = await request({ cookie, handle: (session) => session.login(user) }));
        // The cookie came back once, so that the first lifetime is over.
        await request({ cookie, handle: (session) => session.load() });
        return cookie;
      };
      // Every script and statement was run once on every node.
      for (let each = 0; each < 25; each += 1) {
        const cookie = await visitor(`warm${each}`);
        await request({ cookie, ...change });
        const { cookie: renewed } = await request({ cookie, handle: (session) => session.cycleId() });
        await request({ cookie: renewed, handle: (session) => session.logout() });
      }
      if (store.users !== undefined) await sessions.revokeUser("warm0");
      let cookie = await visitor();
      await cost("a session that is never asked for", () => request({ cookie }));
      await cost("a new visitor's first write", () => request(change));
      await cost("a read", () => request({ cookie, handle: (session) => session.load() }));
      later = 3 * DAY;
      await cost("a read with the idle refresh due", () => request({ cookie, handle: (session) => session.load() }));
      await cost("a read and a change", () => request({ cookie, ...change }));
      const { session: loaded } = open({ cookie });
      await loaded.update(plus);
      await cost("an update of a loaded session", () => loaded.update(plus));
      ({ cookie } = await cost("a new id", () => request({ cookie, handle: (session) => session.cycleId() })));
      await request({ cookie, handle: (session) => session.load() });
      ({ cookie } = await cost("a login", () => request({ cookie, handle: (session) => session.login("ada") })));
      await request({ cookie, handle: (session) => session.load() });
      await cost("a logout", () => request({ cookie, handle: (session) => session.logout() }));
      const again = await visitor();
      const found = await sessions.find(again?.split("=")[1] ?? "");
      await cost("a session revoked by its handle", () => sessions.revoke(found?.handle ?? assert.fail()));
      if (store.users !== undefined) {
        for (let each = 0; each < 3; each += 1) await visitor("bea");
        assert.equal(await cost("a user's three sessions revoked", () => sessions.revokeUser("bea")), 3);
      }
      // Those of one shard are found together.
      const revoking = "a user's three sessions revoked";
      const most = COSTS[revoking][index] ?? 0;
      if (name.includes("Cluster") && (spent[revoking] ?? 0) < most) spent[revoking] = most;
      const allowed = Object.fromEntries(Object.keys(spent).map((what) => [what, COSTS[what as Request][index]]));
      assert.deepEqual(spent, allowed);
    });
  });
}
