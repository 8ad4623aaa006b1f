import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { isSessionError } from "../../src/core/errors.ts";
import { lockHandleOf, newVersion } from "../../src/core/id.ts";
import type { SessionRecord } from "../../src/core/record.ts";
import type { SessionStore } from "../../src/core/store.ts";
import { cachedStore, type CachedStore } from "../../src/stores/cached.ts";
import { versionOfCopy } from "../../src/stores/cached/slot.ts";
import { splitCachedUrl } from "../../src/stores/cached/url.ts";
import { storeFromUrl } from "../../src/store-url.ts";
import { cookieStore } from "../../src/stores/cookie.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { line, reasonsOf, rig, stone, stored, type Rig } from "./cached/support.ts";
import { warm } from "./cached/targets.ts";
import { next, record } from "./redis/support.ts";

const KEY = randomBytes(32).toString("base64url");

/** A rig with one process, and a session of which there is a copy. */
async function warmRig(fields: Partial<SessionRecord> = {}) {
  const made = rig();
  const node = made.node();
  const session = await stored(made, fields);
  await warm(node.cached, session.handle);
  node.calls();
  return { ...made, rig: made, node, cached: node.cached, session };
}

const liveOf = async (store: SessionStore, { handle }: SessionRecord): Promise<SessionRecord> => {
  const outcome = await store.load(handle);
  return outcome.status === "live" ? outcome.record : assert.fail(outcome.status);
};

/** A reader that has leased the place and read the store; its copy is still to come. */
async function lateFill(fields: Partial<SessionRecord> = {}) {
  const made = await warmRig(fields);
  made.clock.advance(5000);
  const { cache } = made.node;
  let saves = 0;
  cache.trouble = (verb) => (verb === "save" && ++saves === 2 ? "late" : undefined);
  await liveOf(made.cached, made.session);
  const writer = made.rig.node();
  return {
    ...made,
    writer: writer.cached,
    async fill() {
      await cache.deliver();
      await made.cached.settled();
      cache.trouble = () => undefined;
    },
  };
}

