import assert from "node:assert/strict";
import { afterEach, after, before, describe, test, type TestContext } from "node:test";
import { isSessionError } from "../../src/core/errors.ts";
import type { SessionStore } from "../../src/core/store.ts";
import { cachedStore, type CachedStoreOptions } from "../../src/stores/cached.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { postgresStoreFromUrl } from "../../src/stores/postgres/from-url.ts";
import { fakeClock } from "../../src/testing/fake-clock.ts";
import { storeFromUrl } from "../../src/store-url.ts";
import { type RequestOptions, world } from "../core/support.ts";
import { needs } from "../servers/needs.ts";
import { startMemcached, type MemcachedServer } from "../servers/memcached.ts";
import { startRedis, type RedisServer } from "../servers/redis.ts";
import { until } from "../servers/process.ts";
import { endAfter } from "../servers/watchdog.ts";
import { warm } from "./cached/targets.ts";
import { reasonsOf } from "./cached/support.ts";
import { LARGE_ITEMS, newPrefix, openStore } from "./memcached/targets.ts";
import { next, record, commandCounts, tombstone } from "./redis/support.ts";
import { startLab, type Lab } from "./sql/lab.ts";
import { statementsSoFar } from "./sql/schema.ts";

endAfter(240);

/** A store that is shared as a database is. */
const memoryNetwork = (): SessionStore => ({ ...memoryStore(), reach: "network" });

const unhandled: unknown[] = [];
process.on("unhandledRejection", (reason) => unhandled.push(reason));
afterEach(() => assert.deepEqual(unhandled, []));

