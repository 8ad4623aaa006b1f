import assert from "node:assert/strict";
import { afterEach, after, before, describe, test, type TestContext } from "node:test";
import { Cluster, Redis } from "ioredis";
import { createCluster, createSentinel } from "redis";
import { systemClock } from "../../src/core/clock.ts";
import { isSessionError } from "../../src/core/errors.ts";
import { nearStore, type NearStore } from "../../src/stores/near.ts";
import { Keys, sessionKey } from "../../src/stores/redis/keys.ts";
import { redisFeed, redisStore, type RedisClientLike, type RedisFeedOptions } from "../../src/stores/redis.ts";
import { storeFromUrl } from "../../src/store-url.ts";
import { world } from "../core/support.ts";
import { needs } from "../servers/needs.ts";
import { until } from "../servers/process.ts";
import { startRedisSentinel } from "../servers/redis-sentinel.ts";
import { startRedis, type RedisServer } from "../servers/redis.ts";
import { endingWith, openNearRedis } from "./near/targets.ts";
import { cached, nextEvent, ready } from "./near/support.ts";
import { commandCounts, next, record, tombstone } from "./redis/support.ts";
import { libraries, newPrefix, opened, sentinelled, single } from "./redis/targets.ts";

/** So that no mark is sent while commands are counted. */
const PATIENT = { staleSeconds: 60 };

const unhandled: unknown[] = [];
process.on("unhandledRejection", (reason) => unhandled.push(reason));
afterEach(() => assert.deepEqual(unhandled, []));

test("options of a feed that cannot work are refused when it is made", (t) => {
  const client = { evalsha() {}, eval() {}, pipeline() {}, duplicate() {} } as unknown as RedisClientLike;
  const cluster = createCluster({ rootNodes: [{ socket: { port: 1 } }] });
  const ioCluster = new Cluster([{ port: 1 }], { lazyConnect: true });
  const sentinel = createSentinel({ name: "m", sentinelRootNodes: [{ host: "127.0.0.1", port: 1 }] });
  t.after(() => ioCluster.disconnect());
  const wrong: Record<string, unknown> = {
    "no options": undefined,
    "no client": {},
    "another client": { client: {} },
    "a client without duplicates": { client: { ...client, duplicate: undefined } },
    "a prefix with a brace": { client, prefix: "a{b" },
    "no shards": { client, shards: 0 },
    "a client in place of a function": { client, listen: client },
    "an unknown option": { client, channel: "x" },
    "a cluster of node-redis": { client: cluster },
    "a cluster of ioredis": { client: ioCluster },
    "sentinels of node-redis, without `listen`": { client: sentinel },
  };
  for (const [name, options] of Object.entries(wrong)) {
    assert.throws(
      () => redisFeed(options as RedisFeedOptions),
      (error) => isSessionError(error, "ERR_SESSION_CONFIG") && error.message.startsWith("redisFeed: "),
      name,
    );
  }
  redisFeed({ client: sentinel, listen: () => assert.fail() });
  const feed = redisFeed({ client, prefix: "a:" });
  for (const options of [{ prefix: "b:" }, { prefix: "a:", shards: 2 }]) {
    assert.throws(
      () => nearStore({ store: redisStore({ client, ...options }), feed }),
      (error) => isSessionError(error, "ERR_SESSION_CONFIG"),
    );
  }
  nearStore({ store: redisStore({ client, prefix: "a:" }), feed });
  for (const url of ["near:redis+cluster://a,b", "near:mysql://a/b", "near:", "near:redis:nothing"]) {
    assert.throws(
      () => storeFromUrl(url),
      (error) => isSessionError(error, "ERR_SESSION_CONFIG"),
      url,
    );
  }
});