describe("what a call costs", () => {
  test("the first read asks both, the second puts a copy into the cache after it has answered, the third asks the cache alone", async () => {
    const made = rig();
    const { cached, calls } = made.node();
    const session = await stored(made, { userId: "u" });
    const live = { status: "live", record: session, userEpoch: 0 };
    assert.deepEqual(await cached.load(session.handle), live);
    await cached.settled();
    assert.deepEqual(calls(), ["cache.load", "store.load", "cache.create"]);
    assert.deepEqual(await cached.load(session.handle), live);
    await cached.settled();
    assert.deepEqual(calls(), ["cache.load", "cache.save", "store.load", "cache.save"]);
    assert.deepEqual(await cached.load(session.handle), live);
    assert.deepEqual(calls(), ["cache.load"]);
  });

  test("the answer does not wait for the copy, and close does", async () => {
    const made = rig();
    const { cached, cache } = made.node();
    const session = await stored(made);
    await warm(cached, session.handle);
    made.clock.advance(10_000);
    cache.trouble = (verb) =>
      verb === "save" && cache.calls.filter((each) => each === "cache.save").length > 3 ? "late" : undefined;
    assert.equal((await cached.load(session.handle)).status, "live");
    let closed = false;
    const closing = cached.close().then(() => (closed = true));
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(closed, false);
    await cache.deliver();
    await closing;
  });

  test("a made-up id leaves nothing in the cache", async () => {
    const { node, cache, cached } = await warmRig();
    const size = cache.size;
    for (let reads = 0; reads < 3; reads++) {
      assert.deepEqual(await cached.load(record().handle), { status: "missing" });
      await cached.settled();
    }
    assert.deepEqual(node.calls(), ["cache.load", "store.load", "cache.load", "store.load", "cache.load", "store.load"]);
    assert.equal(cache.size, size);
  });

  test("a read that must be fresh asks the store alone", async () => {
    const { node, cached, session } = await warmRig();
    assert.deepEqual(await cached.load(session.handle, { fresh: true }), { status: "live", record: session });
    assert.deepEqual(node.calls(), ["store.load"]);
  });

  test("a new session costs one call of the store", async () => {
    const { node, cached } = await warmRig();
    assert.deepEqual(await cached.create(record()), { status: "created" });
    assert.deepEqual(node.calls(), ["store.create"]);
  });

  test("a save, an end and a rotation cost one call of each, and the copy of what was saved is there", async () => {
    const { node, cached, session, rig: made } = await warmRig();
    const second = next(session, { data: "second" });
    assert.deepEqual(await cached.save(second, session.version), { status: "saved" });
    assert.deepEqual(node.calls(), ["store.save", "cache.save"]);
    assert.deepEqual(await liveOf(cached, second), second);
    assert.deepEqual(node.calls(), ["cache.load"]);
    const third = next(second, { handle: record().handle });
    const rotated = stone(made, { reason: "rotated", successor: third.handle });
    assert.deepEqual(await cached.rotate?.(second.handle, second.version, third, rotated), { status: "rotated" });
    assert.deepEqual(node.calls(), ["store.rotate", "cache.retire"]);
    const end = stone(made);
    assert.deepEqual(await cached.retire(third.handle, end), { status: "retired", tombstone: end });
    assert.deepEqual(node.calls(), ["store.retire", "cache.retire"]);
    assert.deepEqual(await cached.load(second.handle), { status: "retired", tombstone: rotated });
    assert.deepEqual(node.calls(), ["cache.load"]);
  });

  test("a touch looks for a copy of before, and removes it; one that moved nothing leaves the copy", async () => {
    const { node, cached, session } = await warmRig();
    assert.deepEqual(await cached.touch(session.handle, session.version, session.expiresAt), { status: "touched" });
    assert.deepEqual(node.calls(), ["store.touch", "cache.load"]);
    await liveOf(cached, session);
    assert.deepEqual(node.calls(), ["cache.load"]);
    const expiresAt = session.expiresAt + 1000;
    assert.deepEqual(await cached.touch(session.handle, session.version, expiresAt), { status: "touched" });
    assert.deepEqual(node.calls(), ["store.touch", "cache.load", "cache.save"]);
    assert.deepEqual(await liveOf(cached, session), { ...session, expiresAt });
  });

  test("a lock costs the store what it costs without a cache, and the cache nothing", async () => {
    const { node, cached, rig: made } = await warmRig();
    const lock = record({ handle: lockHandleOf(record().handle) });
    await cached.create(lock);
    await cached.load(lock.handle);
    const held = next(lock);
    await cached.save(held, lock.version);
    await cached.touch(lock.handle, held.version, held.expiresAt + 1);
    await cached.retire(lock.handle, stone(made));
    assert.deepEqual(node.calls(), ["store.create", "store.load", "store.save", "store.touch", "store.retire"]);
  });

  test("users, lists and sweeps are the store's; a sweep clears up in the cache as well", async () => {
    const { node, cached, session, cache, clock } = await warmRig({ userId: "u" });
    assert.deepEqual(await cached.users?.sessionsOf("u"), [session]);
    assert.equal(await cached.users?.epoch("u"), 0);
    assert.deepEqual(await cached.list?.({ limit: 10 }), [session]);
    assert.deepEqual(node.calls(), ["store.sessionsOf", "store.epoch", "store.list"]);
    assert.equal(cache.size, 1);
    assert.equal(await cached.clearExpired?.({ before: clock.now() + 5000, limit: 10 }), 0);
    assert.equal(cache.size, 0);
    assert.equal(await cached.clearExpired?.({ before: session.expiresAt, limit: 10 }), 1);
  });
});

