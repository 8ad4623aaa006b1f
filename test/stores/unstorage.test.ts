import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { createStorage, prefixStorage, type Driver } from "unstorage";
import fsDriver from "unstorage/drivers/fs";
import lruCacheDriver from "unstorage/drivers/lru-cache";
import memoryDriver from "unstorage/drivers/memory";
import nullDriver from "unstorage/drivers/null";
import redisDriver from "unstorage/drivers/redis";
import { isSessionError } from "../../src/core/errors.ts";
import { lockHandleOf } from "../../src/core/id.ts";
import { unstorageStore, type UnstorageStoreOptions } from "../../src/stores/unstorage.ts";
import { sweep } from "../../src/testing/rules/support.ts";
import { needs } from "../servers/needs.ts";
import { startRedis, type RedisServer } from "../servers/redis.ts";
import { storageOnRedis } from "./bridges/targets.ts";
import { next, outcomeOf, record, tombstone } from "./redis/support.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

test("options that cannot work are refused when the store is made", () => {
  const storage = createStorage();
  const wrong: object[] = [
    {},
    { storage: {} },
    { storage: null },
    { storage, base: "" },
    { storage, base: "a/b" },
    { storage, base: "a:" },
    { storage, base: "a::b" },
    { storage, base: "..:a" },
    { storage, base: `${"x".repeat(60)}:${"y".repeat(60)}` },
    { storage, listing: "no" },
    { storage, reach: "none" },
    { storage, endedSeconds: 1 },
    { storage, prefix: "a" },
  ];
  for (const options of wrong) {
    assert.throws(
      () => unstorageStore(options as UnstorageStoreOptions),
      (error) => isSessionError(error, "ERR_SESSION_CONFIG"),
      Object.keys(options).join(),
    );
  }
});

test("what a driver is good for is declared: known for some, and else as it is told", () => {
  const natureOf = (driver: Driver, options: Partial<UnstorageStoreOptions> = {}): unknown => {
    const store = unstorageStore({ storage: createStorage({ driver }), ...options });
    return [store.reach, store.durable, store.list !== undefined, store.clearExpired !== undefined];
  };
  assert.deepEqual(natureOf(memoryDriver()), ["process", false, true, true]);
  assert.deepEqual(natureOf(lruCacheDriver({})), ["process", false, true, true]);
  assert.deepEqual(natureOf(fsDriver({ base: tmpdir() })), ["machine", true, true, true]);
  assert.deepEqual(natureOf(redisDriver({ lazyConnect: true })), ["network", true, true, true]);
  assert.deepEqual(natureOf({ ...memoryDriver(), name: "constructor" }), ["network", true, true, true]);
  const told = { reach: "network", durable: true, listing: false } as const;
  assert.deepEqual(natureOf(memoryDriver(), told), ["network", true, false, false]);
  // What is mounted somewhere else may be what the keys lead to.
  const storage = createStorage({ driver: redisDriver({ lazyConnect: true }) }).mount("sojourn", memoryDriver());
  assert.equal(unstorageStore({ storage }).reach, "network");
  assert.equal(unstorageStore({ storage, reach: "process" }).reach, "process");
});

test("a driver that keeps nothing, and one that may only be read, are found out by the first write", async (t) => {
  const base = mkdtempSync(join(tmpdir(), "sojourn-bridge-"));
  t.after(() => rmSync(base, { recursive: true }));
  for (const driver of [nullDriver(), fsDriver({ base, readOnly: true })]) {
    const store = unstorageStore({ storage: createStorage({ driver }) });
    assert.equal(await outcomeOf(() => store.create(record())), "ERR_SESSION_STORE unknown");
  }
});

test("a failure that a driver gives in place of a value is a failure, and no session", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-bridge-"));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "file"), "");
  // Below a file nothing can be read, and it is not that there is nothing.
  const store = unstorageStore({ storage: createStorage({ driver: fsDriver({ base: join(folder, "file") }) }) });
  assert.equal(await outcomeOf(() => store.load(record().handle)), "ERR_SESSION_STORE no");
  assert.equal(await outcomeOf(() => store.create(record())), "ERR_SESSION_STORE no");
});