describe("near redis", { skip: needs("redis") }, () => {
  let server: RedisServer;
  before(async () => (server = await startRedis()));
  after(() => server.stop());

  /** Every command that the server was given meanwhile, by clients and scripts. */
  async function commandsOf(work: () => Promise<unknown>): Promise<Record<string, number>> {
    await server.command("CONFIG", "RESETSTAT");
    await work();
    const {
      info: _info,
      "config|resetstat": _reset,
      ...others
    } = Object.fromEntries(commandCounts(await server.command("INFO", "commandstats")));
    return others;
  }

  for (const library of libraries) {
    const open = async (t: TestContext, prefix = newPrefix(), ...rest: unknown[]): Promise<NearStore> => {
      const near = await openNearRedis(library, server.port, prefix, PATIENT, ...(rest as [RedisFeedOptions?]));
      t.after(() => near.close());
      return near;
    };

    test(`${library}: a hot read sends the server not a single command`, async (t) => {
      const near = await open(t);
      const { request } = world({ store: near, clock: systemClock });
      const { cookie } = await request({ handle: async (s) => void ((await s.load()).count = 1) });
      // The first request that brings the cookie moves the deadline.
      await request({ cookie, handle: (s) => s.load() });
      await until("what was written has been told", async () => {
        await near.sync();
        const { hits } = near.stats();
        await request({ cookie, handle: (s) => s.load() });
        return near.stats().hits > hits;
      });
      const read = async (): Promise<void> => {
        for (let round = 0; round < 20; round++) {
          await request({ cookie, handle: async (s) => assert.equal((await s.load()).count, 1) });
        }
      };
      assert.deepEqual(await commandsOf(read), {});
      const session = record({ userId: "u" });
      await near.create(session);
      await near.sync();
      await cached(near, session.handle);
      assert.deepEqual(await commandsOf(async () => near.load(session.handle)), {});
      assert.notDeepEqual(await commandsOf(async () => near.load(session.handle, { fresh: true })), {});
    });

    test(`${library}: what an operator deletes, flushes or lets expire is forgotten`, async (t) => {
      const prefix = newPrefix();
      const near = await open(t, prefix);
      const keys = new Keys(prefix, 1);
      const ways: ((key: string) => Promise<unknown>)[] = [
        (key) => server.command("DEL", key),
        (key) => server.command("PEXPIRE", key, "1"),
        () => server.command("FLUSHALL"),
        () => server.command("EVAL", "return redis.call('FLUSHDB')", "0"),
      ];
      for (const way of ways) {
        const session = record();
        await near.create(session);
        await near.sync();
        await cached(near, session.handle);
        await way(sessionKey(keys.shardOf(session.handle), session.handle));
        await until("it is gone", async () => {
          await near.sync();
          return (await near.load(session.handle)).status === "missing";
        });
      }
      assert.ok(near.stats().ready);
    });

    test(`${library}: a feed that is cut off again and again leaves no connections and no listeners behind`, async (t) => {
      const prefix = newPrefix();
      const { client, end } = await single(library, server.port)();
      const near = endingWith(
        nearStore({ store: redisStore({ client, prefix }), feed: redisFeed({ client, prefix }), ...PATIENT }),
        end,
      );
      t.after(() => near.close());
      const emitter = client as unknown as { eventNames(): string[]; listenerCount(name: string): number };
      const counted = async (): Promise<[number, number]> => {
        const lines = (await server.command("CLIENT", "LIST")).split("\n").filter((line) => line.includes("addr="));
        return [lines.length, emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name), 0)];
      };
      await ready(near);
      const first = await counted();
      for (let round = 0; round < 10; round++) {
        const back = nextEvent("feedReady", near);
        await server.command("CLIENT", "KILL", "TYPE", "pubsub");
        await back;
      }
      await until("connections that were cut off are gone", async () => (await counted())[0] === first[0]);
      assert.deepEqual(await counted(), first);
    });

    test(`${library}: keys with a prefix of the client's own, and sessions in several shards`, async (t) => {
      for (const shards of [1, 4]) {
        const prefix = newPrefix();
        const { client, end } = await single(library, server.port, { keyPrefix: "app:" })();
        const store = redisStore({ client, prefix, shards });
        const near = endingWith(nearStore({ store, feed: redisFeed({ client, prefix, shards }), ...PATIENT }), end);
        t.after(() => near.close());
        const other = await opened(single(library, server.port, { keyPrefix: "app:" }), { prefix, shards });
        t.after(() => other.close());
        await ready(near);
        for (let round = 0; round < 8; round++) {
          const session = record({ userId: `u${round}` });
          await other.create(session);
          await cached(near, session.handle);
          const written = next(session);
          await other.save(written, session.version);
          await near.sync();
          assert.deepEqual(await near.load(session.handle), { status: "live", record: written, userEpoch: 0 });
          await other.users.advanceEpoch(`u${round}`, 7);
          await near.sync();
          assert.deepEqual(await near.load(session.handle), { status: "live", record: written, userEpoch: 7 });
        }
      }
    });

    test(`${library}: a user of the server needs no more rights than these, and with fewer it says which`, async (t) => {
      const prefix = newPrefix();
      const [least, less] = [`${library}-least`, `${library}-less`];
      const rules = ["on", ">secret", "resetkeys", `~${prefix}*`, "resetchannels", "+@all", "-@admin", "-@dangerous"];
      await server.command("ACL", "SETUSER", least, ...rules, "&__redis__:invalidate", "+info");
      await server.command("ACL", "SETUSER", less, ...rules, "+info");
      const openAs = async (username: string): Promise<NearStore> => {
        const { client, end } = await single(library, server.port, { username, password: "secret" })();
        const feed = redisFeed({ client, prefix });
        return endingWith(nearStore({ store: redisStore({ client, prefix }), feed, ...PATIENT }), end);
      };
      const near = await openAs(least);
      t.after(() => near.close());
      await ready(near);
      const refused = await openAs(less);
      t.after(() => refused.close());
      const lost = nextEvent("feedLost", refused);
      await refused.load(record().handle);
      assert.equal((await lost).reason, "configuration");
      await assert.rejects(
        async () => refused.load(record().handle),
        (error) => isSessionError(error, "ERR_SESSION_CONFIG") && error.message.includes("__redis__:invalidate"),
      );
    });
  }

  test("a server that is full still vouches for what is read from memory", async (t) => {
    const small = await startRedis({ args: ["--maxmemory-policy", "noeviction"] });
    t.after(() => small.stop());
    const near = await openNearRedis("ioredis", small.port, newPrefix(), { staleSeconds: 0.5 });
    t.after(() => near.close());
    const session = record();
    await near.create(session);
    await ready(near);
    await small.command("CONFIG", "SET", "maxmemory", "1");
    await assert.rejects(async () => near.create(record()));
    await near.sync();
    await cached(near, session.handle);
    const stone = tombstone();
    assert.equal((await near.retire(session.handle, stone)).status, "retired");
    await near.sync();
    assert.ok(near.stats().ready);
    assert.deepEqual(await cached(near, session.handle), { status: "retired", tombstone: stone });
  });

  test("near:redis://… opens both over one client, and closes both", async () => {
    const clients = async () => (await server.command("CLIENT", "LIST")).split("\n").length;
    const alone = await clients();
    const near = storeFromUrl(`near:${server.url}/0?prefix=${newPrefix()}`) as NearStore;
    const session = record();
    assert.equal((await near.create(session)).status, "created");
    await ready(near);
    await cached(near, session.handle);
    assert.equal(await clients(), alone + 2);
    await near.close();
    await until("the connections are gone", async () => (await clients()) === alone);
  });
});