describe("what a copy shows", () => {
  test("what one process saved, touched, ended or rotated, another sees at once", async () => {
    const { rig: made, cached, session } = await warmRig({ userId: "u" });
    const other = made.node();
    let current = session;
    for (let round = 0; round < 5; round++) {
      const [writer, reader] = round % 2 === 0 ? [cached, other.cached] : [other.cached, cached];
      const written = next(current, { data: `round ${round}` });
      assert.equal((await writer.save(written, current.version)).status, "saved");
      assert.deepEqual(await liveOf(reader, written), written);
      current = { ...written, expiresAt: written.expiresAt + 1000 };
      assert.equal((await reader.touch(written.handle, written.version, current.expiresAt)).status, "touched");
      for (let reads = 0; reads < 3; reads++) {
        assert.deepEqual(await liveOf(writer, current), current);
        await writer.settled();
      }
    }
    const end = stone(made);
    await cached.retire(session.handle, end);
    other.calls();
    assert.deepEqual(await other.cached.load(session.handle), { status: "retired", tombstone: end });
    assert.deepEqual(other.calls(), ["cache.load"]);
  });

  test("a copy says when the session began, whatever the record that was saved says", async () => {
    const { cached, session } = await warmRig();
    const saved = next(session, { createdAt: session.createdAt + 5 });
    await cached.save(saved, session.version);
    assert.deepEqual(await liveOf(cached, saved), { ...saved, createdAt: session.createdAt });
  });

  test("data comes back character by character: line breaks, quotes, nothing at all", async () => {
    const { cached, session } = await warmRig({ data: "" });
    let current = session;
    for (const data of ["\n", '"]\n[1,2]\n', "copy1:[]\n", "🦊\u0000\r\n", ""]) {
      const written = next(current, { data });
      await cached.save(written, current.version);
      assert.deepEqual(await liveOf(cached, written), written);
      current = written;
    }
  });

  test("a revoked user's sessions are revoked in every process as soon as the epoch has risen", async () => {
    const { rig: made, cached, session } = await warmRig({ userId: "u" });
    const more = await Promise.all(Array.from({ length: 40 }, () => stored(made, { userId: "u" })));
    const other = made.node();
    for (const { handle } of more) await warm(other.cached, handle);
    assert.equal(await cached.users?.advanceEpoch("u", 7), 7);
    for (const each of [session, ...more]) {
      const outcome = await other.cached.load(each.handle);
      assert.deepEqual(outcome, { status: "live", record: each, userEpoch: 7 });
    }
  });

  test("the end of a session is told by the cache for as long as the tombstone holds, and after that by the store", async () => {
    const { rig: made, node, cached, session, clock, store } = await warmRig();
    const end = stone(made);
    await cached.retire(session.handle, end);
    node.calls();
    clock.advance(59_999);
    assert.equal((await cached.load(session.handle)).status, "retired");
    assert.deepEqual(node.calls(), ["cache.load"]);
    clock.advance(1);
    await store.clearExpired?.({ before: clock.now(), limit: 10 });
    assert.deepEqual(await cached.load(session.handle), { status: "missing" });
    assert.deepEqual(node.calls(), ["cache.load", "store.load"]);
  });

  test("what was swept here is gone here, whatever the cache still holds", async () => {
    const made = rig();
    // It cannot be swept.
    const { clearExpired: _, ...cache } = made.cache;
    const cached = cachedStore({ cache, store: made.store, clock: made.clock });
    const sessions = await Promise.all([stored(made), stored(made)]);
    for (const { handle } of sessions) await warm(cached, handle);
    await cached.retire(sessions[1].handle, stone(made));
    await cached.clearExpired?.({ before: sessions[0].expiresAt, limit: 10 });
    for (const { handle } of sessions) assert.deepEqual(await cached.load(handle), { status: "missing" });
  });

  test("a process that does not share the cache sees ends and writes of others within staleSeconds", async () => {
    const made = rig();
    const [one, other] = [0, 1].map(() => cachedStore({ cache: memoryStore(), store: made.store, clock: made.clock }));
    assert.ok(one && other);
    const sessions = await Promise.all([stored(made), stored(made), stored(made, { userId: "u" })]);
    for (const { handle } of sessions)
      for (const { load, settled } of [one, other, one, other]) {
        await load(handle);
        await settled();
      }
    await one.retire(sessions[0].handle, stone(made));
    await one.save(next(sessions[1], { data: "new" }), sessions[1].version);
    await one.users?.advanceEpoch("u", 5);
    const truth = async (node: SessionStore): Promise<boolean[]> =>
      Promise.all(
        sessions.map(async ({ handle }) => isDeepStrictEqual(await node.load(handle), await made.store.load(handle))),
      );
    assert.deepEqual(await truth(one), [true, true, true]);
    assert.deepEqual(await truth(other), [false, false, false]);
    assert.equal((await other.save(next(sessions[1]), sessions[1].version)).status, "conflict");
    assert.deepEqual(await truth(other), [false, true, false]);
    made.clock.advance(5000);
    assert.deepEqual(await truth(other), [true, true, true]);
  });

  test("a copy is not served beyond the session's own deadline", async () => {
    const { node, cached, session, clock } = await warmRig({ expiresAt: Date.now() + 2500 });
    clock.advance(session.expiresAt - clock.now());
    await cached.load(session.handle);
    assert.ok(node.calls().includes("store.load"));
  });

  test("a write past the cache is seen within staleSeconds, however the clocks differ within skewSeconds", async () => {
    for (const [staleSeconds, skewSeconds] of [
      [5, 1],
      [10, 3],
      [1, 0],
    ] as const) {
      for (const writerAhead of [-skewSeconds, 0, skewSeconds]) {
        const made = rig();
        const filler = made.node({ staleSeconds, skewSeconds }, writerAhead * 1000);
        const session = await stored(made);
        await warm(filler.cached, session.handle);
        await made.store.retire(session.handle, stone(made));
        let served = 0;
        for (let passed = 0; passed <= staleSeconds * 1000; passed += 100) {
          for (const readerAhead of [-skewSeconds, 0, skewSeconds]) {
            // Two servers differ by `skewSeconds` at most, not each from the truth.
            if (Math.abs(readerAhead - writerAhead) > skewSeconds) continue;
            const reader = made.node({ staleSeconds, skewSeconds }, readerAhead * 1000);
            reader.cache.trouble = (verb) => (verb === "load" ? undefined : "refuse");
            const { status } = await reader.cached.load(session.handle);
            await reader.cached.settled();
            if (status === "live") served = passed;
          }
          made.clock.advance(100);
        }
        assert.ok(served < staleSeconds * 1000, `served ${served} ms after the end`);
        assert.ok(served >= (staleSeconds - 2 * skewSeconds) * 1000 - 100, `no longer than ${served} ms`);
      }
    }
  });

  test("a copy from a clock that is far ahead is not served: nobody knows how old it is", async () => {
    const made = rig();
    const ahead = made.node({}, 60_000);
    const session = await stored(made);
    await warm(ahead.cached, session.handle);
    const { cached, calls } = made.node();
    await liveOf(cached, session);
    assert.deepEqual(calls().slice(0, 3), ["cache.load", "cache.save", "store.load"]);
  });

  test("a process with a shorter bound holds to its own, whoever made the copy", async () => {
    const made = rig();
    const long = made.node({ staleSeconds: 600 });
    const session = await stored(made);
    await warm(long.cached, session.handle);
    await made.store.retire(session.handle, stone(made));
    assert.equal((await long.cached.load(session.handle)).status, "live");
    assert.equal((await made.node().cached.load(session.handle)).status, "retired");
  });

  test("one reader fetches a copy that has run out; others meanwhile ask the store and put nothing there", async () => {
    const { rig: made, cached, node, session, clock } = await warmRig();
    clock.advance(5000);
    node.store.trouble = (verb) => (verb === "load" ? "late" : undefined);
    const first = cached.load(session.handle);
    await new Promise((resolve) => setImmediate(resolve));
    const other = made.node();
    await liveOf(other.cached, session);
    await other.cached.settled();
    assert.deepEqual(other.calls(), ["cache.load", "store.load"]);
    await node.store.deliver();
    await first;
    await cached.settled();
    await liveOf(other.cached, session);
    assert.deepEqual(other.calls(), ["cache.load"]);
  });

  test("a reader that never came back holds the place for leaseSeconds", async () => {
    const { rig: made, cached, node, session, clock } = await warmRig();
    clock.advance(5000);
    node.store.trouble = () => "hang";
    void cached.load(session.handle);
    await new Promise((resolve) => setImmediate(resolve));
    const { cached: other, calls } = made.node();
    for (const passed of [0, 1999]) {
      clock.advance(passed);
      await liveOf(other, session);
      assert.deepEqual(calls(), ["cache.load", "store.load"]);
    }
    clock.advance(1);
    await warm(other, session.handle);
    calls();
    await liveOf(other, session);
    assert.deepEqual(calls(), ["cache.load"]);
  });
});