test("a file that is read while it is written is read again", async (t) => {
  const base = mkdtempSync(join(tmpdir(), "sojourn-bridge-"));
  t.after(() => rmSync(base, { recursive: true }));
  const storage = createStorage({ driver: fsDriver({ base }) });
  const store = unstorageStore({ storage });
  const one = record({ data: "whole" });
  await store.create(one);
  const path = join(base, "sojourn", "s", one.handle);
  const whole = String(await storage.getItem(`sojourn:s:${one.handle}`));
  // As the file is for a moment, while another process writes it in place.
  for (const half of ["", whole.slice(0, 60)]) {
    writeFileSync(path, half);
    const reading = {
      ...storage,
      async getItem(key: string) {
        const text = await storage.getItem(key);
        if (text === half) writeFileSync(path, whole);
        return text;
      },
    };
    assert.deepEqual(await unstorageStore({ storage: reading }).load(one.handle), { status: "live", record: one });
  }
  writeFileSync(path, whole.slice(0, 40));
  assert.equal(await outcomeOf(() => store.load(one.handle)), "ERR_SESSION_UNREADABLE");
});

test("a driver counts for what it is only where nothing else is mounted: prefixStorage does not say which one it leads to", () => {
  const network = (): Driver => ({ ...memoryDriver(), name: "somewhere" }) as Driver;
  const natureOf = (storage: UnstorageStoreOptions["storage"]): unknown[] => {
    const { reach, durable } = unstorageStore({ storage });
    return [reach, durable];
  };
  const storage = createStorage();
  assert.deepEqual(natureOf(prefixStorage(storage, "kv")), ["process", false]);
  storage.mount("kv", network());
  // As `useStorage("kv")` of Nitro has it: memory at the root, and what is mounted beside it.
  assert.deepEqual(natureOf(prefixStorage(storage, "kv")), ["network", true]);
  assert.deepEqual(natureOf(storage), ["network", true]);
  const older: UnstorageStoreOptions["storage"] = { ...createStorage() };
  delete older.getMounts;
  assert.deepEqual(natureOf(older), ["network", true]);
});

describe("unstorage's driver for Redis", { skip: needs("redis") }, () => {
  let server: RedisServer;
  before(async () => (server = await startRedis()));
  after(() => server.stop());

  test("is told how long to keep things: a record past its deadline, an end for endedSeconds", async (t) => {
    const { over, end } = storageOnRedis(server.port);
    t.after(end);
    const store = unstorageStore({ storage: over, base: "app:sessions", endedSeconds: 2 * 86_400 });
    const live = record({ expiresAt: Date.now() + 5 * HOUR });
    const left = async (kind: string) =>
      Number((await server.command("PTTL", `app:sessions:${kind}:${live.handle}`)).slice(1));
    await store.create(live);
    assert.ok(Math.abs((await left("s")) - 6 * HOUR) < 5000);
    await store.retire(live.handle, tombstone());
    assert.ok(Math.abs((await left("e")) - 2 * DAY - HOUR) < 5000);
    assert.equal(await server.command("DBSIZE"), ":1\r\n");
  });
});