describe("in front of PostgreSQL", { skip: needs("postgres", "redis", "memcached") }, () => {
  let lab: Lab;
  let redis: RedisServer;
  let memcached: MemcachedServer;
  before(async () => {
    [lab, redis, memcached] = await Promise.all([
      startLab("postgres", ["shared_preload_libraries=pg_stat_statements"]),
      startRedis(),
      startMemcached({ args: LARGE_ITEMS }),
    ]);
    await lab.admin("CREATE EXTENSION pg_stat_statements");
  });
  after(() => Promise.all([lab.stop(), redis.stop(), memcached.stop()]));

  /** An application whose sessions are in PostgreSQL behind this Redis; its clock is everybody's. */
  function application(t: TestContext, settings: Partial<CachedStoreOptions> = {}) {
    const clock = fakeClock(Date.now());
    const cache = storeFromUrl(`${redis.url}?index=users&prefix=${newPrefix()}`) as CachedStoreOptions["cache"];
    const store = cachedStore({ store: postgresStoreFromUrl(lab.url()), cache, clock, ...settings });
    t.after(() => store.close());
    const made = world({ store, clock });
    const request = async (options?: RequestOptions) => {
      const reply = await made.request(options);
      await store.settled();
      return reply;
    };
    /** A visitor, or a user, whose cookie came back. */
    const visitor = async (user?: string): Promise<string> => {
      const handle: RequestOptions["handle"] = (s) => (user === undefined ? s.update((d) => (d.count = 1)) : s.login(user));
      const { cookie = "" } = await request({ handle });
      await request({ cookie, handle: (s) => s.load() });
      return cookie;
    };
    return { ...made, store, clock, request, visitor };
  }

  test("what requests send to either server, by the servers' own counters", async (t) => {
    const { request, visitor, clock } = application(t);
    let cookie = await visitor();
    // Each script is known to the server by now.
    for (let reads = 0; reads < 3; reads++) await request({ cookie, handle: (s) => s.load() });
    const cost = async (options: RequestOptions): Promise<[redis: number, postgres: number]> => {
      await redis.command("CONFIG", "RESETSTAT");
      const soFar = await statementsSoFar(lab);
      const reply = await request(options);
      const statements = (await statementsSoFar(lab)) - soFar;
      const counts = commandCounts(await redis.command("INFO", "commandstats"));
      cookie = reply.cookie ?? cookie;
      return [(counts.get("evalsha") ?? 0) + (counts.get("eval") ?? 0), statements];
    };
    const read: RequestOptions["handle"] = (s) => s.load();
    const change: RequestOptions["handle"] = async (s) => void ((await s.load()).count = Math.random());
    assert.deepEqual(await cost({ cookie }), [0, 0], "a session that is not asked for");
    assert.deepEqual(await cost({ cookie, handle: read }), [1, 0], "a read, with a copy");
    assert.deepEqual(await cost({ cookie, handle: change }), [2, 1], "a read and a change, with a copy");
    assert.deepEqual(await cost({ cookie, handle: read }), [1, 0], "a read after it");
    clock.advance(4000);
    assert.deepEqual(await cost({ cookie, handle: read }), [3, 1], "a read, when the copy has run out");
    assert.deepEqual(await cost({ cookie, handle: read }), [1, 0], "a read after it");
    assert.deepEqual(await cost({ cookie, handle: (s) => s.load({ fresh: true }) }), [0, 1], "a read that must be fresh");
    clock.advance(3 * 86_400_000);
    const [toCache, toStore] = await cost({ cookie, handle: read });
    assert.equal(toStore, 2, "a visit that moves the deadline");
    assert.ok(toCache <= 5, `${toCache} commands`);
    assert.deepEqual(await cost({ handle: change }), [0, 1], "a new session");
    const login = await cost({ cookie, handle: (s) => s.login("ada") });
    assert.ok(login[1] <= 3 && login[0] <= 5, `a login: ${login.join()}`);
    assert.deepEqual(await cost({ cookie, handle: (s) => s.logout() }), [1, 1], "a logout");
    assert.deepEqual(await cost({ cookie: "__Host-sid=short", handle: read }), [0, 0], "no id");
  });

  test("a user that one process revokes is over in every other at once, with a shared cache", async (t) => {
    const prefix = newPrefix();
    const node = () =>
      application(t, { cache: storeFromUrl(`${redis.url}?index=users&prefix=${prefix}`) as CachedStoreOptions["cache"] });
    const [one, other] = [node(), node()];
    const cookie = await one.visitor("ada");
    for (let reads = 0; reads < 3; reads++) await other.request({ cookie, handle: (s) => s.load() });
    await one.sessions.revokeUser("ada");
    const { session } = await other.request({ cookie, handle: (s) => s.load() });
    assert.equal(session.userId, null);
  });

  test("a Redis that is killed, silent or back again costs nobody a session, and no request waits for long", async (t) => {
    const { store, request, visitor, clock } = application(t, { cacheTimeoutSeconds: 0.1 });
    const cookie = await visitor("ada");
    const counted = async (): Promise<number> => {
      const started = performance.now();
      const { session } = await request({ cookie, handle: (s) => s.update((d) => (d.count = (d.count ?? 0) + 1)) });
      assert.ok(performance.now() - started < 2000, "a request has waited");
      assert.equal(session.userId, "ada");
      return (await session.load()).count ?? 0;
    };
    let count = 0;
    const goesOn = async (): Promise<void> => {
      for (let requests = 0; requests < 8; requests++) assert.equal(await counted(), ++count);
      clock.advance(1000);
    };
    await goesOn();
    redis.process.pause();
    assert.ok((await reasonsOf(goesOn)).includes("change"));
    redis.process.resume();
    await goesOn();
    await redis.process.kill();
    await goesOn();
    const ended = await visitor("bob");
    await request({ cookie: ended, handle: (s) => s.logout() });
    assert.equal((await request({ cookie: ended, handle: (s) => s.load() })).session.userId, null);
    await redis.process.restart();
    await goesOn();
    assert.equal((await request({ cookie: ended, handle: (s) => s.load() })).session.userId, null);
    await until("the cache is in use again", async () => {
      clock.advance(2000);
      const session = record();
      await store.create(session);
      await warm(store, session.handle);
      return (await store.cache.load(session.handle)).status === "live";
    });
  });

  test("a PostgreSQL that is down is an outage, and never a logout", async (t) => {
    const { store, request, visitor, clock } = application(t);
    const cookie = await visitor("ada");
    await lab.process.kill();
    try {
      // The processes of open connections notice it by themselves, a moment later.
      const ask = async (): Promise<unknown> => store.load(record().handle);
      await until("it is down", () =>
        ask().then(
          () => false,
          () => true,
        ),
      );
      for (const passed of [0, 5000, 5000]) {
        clock.advance(passed);
        await assert.rejects(
          request({ cookie, handle: (s) => s.load({ fresh: true }).then(() => s.update((d) => (d.count = 1))) }),
          (error) => isSessionError(error) && error.status === 503,
        );
      }
    } finally {
      await lab.process.restart();
    }
    await until("it is back", async () => {
      clock.advance(2000);
      const reply = await request({ cookie, handle: (s) => s.load() }).catch(() => undefined);
      return reply?.session.userId === "ada";
    });
  });
});

describe("a Memcached that has no room", { skip: needs("memcached") }, () => {
  for (const [what, args] of [
    ["and evicts", []],
    ["and refuses", ["-M"]],
  ] as const) {
    test(`${what} shows no session that was ended, and no state from before a write`, async (t) => {
      await using server = await startMemcached({ megabytes: 2, args });
      const durable = memoryNetwork();
      const [one, other] = [0, 1].map(() => cachedStore({ store: durable, cache: openStore([server], { prefix: "c:" }) }));
      assert.ok(one && other);
      t.after(() => Promise.all([one.close(), other.close()]));
      const all = Array.from({ length: 400 }, () => record({ data: "x".repeat(20_000) }));
      for (const session of all) {
        await one.create(session);
        await warm(one, session.handle);
      }
      for (const [index, session] of all.entries()) {
        const saved = next(session, { data: "y".repeat(20_000) });
        if (index % 3 === 0) await one.retire(session.handle, tombstone());
        if (index % 3 === 1) await one.save(saved, session.version);
        if (index % 3 === 2) {
          const heir = next(session, { handle: record().handle });
          await one.rotate?.(
            session.handle,
            session.version,
            heir,
            tombstone({ reason: "rotated", successor: heir.handle }),
          );
        }
        assert.deepEqual(await other.load(session.handle), await durable.load(session.handle));
      }
      for (const { handle } of all) assert.deepEqual(await other.load(handle), await durable.load(handle));
    });
  }
});