describe("a late copy", () => {
  const writes: Record<string, (writer: SessionStore, session: SessionRecord, made: Rig) => unknown> = {
    "a save": (writer, session) => writer.save(next(session, { data: "changed" }), session.version),
    "a touch": (writer, session) => writer.touch(session.handle, session.version, session.expiresAt + 1),
    "an end": (writer, session, made) => writer.retire(session.handle, stone(made)),
    "an end of just this version": (writer, session, made) => writer.retire(session.handle, stone(made), session.version),
    "a rotation": (writer, session, made) =>
      writer.rotate?.(session.handle, session.version, next(session, { handle: record().handle }), stone(made)),
    "a revocation": (writer) => writer.users?.advanceEpoch("u", 9),
  };
  for (const [what, write] of Object.entries(writes)) {
    test(`does not undo ${what}`, async () => {
      const { rig: made, writer, session, store, cached, fill } = await lateFill({ userId: "u" });
      await write(writer, session, made);
      await fill();
      for (const node of [cached, writer, made.node().cached]) {
        for (let reads = 0; reads < 3; reads++) {
          assert.deepEqual(await node.load(session.handle), await store.load(session.handle));
          await node.settled();
        }
      }
    });
  }

  test("does not undo the end of a session that the cache had thrown out before", async () => {
    const { rig: made, writer, session, cache, cached, clock, fill } = await lateFill();
    await cache.clearExpired?.({ before: clock.now() + 60_000, limit: 10 });
    await writer.retire(session.handle, stone(made));
    await fill();
    assert.equal((await cached.load(session.handle)).status, "retired");
  });

  test("does not undo the end of a session whose tombstone the cache has thrown out", async () => {
    const { rig: made, writer, session, cache, cached, clock, fill } = await lateFill();
    await writer.retire(session.handle, stone(made));
    await cache.clearExpired?.({ before: clock.now() + 120_000, limit: 10 });
    await fill();
    assert.equal((await cached.load(session.handle)).status, "retired");
    assert.equal((await writer.load(session.handle)).status, "retired");
  });

  test("is put there if nobody wrote", async () => {
    const { writer, session, fill, rig: made } = await lateFill();
    await fill();
    const { cached, calls } = made.node();
    assert.deepEqual(await liveOf(cached, session), session);
    assert.deepEqual(calls(), ["cache.load"]);
    assert.deepEqual(await liveOf(writer, session), session);
  });

  test("of a write that was overtaken does not undo the later write", async () => {
    const { rig: made, cached, node, session } = await warmRig();
    const second = next(session, { data: "second" });
    node.cache.trouble = (verb) => (verb === "save" ? "late" : undefined);
    const saving = cached.save(second, session.version);
    await new Promise((resolve) => setImmediate(resolve));
    const third = next(second, { data: "third" });
    const other = made.node().cached;
    assert.equal((await other.save(third, second.version)).status, "saved");
    await node.cache.deliver();
    await node.cache.deliver();
    await saving;
    node.cache.trouble = () => undefined;
    for (const reader of [cached, other]) assert.deepEqual(await liveOf(reader, third), third);
  });

  test("of a session under a handle that was given out anew is not taken for the new one", async () => {
    const { cached, session, store, clock, rig: made } = await warmRig({ expiresAt: Date.now() + 10_000 });
    clock.advance(20_000);
    await store.clearExpired?.({ before: clock.now(), limit: 10 });
    const reborn = await stored(made, { handle: session.handle, data: "reborn" });
    for (let reads = 0; reads < 4; reads++) {
      assert.deepEqual(await liveOf(cached, reborn), reborn);
      await cached.settled();
    }
  });
});