describe("listing and sweeping", () => {
  test("what others keep in the storage is left alone", async () => {
    const storage = createStorage();
    const store = unstorageStore({ storage });
    const one = record();
    const foreign = [
      "app:config",
      "sojourn",
      "sojourn:s",
      "sojourn:s:somebody",
      `sojourn:x:${one.handle}`,
      `sojourn:s:${one.handle}:more`,
      `sojourn2:s:${one.handle}`,
    ];
    for (const key of foreign) await storage.setItem(key, "theirs");
    await store.create(one);
    assert.deepEqual(await store.list?.({ limit: 10 }), [one]);
    assert.equal(await store.clearExpired?.({ before: one.expiresAt, limit: 10 }), 1);
    assert.deepEqual((await storage.getKeys()).toSorted(), foreign.toSorted());
  });

  test("through prefixStorage as well", async () => {
    const storage = createStorage();
    const store = unstorageStore({ storage: prefixStorage(storage, "tenant") });
    const one = record();
    await store.create(one);
    assert.deepEqual(await storage.getKeys(), [`tenant:sojourn:s:${one.handle}`]);
    assert.deepEqual(await store.list?.({ limit: 10 }), [one]);
    assert.equal(await store.clearExpired?.({ before: one.expiresAt, limit: 10 }), 1);
  });

  test("a swept end still keeps a late write out, until endedSeconds are over", async () => {
    const storage = createStorage();
    const store = unstorageStore({ storage, endedSeconds: 86_400 });
    const one = record();
    await store.create(one);
    const key = `sojourn:s:${one.handle}`;
    const late = await storage.getItem(key);
    const stone = tombstone();
    await store.retire(one.handle, stone);
    assert.equal(await store.clearExpired?.({ before: stone.until, limit: 10 }), 1);
    assert.equal(await store.clearExpired?.({ before: stone.until, limit: 10 }), 0);
    assert.deepEqual(await store.load(one.handle), { status: "missing" });
    // What a write of another process brings that had been under way all the while.
    await storage.setItem(key, late as string);
    assert.deepEqual(await store.load(one.handle), { status: "missing" });
    assert.deepEqual(await store.save(next(one), one.version), { status: "missing" });
    assert.equal(await outcomeOf(() => store.touch(one.handle, one.version, one.expiresAt + 1)), "stale");
    assert.equal(await outcomeOf(() => store.create(next(one))), "exists");
    assert.deepEqual(await store.list?.({ limit: 10 }), []);
    assert.equal(await outcomeOf(() => store.retire(one.handle, tombstone())), "missing");
    assert.deepEqual(await storage.getKeys(), [`sojourn:e:${one.handle}`], "the record is gone again");
    await storage.setItem(key, late as string);
    assert.equal(await store.clearExpired?.({ before: Date.now() + DAY + HOUR, limit: 10 }), 0);
    assert.deepEqual(await storage.getKeys(), [], "the end goes last, with what it kept out");
  });

  test("an end that is made again stays the first one, until the later of both times", async () => {
    const store = unstorageStore({ storage: createStorage() });
    const one = record();
    await store.create(one);
    const first = tombstone();
    await store.retire(one.handle, first);
    const holds = { ...first, until: first.until + HOUR };
    const retired = { status: "retired", tombstone: holds };
    assert.deepEqual(await store.retire(one.handle, tombstone({ until: holds.until })), retired);
    assert.deepEqual(await store.retire(one.handle, tombstone({ until: first.until })), retired);
    assert.deepEqual(await store.load(one.handle), retired);
    assert.equal(await store.clearExpired?.({ before: first.until, limit: 10 }), 0);
    assert.equal(await store.clearExpired?.({ before: holds.until, limit: 10 }), 1);
  });

  test("what a rotation announced is cleared away", async () => {
    const storage = createStorage();
    const store = unstorageStore({ storage });
    const [one, heir] = [record(), record()];
    await store.create(one);
    const stone = tombstone({ reason: "rotated", successor: heir.handle });
    await store.retire(one.handle, stone, one.version);
    assert.deepEqual((await storage.getKeys()).toSorted(), [`sojourn:e:${one.handle}`, `sojourn:m:${one.handle}`]);
    await store.clearExpired?.({ before: Date.now() + 2 * HOUR, limit: 10 });
    assert.deepEqual(await storage.getKeys(), [`sojourn:e:${one.handle}`]);
  });

  test("batch after batch goes through all records, and what cannot be read stays and stops nobody", async () => {
    const storage = createStorage();
    let reads = 0;
    const store = unstorageStore({
      storage: {
        ...storage,
        getItem: (key: string) => {
          reads++;
          return storage.getItem(key);
        },
      },
    });
    const now = Date.now();
    const live = Array.from({ length: 100 }, () => record());
    const expired = Array.from({ length: 60 }, () => record({ expiresAt: now - 1 }));
    const damaged = record({ expiresAt: now - 1 });
    const lock = record({ handle: lockHandleOf(record().handle), expiresAt: now - 1 });
    for (const each of [...live, ...expired, damaged, lock]) await store.create(each);
    await storage.setItem(`sojourn:s:${damaged.handle}`, "sojourn1");
    reads = 0;
    const batches = await sweep(store, now, 3);
    assert.equal(
      batches.reduce((sum, each) => sum + each, 0),
      61,
    );
    // Each record about twice, and not once for every batch.
    assert.ok(reads < 700, `${reads} reads`);
    assert.equal((await storage.getKeys()).length, 101);
    await assert.rejects(
      async () => store.list?.({ limit: 200 }),
      (error) => isSessionError(error, "ERR_SESSION_UNREADABLE"),
    );
    await store.retire(damaged.handle, tombstone());
    assert.equal((await store.list?.({ limit: 200 }))?.length, 100);
  });

  test("a batch looks at 500 records, and says when there are more; another sweep begins anew", async () => {
    const storage = createStorage();
    let lists = 0;
    const counted = { ...storage, getKeys: (base?: string) => (lists++, storage.getKeys(base)) };
    const store = unstorageStore({ storage: counted });
    const now = Date.now();
    const records = Array.from({ length: 1100 }, () => record());
    records.sort((one, other) => (one.handle < other.handle ? -1 : 1));
    const [first, last] = [records.at(0) ?? assert.fail(), records.at(-1) ?? assert.fail()];
    for (const each of records) await store.create(each === last ? { ...each, expiresAt: now } : each);
    const clear = async (moment: number) => store.clearExpired?.({ before: moment, limit: 10 });
    assert.deepEqual(await clear(now), { removed: 0, more: true });
    assert.deepEqual(await clear(now), { removed: 0, more: true });
    assert.equal(await clear(now), 1);
    assert.equal(lists, 1);
    // One that was left alone halfway is nothing to another.
    assert.deepEqual(await clear(now), { removed: 0, more: true });
    assert.equal(await clear(first.expiresAt), 10);
    assert.deepEqual(await store.load(first.handle), { status: "missing" });
    assert.deepEqual(await clear(now), { removed: 0, more: true });
  });

  test("a listing that fails is ERR_SESSION_STORE", async () => {
    const storage = { ...createStorage(), getKeys: () => Promise.reject(new Error("no list")) };
    const store = unstorageStore({ storage });
    assert.equal(await outcomeOf(() => store.list?.({ limit: 1 })), "ERR_SESSION_STORE no");
    assert.equal(await outcomeOf(() => store.clearExpired?.({ before: 1, limit: 1 })), "ERR_SESSION_STORE no");
  });
});