describe("near redis behind sentinels", { skip: needs("redis") }, () => {
  for (const library of ["node-redis by URL", "ioredis"] as const) {
    test(`${library}: a new master takes over; what is changed there is seen within the bound`, async (t) => {
      const trio = await startRedisSentinel(["--appendonly", "yes"]);
      t.after(() => trio.stop());
      const prefix = newPrefix();
      const staleSeconds = 1;
      let near: NearStore;
      if (library === "ioredis") {
        const { client, end } = await sentinelled("ioredis", trio)();
        const feed = redisFeed({ client, prefix });
        near = endingWith(nearStore({ store: redisStore({ client, prefix }), feed, staleSeconds }), end);
      } else {
        const hosts = trio.sentinels.map(({ host, port }) => `${host}:${port}`).join(",");
        // The bound of a URL is the default one.
        near = storeFromUrl(`near:redis+sentinel://${hosts}/${trio.masterName}?prefix=${prefix}`) as NearStore;
      }
      t.after(() => near.close());
      const session = record();
      await until("a session is stored", async () => (await near.create(session)).status !== "revoked");
      await cached(near, session.handle);
      const old = await trio.master();
      const lost = nextEvent("feedLost", near);
      await old.process.kill();
      await lost;
      assert.equal(near.stats().entries, 0);
      await until("there is another master", async () => (await trio.master()) !== old);
      const master = await trio.master();
      const direct = new Redis(master.port);
      t.after(() => direct.disconnect());
      const other = redisStore({ client: direct, prefix });
      // What the failover lost is not this test's subject.
      await until("it can be written to", async () => {
        const found = await other.load(session.handle);
        return found.status === "live" || (await other.create(session)).status === "created";
      });
      await until("the feed is at work again", async () => near.stats().ready || (await opensAgain(near)));
      await cached(near, session.handle);
      const written = next(session, { data: "on the new master" });
      assert.equal((await other.save(written, session.version)).status, "saved");
      await near.sync();
      const found = await near.load(session.handle);
      assert.equal(found.status === "live" && found.record.data, written.data);
    });
  }
});

async function opensAgain(near: NearStore): Promise<boolean> {
  await Promise.resolve(near.load(record().handle)).catch(() => undefined);
  return near.stats().ready;
}