describe("what else may be in the cache", () => {
  test("a cache that is somebody's store is left alone, whatever happens, and an event says so", async () => {
    const shared = memoryStore();
    const [front, back] = [line("cache", shared), line("store", shared)];
    const cached = cachedStore({ cache: front.store, store: back.store });
    const session = record({ userId: "u" });
    const made = rig();
    const reasons = await reasonsOf(async () => {
      await cached.create(session);
      for (let reads = 0; reads < 3; reads++) assert.deepEqual(await liveOf(cached, session), session);
      const second = next(session, { data: "second" });
      assert.equal((await cached.save(second, session.version)).status, "saved");
      assert.deepEqual(await liveOf(shared, second), second);
      const expiresAt = second.expiresAt + 1;
      assert.equal((await cached.touch(session.handle, second.version, expiresAt)).status, "touched");
      assert.equal((await cached.save(next(second), "another")).status, "conflict");
      await cached.users?.advanceEpoch("u", 1);
      assert.deepEqual(await liveOf(shared, second), { ...second, expiresAt });
      const end = stone(made);
      assert.deepEqual(await cached.retire(session.handle, end), { status: "retired", tombstone: end });
    });
    assert.deepEqual(new Set(reasons), new Set(["read"]));
  });

  test("a copy of another release is not served, and is replaced", async () => {
    for (const data of ["copy2:whatever", "lease7:x", "free2:", "copy1:", "copy1:[]\n", 'copy1:[1,"v",2,3,4,5]\n{}']) {
      const { rig: made, cache, cached, node, session } = await warmRig();
      const held = { ...session, version: versionOfCopy(session.version), userId: null };
      await cache.save({ ...held, version: "other", data }, held.version);
      assert.deepEqual(await liveOf(cached, session), session);
      await cached.settled();
      node.calls();
      assert.deepEqual(await liveOf(cached, session), session);
      assert.deepEqual(node.calls(), ["cache.load"]);
      await cache.save({ ...held, version: "again", data }, held.version);
      const changed = next(session, { data: "changed" });
      await made.node().cached.save(changed, session.version);
      assert.deepEqual(await liveOf(cached, changed), changed);
    }
  });
});