test("a folder in the way of a session is not a session", async (t) => {
  const base = mkdtempSync(join(tmpdir(), "sojourn-bridge-"));
  t.after(() => rmSync(base, { recursive: true }));
  const store = unstorageStore({ storage: createStorage({ driver: fsDriver({ base }) }) });
  const one = record();
  mkdirSync(join(base, "sojourn", "s", one.handle), { recursive: true });
  // The driver says that there is nothing, and then fails to write.
  assert.equal(await outcomeOf(() => store.create(one)), "driver error");
});

test("where reads are behind writes, nothing is read back", async () => {
  const storage = createStorage();
  const visible = new Map<string, string>();
  // As Cloudflare KV may be for a minute: what is read is what was there before.
  const behind = {
    ...storage,
    getItem: (key: string) => Promise.resolve(visible.get(key) ?? null),
    setItem: (key: string, value: string) => storage.setItem(key, value),
  };
  const catchUp = async (): Promise<void> => {
    visible.clear();
    for (const key of await storage.getKeys()) visible.set(key, String(await storage.getItem(key)));
  };
  const store = unstorageStore({ storage: behind, readBack: false });
  const one = record();
  assert.equal(await outcomeOf(() => store.create(one)), "created");
  assert.equal(await outcomeOf(() => store.load(one.handle)), "missing");
  await catchUp();
  const second = next(one);
  assert.equal(await outcomeOf(() => store.save(second, one.version)), "saved");
  assert.equal(await outcomeOf(() => store.retire(one.handle, tombstone())), "retired");
  await catchUp();
  assert.equal(await outcomeOf(() => store.load(one.handle)), "retired");
});
