import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { after, before, beforeEach, describe, test } from "node:test";
import { Redis } from "ioredis";
import type { SessionHandle } from "../../src/core/id.ts";
import type { SessionRecord } from "../../src/core/record.ts";
import type { SessionStore } from "../../src/core/store.ts";
import type { DjangoCachePort } from "../../src/django/engines/cache.ts";
import { cachedDatabaseEngine } from "../../src/django/engines/cached-database.ts";
import { databaseEngine } from "../../src/django/engines/database.ts";
import { openDjangoDatabase } from "../../src/django/engines/open.ts";
import { RedisCache } from "../../src/django/engines/redis.ts";
import { djangoRecord } from "../../src/django/engines/record.ts";
import { djangoCodec, newSessionKey } from "../../src/django/index.ts";
import { localZone } from "../../src/django/zone.ts";
import { needs } from "../servers/needs.ts";
import { startRedis } from "../servers/redis.ts";

const HOUR_MS = 3_600_000;
const codec = djangoCodec({ keys: { secretKey: "secret" } });
const textOf = (data: Record<string, unknown>): string => codec.encode(codec.stringify(data), { place: "" });

describe("cached_db: a copy that comes late", { skip: needs("redis") }, () => {
  let server: Awaited<ReturnType<typeof startRedis>>;
  let redis: Redis;
  let database: SessionStore;
  let cache: RedisCache;
  let handle: SessionHandle;

  const engineOver = (port: DjangoCachePort): SessionStore => cachedDatabaseEngine(database, port, codec, Date.now);
  /** An engine that has read and stored what it has to, and whose copy comes after what the test does then. */
  const slowly = (between: () => Promise<unknown>): SessionStore => {
    const delayed: DjangoCachePort = {
      get: (key) => cache.get(key),
      add: async (...copy) => (await between(), cache.add(...copy)),
      put: async (...copy) => (await between(), cache.put(...copy)),
      replace: (...call) => cache.replace(...call),
      remove: (...call) => cache.remove(...call),
      close: async () => undefined,
    };
    return engineOver(delayed);
  };
  const recordOf = (data: Record<string, unknown>): SessionRecord =>
    djangoRecord(handle, textOf(data), Date.now() + HOUR_MS);
  const tombstone = { reason: "ended", token: "t", successor: null, until: 0 } as const;

  before(async () => {
    server = await startRedis();
    redis = new Redis(server.port);
    cache = new RedisCache({ redis }, "cached_db");
  });
  after(async () => {
    redis.disconnect();
    await server.stop();
  });
  beforeEach(() => {
    const sqlite = new DatabaseSync(":memory:");
    sqlite.exec("CREATE TABLE django_session (session_key text PRIMARY KEY, session_data text, expire_date text)");
    database = databaseEngine({ database: openDjangoDatabase({ sqlite }), table: "django_session", zone: localZone("UTC") });
    handle = newSessionKey() as unknown as SessionHandle;
  });

  test("of a write does not bring back a session that was ended meanwhile", async () => {
    const [first, second] = [recordOf({ n: 1 }), recordOf({ n: 2 })];
    await database.create(first);
    const writer = slowly(async () => engineOver(cache).retire(handle, tombstone));
    assert.equal((await writer.save(second, first.version)).status, "saved");
    assert.equal((await engineOver(cache).load(handle)).status, "missing");
  });

  test("of a read does not bring back a session that was ended meanwhile", async () => {
    await database.create(recordOf({ n: 1 }));
    const reader = slowly(async () => engineOver(cache).retire(handle, tombstone));
    await reader.load(handle);
    assert.equal((await engineOver(cache).load(handle)).status, "missing");
  });

  test("does not bring back what another has written over meanwhile", async () => {
    const [first, second, third] = [recordOf({ n: 1 }), recordOf({ n: 2 }), recordOf({ n: 3 })];
    await database.create(first);
    const writer = slowly(async () => engineOver(cache).save(third, second.version));
    assert.equal((await writer.save(second, first.version)).status, "saved");
    const found = await engineOver(cache).load(handle);
    assert.ok(found.status === "live");
    assert.equal(found.record.version, third.version);
  });

  test("goes on being served while it is the row's", async () => {
    await database.create(recordOf({ n: 1 }));
    await engineOver(cache).load(handle);
    const found = await engineOver(cache).load(handle);
    assert.ok(found.status === "live");
    assert.match(found.record.version, /^p:/);
  });

  test("is done without when the cache does not answer at all", { timeout: 4000 }, async () => {
    const [first, second] = [recordOf({ n: 1 }), recordOf({ n: 2 })];
    await database.create(first);
    const never = (): Promise<never> => new Promise<never>(() => undefined);
    const hanging: DjangoCachePort = { get: never, add: never, put: never, replace: never, remove: never, close: never };
    const engine = engineOver(hanging);
    assert.equal((await engine.load(handle)).status, "live");
    assert.equal((await engine.save(second, first.version)).status, "saved");
    assert.equal((await engine.retire(handle, tombstone, second.version)).status, "retired");
  });

  test("is thrown away as soon as a write finds that its row is gone", async () => {
    for (const end of [
      (engine: SessionStore, copy: SessionRecord) => engine.save(recordOf({ n: 2 }), copy.version),
      (engine: SessionStore, copy: SessionRecord) => engine.retire(handle, tombstone, copy.version),
    ]) {
      await database.create(recordOf({ n: 1 }));
      const engine = engineOver(cache);
      await engine.load(handle);
      const copy = await engine.load(handle);
      assert.ok(copy.status === "live");
      // As `Session.objects.all().delete()` does, which knows of no cache.
      await database.retire(handle, tombstone);
      assert.equal((await end(engine, copy.record)).status, "missing");
      assert.equal((await engine.load(handle)).status, "missing");
    }
  });
});