describe("what is configured", () => {
  test("what cannot work is refused, naming the option", () => {
    const [store, cache] = [memoryStore(), memoryStore()];
    const remote = (reach: SessionStore["reach"]): SessionStore => ({ ...memoryStore(), reach });
    const both = { store, cache };
    const faults: [unknown, RegExp][] = [
      [null, /object/],
      [{ ...both, ttl: 5 }, /no option `ttl`/],
      [{ cache }, /`store` must be a store/],
      [{ store }, /`cache` must be a store/],
      [{ store, cache: {} }, /`cache` must be a store/],
      [{ store, cache: cookieStore({ keys: [KEY] }) }, /`cache` keeps its records in the cookie/],
      [{ store: cookieStore({ keys: [KEY] }), cache }, /`store` keeps its records in the cookie/],
      [{ store, cache: store }, /the same store/],
      [{ store, cache: { ...cache, compareAndSwap: false } }, /compare and write/],
      [{ store, cache: remote("network") }, /do not share the store/],
      [{ store: remote("none"), cache: remote("none") }, /`store` is reached by nobody/],
      [{ store, cache: cachedStore(both) }, /`cache` keeps copies itself/],
      [{ store: { ...store, staleSeconds: 1 }, cache }, /`store` keeps copies itself/],
      [{ ...both, staleSeconds: 2 }, /more than twice `skewSeconds`/],
      [{ ...both, staleSeconds: 0, skewSeconds: 0 }, /staleSeconds/],
      [{ ...both, staleSeconds: 3601 }, /staleSeconds/],
      [{ ...both, staleSeconds: Number.NaN }, /staleSeconds/],
      [{ ...both, staleSeconds: "5" }, /staleSeconds/],
      [{ ...both, skewSeconds: -1 }, /skewSeconds/],
      [{ ...both, leaseSeconds: 0 }, /leaseSeconds/],
      [{ ...both, cacheTimeoutSeconds: 61 }, /cacheTimeoutSeconds/],
      [{ ...both, breakerFailures: 1.5 }, /breakerFailures/],
      [{ ...both, breakerSeconds: -1 }, /breakerSeconds/],
      [{ ...both, clock: { now: Date.now } }, /clock/],
    ];
    for (const [options, message] of faults) {
      assert.throws(
        () => cachedStore(options as never),
        (error) => isSessionError(error, "ERR_SESSION_CONFIG") && message.test(error.message),
        String(message),
      );
    }
    for (const reach of ["process", "machine", "network"] as const) {
      assert.equal(cachedStore({ store: remote("machine"), cache: remote(reach) }).reach, "machine");
    }
  });

  test("it has the abilities of the store, and no others", () => {
    const full = memoryStore();
    const { load, create, save, touch, retire } = full;
    const bare: SessionStore = { name: "bare", reach: "process", durable: true, load, create, save, touch, retire };
    const abilities = ["rotate", "users", "list", "clearExpired", "compareAndSwap", "cancels", "migrate"];
    const none = cachedStore({ store: bare, cache: memoryStore() });
    for (const ability of abilities) assert.ok(!(ability in none), ability);
    const all = cachedStore({
      store: Object.assign({}, full, { compareAndSwap: false, cancels: true, migrate: () => "migrated" }),
      cache: memoryStore(),
    });
    for (const ability of abilities) assert.ok(ability in all, ability);
    assert.equal((all as unknown as { migrate(): string }).migrate(), "migrated");
    assert.deepEqual([all.compareAndSwap, all.cancels], [false, true]);
    assert.deepEqual([none.name, none.durable, none.reach], ["cached:bare", true, "process"]);
  });

  test("it cancels as soon as its store is known to, which one from a URL is after its first call", () => {
    const opened = { ...memoryStore(), cancels: false };
    const cached = cachedStore({ store: opened, cache: memoryStore() });
    assert.equal(cached.cancels, false);
    opened.cancels = true;
    assert.equal(cached.cancels, true);
  });

  test("over a store without users a copy has no epoch", async () => {
    const { users: _, ...store } = memoryStore();
    const cached = cachedStore({ store, cache: memoryStore() });
    const session = record({ userId: "u" });
    await cached.create(session);
    await warm(cached, session.handle);
    const saved = next(session);
    await cached.save(saved, session.version);
    assert.equal((await cached.load(session.handle)).status, "live");
  });

  test("a signal reaches the store", async () => {
    const signals: unknown[] = [];
    const store: SessionStore = {
      ...memoryStore(),
      cancels: true,
      load: (_handle, options) => {
        signals.push(options?.signal);
        return { status: "missing" };
      },
    };
    const cached = cachedStore({ store, cache: memoryStore() });
    const { signal } = new AbortController();
    await cached.load(record().handle, { signal });
    await cached.load(record().handle, { signal, fresh: true });
    assert.deepEqual(signals, [signal, signal]);
  });
});

describe("a URL", () => {
  const [inMemory, inSqlite] = ["memory:", "sqlite::memory:"];

  test("names the store, and behind the first `cache=`, up to the end, the cache", async () => {
    for (const [url, name, cacheName] of [
      [`cached:${inSqlite}?cache=${inMemory}`, "sqlite", "memory"],
      [`cached:postgres://u:p@h/db?sslmode=require&cache=redis://:p@h:1/0`, "postgres", "redis"],
      [`cached:mysql://h/db?cache=memcached://a,b?timeoutSeconds=1`, "mysql", "memcached"],
    ] as const) {
      const store = storeFromUrl(url) as CachedStore;
      assert.deepEqual([store.name, store.cache.name, store.staleSeconds], [`cached:${name}`, cacheName, 5]);
      await store.close();
    }
  });

  test("is taken apart without regard to what is in the cache's own", () => {
    assert.deepEqual(splitCachedUrl("cached:mysql://h/d?a=1&b=cache=2&cache=sqlite:x?cache=y&z"), {
      store: "mysql://h/d?a=1&b=cache=2",
      cache: "sqlite:x?cache=y&z",
    });
  });

  test("gives a cache that others may use for sessions names of its own, and no index, unless it says otherwise", () => {
    const cacheOf = (cache: string): string => splitCachedUrl(`cached:file:x?cache=${cache}`).cache;
    assert.equal(cacheOf("redis://h"), "redis://h?prefix=sojourn-copies%3A&index=users");
    assert.equal(cacheOf("rediss+cluster://a,b?prefix=p"), "rediss+cluster://a,b?prefix=p&index=users");
    assert.equal(cacheOf("redis://h?prefix=p&index=all"), "redis://h?prefix=p&index=all");
    assert.equal(cacheOf("memcached://h?tls=true"), "memcached://h?tls=true&prefix=sojourn-copies%3A");
    assert.equal(cacheOf("memory:"), "memory:");
  });

  test("that cannot be one is refused, and not repeated", () => {
    const wrong = ["", "postgres://h/hush", "postgres://h/hush?cache=", "?cache=hush:", "near:redis://hush?cache=memory:"];
    for (const rest of [...wrong, "cookie:?cache=memory:", "memory:?cache=cookie:", "memory:?cache=hush:x"]) {
      assert.throws(
        () => storeFromUrl(`cached:${rest}`, { SOJOURN_KEYS: KEY }),
        (error) => isSessionError(error, "ERR_SESSION_CONFIG") && !error.message.includes("hush"),
        rest,
      );
    }
  });
});

test("closing closes both, also when one of them fails, and says so", async () => {
  const closed: string[] = [];
  const cached = cachedStore({
    cache: { ...memoryStore(), close: () => void closed.push("cache") },
    store: {
      ...memoryStore(),
      close() {
        closed.push("store");
        throw new Error(`closed ${newVersion().length}`);
      },
    },
  });
  await assert.rejects(cached.close(), /closed 16/);
  assert.deepEqual(closed.toSorted(), ["cache", "store"]);
});
