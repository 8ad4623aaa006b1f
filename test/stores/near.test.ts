import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, test, type TestContext } from "node:test";
import { isSessionError, SessionError } from "../../src/core/errors.ts";
import { lockHandleOf } from "../../src/core/id.ts";
import type { SessionStore } from "../../src/core/store.ts";
import { nearStore, type NearStore, type NearStoreOptions } from "../../src/stores/near.ts";
import { cookieStore } from "../../src/stores/cookie.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { userMark } from "../../src/stores/near/copies.ts";
import { fakeClock } from "../../src/testing/fake-clock.ts";
import { CountedStore, nextEvent, ready, ScriptedFeed } from "./near/support.ts";
import { next, record, tombstone } from "./redis/support.ts";

interface Rig {
  readonly near: NearStore;
  readonly feed: ScriptedFeed;
  readonly counted: CountedStore;
}

/** A near store whose feed vouches for it. */
async function rig(t: TestContext, options: Partial<NearStoreOptions> = {}): Promise<Rig> {
  const feed = new ScriptedFeed();
  const counted = new CountedStore();
  const near = nearStore({ store: counted.store, feed, staleSeconds: 60, ...options });
  t.after(() => near.close());
  await ready(near);
  counted.loads = 0;
  return { near, feed, counted };
}

/** How often the store was asked by `work`. */
async function asked({ counted }: Rig, work: () => unknown): Promise<number> {
  const before = counted.loads;
  await work();
  return counted.loads - before;
}

/** Stands still, timers and all. */
function standStill(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

describe("near store: what it takes", () => {
  const store = memoryStore();
  const feed = new ScriptedFeed();
  const cases: Record<string, unknown> = {
    "no options": undefined,
    "an unknown option": { store, feed, ttl: 5 },
    "no store": { feed },
    "a cookie store": { store: cookieStore({ keys: randomBytes(32) }), feed },
    "a store that keeps copies": { store: { ...store, staleSeconds: 1 }, feed },
    "no feed": { store },
    "a feed of another place": { store: { ...store, home: "a" }, feed: { name: "f", home: "b", open: () => ({}) } },
    "no entries": { store, feed, maxEntries: 0 },
    "half an entry": { store, feed, maxEntries: 0.5 },
    "no bytes": { store, feed, maxBytes: 0 },
    "no staleness": { store, feed, staleSeconds: 0.1 },
    "an hour's staleness": { store, feed, staleSeconds: 3600 },
    "staleness that is no number": { store, feed, staleSeconds: Number.NaN },
    "no clock": { store, feed, clock: {} },
  };
  for (const [name, options] of Object.entries(cases)) {
    test(`refuses ${name} when it is configured`, () => {
      assert.throws(
        () => nearStore(options as NearStoreOptions),
        (error) => isSessionError(error, "ERR_SESSION_CONFIG"),
      );
    });
  }

  test("it has the abilities of its store, and no others", () => {
    const migrate = () => ({ statements: [] });
    const full = { ...memoryStore(), migrate, compareAndSwap: false, cancels: true, home: "here", durable: true };
    const near = nearStore({ store: full, feed: { ...feed, home: "here", open: feed.open } });
    assert.equal(near.name, "near:memory");
    assert.equal(near.staleSeconds, 5);
    for (const name of ["rotate", "users", "list", "clearExpired", "migrate"]) assert.ok(name in near, name);
    for (const name of ["reach", "durable", "compareAndSwap", "cancels", "home"] as const) {
      assert.equal(near[name], full[name], name);
    }
    const { load, create, save, touch, retire } = memoryStore();
    const bare = nearStore({
      store: { name: "bare", reach: "process", durable: false, load, create, save, touch, retire },
      feed,
    });
    for (const name of ["rotate", "users", "list", "clearExpired", "migrate", "compareAndSwap", "cancels", "home"]) {
      assert.ok(!(name in bare) || bare[name as keyof NearStore] === undefined, name);
    }
  });

  test("it cancels as soon as its store is known to, which one from a URL is after its first call", () => {
    const opened = { ...memoryStore(), cancels: false };
    const near = nearStore({ store: opened, feed });
    assert.equal(near.cancels, false);
    opened.cancels = true;
    assert.equal(near.cancels, true);
  });
});

describe("near store: reading", () => {
  test("the second load asks nobody, and answers at once", async (t) => {
    const made = await rig(t);
    const session = record({ userId: "u" });
    await made.near.create(session);
    const first = await made.near.load(session.handle);
    assert.equal(await asked(made, () => made.near.load(session.handle)), 0);
    const second = made.near.load(session.handle);
    assert.ok(!(second instanceof Promise));
    assert.deepEqual(second, first);
    const { ready: isReady, entries, hits, misses } = made.near.stats();
    assert.deepEqual([isReady, entries, hits, misses], [true, 1, 2, 2]);
  });

  test("a tombstone is served from memory too; that there is nothing is asked each time", async (t) => {
    const made = await rig(t);
    const [ended, never] = [record(), record()];
    await made.near.create(ended);
    await made.near.retire(ended.handle, tombstone());
    const first = await made.near.load(ended.handle);
    assert.equal(first.status, "retired");
    assert.equal(await asked(made, async () => assert.deepEqual(await made.near.load(ended.handle), first)), 0);
    for (let round = 0; round < 2; round++) {
      assert.equal(await asked(made, () => made.near.load(never.handle)), 1);
    }
    assert.equal(made.near.stats().entries, 1);
  });

  test("a load that asks for the original gets it, and what it brings is kept", async (t) => {
    const made = await rig(t);
    const session = record();
    await made.near.create(session);
    await made.near.load(session.handle);
    const changed = next(session, { data: "changed" });
    await made.counted.store.save(changed, session.version);
    assert.equal(await asked(made, () => made.near.load(session.handle, { fresh: true })), 1);
    assert.equal(
      await asked(made, async () => {
        assert.deepEqual(await made.near.load(session.handle), { status: "live", record: changed });
      }),
      0,
    );
  });

  test("a lock is never served from memory", async (t) => {
    const made = await rig(t);
    const lock = record({ handle: lockHandleOf(record().handle) });
    await made.near.create(lock);
    for (let round = 0; round < 2; round++) assert.equal(await asked(made, () => made.near.load(lock.handle)), 1);
    assert.equal(made.near.stats().entries, 0);
  });

  test("what a caller does to what it got changes nothing", async (t) => {
    const { near } = await rig(t);
    const session = record({ userId: "u" });
    await near.create(session);
    for (let round = 0; round < 3; round++) {
      const outcome = await near.load(session.handle);
      assert.deepEqual(outcome, { status: "live", record: session, userEpoch: 0 });
      Reflect.set(outcome, "userEpoch", 9);
      if (outcome.status === "live") Reflect.set(outcome.record, "data", "scribbled");
    }
    const stone = tombstone();
    await near.retire(session.handle, stone);
    for (let round = 0; round < 3; round++) {
      const outcome = await near.load(session.handle);
      assert.deepEqual(outcome, { status: "retired", tombstone: stone });
      if (outcome.status === "retired") Reflect.set(outcome.tombstone, "reason", "rotated");
    }
  });

  test("a copy past its deadline is not served: whether it was moved, the store knows", async (t) => {
    const clock = fakeClock(Date.now());
    const made = await rig(t, { clock });
    const session = record({ expiresAt: clock.now() + 1000 });
    await made.near.create(session);
    await made.near.load(session.handle);
    await made.counted.store.touch(session.handle, session.version, clock.now() + 60_000);
    clock.advance(999);
    assert.equal(await asked(made, () => made.near.load(session.handle)), 0);
    clock.advance(1);
    const outcome = await made.near.load(session.handle);
    assert.equal(outcome.status === "live" && outcome.record.expiresAt, session.expiresAt + 59_000);
    assert.equal(await asked(made, () => made.near.load(session.handle)), 0);
  });

  test("what cannot be read is refused, and not kept", async (t) => {
    const unreadable = new SessionError("ERR_SESSION_UNREADABLE");
    const { store } = new CountedStore({ load: () => Promise.reject(unreadable) });
    const near = nearStore({ store, feed: new ScriptedFeed() });
    t.after(() => near.close());
    for (let round = 0; round < 3; round++) {
      await assert.rejects(async () => near.load(record().handle), unreadable);
    }
  });
});

describe("near store: what was written here is seen here at once", () => {
  type Write = (near: NearStore, session: ReturnType<typeof record>) => unknown;
  const stone = tombstone();
  const writes: Record<string, Write> = {
    save: (near, session) => near.save(next(session, { data: "saved" }), session.version),
    "a save that is refused": (near, session) => near.save(next(session), "another"),
    touch: (near, session) => near.touch(session.handle, session.version, session.expiresAt + 1000),
    retire: (near, session) => near.retire(session.handle, stone),
    rotate: (near, session) => near.rotate?.(session.handle, session.version, next(session, record()), stone),
    "a user's revocation": (near) => near.users?.advanceEpoch("u", 7),
    "a sweep": (near, { expiresAt }) => near.clearExpired?.({ before: expiresAt, limit: 10 }),
  };
  for (const [name, write] of Object.entries(writes)) {
    test(name, async (t) => {
      const made = await rig(t);
      const session = record({ userId: "u" });
      await made.near.create(session);
      await made.near.load(session.handle);
      await write(made.near, session);
      const expected = await made.counted.store.load(session.handle);
      assert.deepEqual(await made.near.load(session.handle), expected);
    });

    test(`${name}, with a load under way`, async (t) => {
      const made = await rig(t);
      const session = record({ userId: "u" });
      await made.near.create(session);
      const { asked: read, release } = made.counted.hold();
      const late = made.near.load(session.handle);
      await read;
      await write(made.near, session);
      release();
      await late;
      const expected = await made.counted.store.load(session.handle);
      assert.deepEqual(await made.near.load(session.handle), expected);
    });
  }

  test("a write whose reply is lost: whatever became of it", async (t) => {
    const inner = memoryStore();
    const lost = new Error("the reply was lost");
    const store: SessionStore = {
      ...inner,
      async save(...call) {
        await inner.save(...call);
        throw lost;
      },
    };
    const near = nearStore({ store, feed: new ScriptedFeed(), staleSeconds: 60 });
    t.after(() => near.close());
    await ready(near);
    const session = record();
    await near.create(session);
    await near.load(session.handle);
    const saved = next(session, { data: "saved" });
    await assert.rejects(async () => near.save(saved, session.version), lost);
    assert.deepEqual(await near.load(session.handle), { status: "live", record: saved });
  });
});

describe("near store: what the feed tells", () => {
  test("a record, a user, every user, everything: just that is forgotten", async (t) => {
    const { near, feed } = await rig(t);
    const [free, mine, mine2, others] = [
      record(),
      record({ userId: "u" }),
      record({ userId: "u" }),
      record({ userId: "v" }),
    ];
    const all = [free, mine, mine2, others];
    for (const each of all) await near.create(each);
    const kept = async (change: Parameters<ScriptedFeed["tell"]>[0]): Promise<boolean[]> => {
      for (const each of all) await near.load(each.handle);
      feed.tell(change);
      const found: boolean[] = [];
      for (const each of all) {
        const { hits } = near.stats();
        await near.load(each.handle);
        found.push(near.stats().hits > hits);
      }
      return found;
    };
    assert.deepEqual(await kept({ handle: mine.handle }), [true, false, true, true]);
    assert.deepEqual(await kept({ user: userMark("u") }), [true, false, false, true]);
    assert.deepEqual(await kept({ user: userMark("nobody") }), [true, true, true, true]);
    assert.deepEqual(await kept({ user: null }), [true, false, false, false]);
    assert.deepEqual(await kept("everything"), [false, false, false, false]);
  });

  for (const [name, change] of Object.entries({
    "its record": (handle: string) => ({ handle }),
    "its user": () => ({ user: userMark("u") }),
    "some user": () => ({ user: null }),
    everything: () => "everything",
  })) {
    test(`of ${name}, while a load is under way: what it brings is not kept`, async (t) => {
      const { near, feed, counted } = await rig(t);
      const session = record({ userId: "u" });
      await near.create(session);
      const { asked: read, release } = counted.hold();
      const late = near.load(session.handle);
      await read;
      feed.tell(change(session.handle) as never);
      release();
      await late;
      assert.equal(near.stats().entries, 0);
      await near.load(session.handle);
      assert.equal(near.stats().entries, 1);
    });
  }

  test("a load from before the feed was lost is not kept when it is back", async (t) => {
    const { near, feed, counted } = await rig(t);
    const session = record();
    await near.create(session);
    const { asked: read, release } = counted.hold();
    const late = near.load(session.handle);
    await read;
    const back = nextEvent("feedReady", near);
    feed.lose();
    await back;
    release();
    await late;
    assert.deepEqual([near.stats().ready, near.stats().entries], [true, 0]);
  });

  test("a load from before the feed was there is not kept", async (t) => {
    const feed = new ScriptedFeed();
    const counted = new CountedStore();
    const near = nearStore({ store: counted.store, feed });
    t.after(() => near.close());
    const session = record();
    await near.create(session);
    const { asked: read, release } = counted.hold();
    const late = near.load(session.handle);
    await read;
    while (!near.stats().ready) await new Promise((resume) => setImmediate(resume));
    release();
    await late;
    assert.equal(near.stats().entries, 0);
  });

  test("what a connection tells that was given up is not listened to", async (t) => {
    const { near, feed } = await rig(t);
    const old = feed.listener;
    const back = nextEvent("feedReady", near);
    feed.lose();
    await back;
    const session = record();
    await near.create(session);
    await near.load(session.handle);
    old.changed("everything");
    old.marked("whatever");
    old.lost(new Error("late"));
    assert.deepEqual([near.stats().ready, near.stats().entries], [true, 1]);
  });
});

describe("near store: the bound", () => {
  test("a lost feed: everything is forgotten at once, loads ask the store, and it comes back by itself", async (t) => {
    const made = await rig(t);
    const { near, feed } = made;
    const session = record();
    await near.create(session);
    await near.load(session.handle);
    const [lost, back] = [nextEvent("feedLost", near), nextEvent("feedReady", near)];
    const error = new Error("cut");
    feed.lose(error);
    feed.lose(error);
    assert.deepEqual([near.stats().ready, near.stats().entries], [false, 0]);
    assert.deepEqual(await lost, { store: near.name, reason: "connection", error });
    for (let round = 0; round < 2; round++) assert.equal(await asked(made, () => near.load(session.handle)), 1);
    await back;
    assert.deepEqual([feed.opened, feed.closed], [2, 1]);
    await near.load(session.handle);
    assert.equal(await asked(made, () => near.load(session.handle)), 0);
  });

  test("a silent feed: everything is forgotten in time, and another connection is opened", async (t) => {
    const made = await rig(t, { staleSeconds: 0.2 });
    const { near, feed } = made;
    const session = record();
    await near.create(session);
    await near.load(session.handle);
    feed.mute = true;
    const muted = performance.now();
    const { reason } = await nextEvent("feedLost", near);
    assert.equal(reason, "silence");
    assert.ok(performance.now() - muted < 2000, "it was noticed");
    assert.equal(near.stats().entries, 0);
    feed.mute = false;
    await nextEvent("feedReady", near);
    assert.ok(feed.opened >= 2);
  });

  test("a mark vouches for its time from when it was sent, not from when it came back", async (t) => {
    const made = await rig(t, { staleSeconds: 0.3 });
    const { near, feed } = made;
    feed.mute = true;
    const { marks } = feed;
    while (feed.marks === marks) await new Promise((resume) => setImmediate(resume));
    standStill(250);
    feed.unmute();
    await new Promise((resume) => setImmediate(resume));
    const session = record();
    await near.create(session);
    assert.ok(near.stats().ready);
    feed.mute = true;
    standStill(100);
    assert.equal(near.stats().ready, false);
  });

  test("a process that stood still serves nothing from before, although no timer has run since", async (t) => {
    const made = await rig(t, { staleSeconds: 0.2 });
    const session = record();
    await made.near.create(session);
    await made.near.load(session.handle);
    assert.equal(await asked(made, () => made.near.load(session.handle)), 0);
    standStill(250);
    assert.equal(await asked(made, () => made.near.load(session.handle)), 1);
    assert.equal(made.near.stats().entries, 0);
    await nextEvent("feedReady", made.near);
  });

  test("a machine that slept serves nothing from before: the time of day counts as well", async (t) => {
    const made = await rig(t);
    const session = record({ expiresAt: Date.now() + 3_600_000 });
    await made.near.create(session);
    await made.near.load(session.handle);
    const now = Date.now();
    t.mock.method(Date, "now", () => now + 61_000);
    assert.equal(await asked(made, () => made.near.load(session.handle)), 1);
  });

  test("sync: what was told before is seen, and a feed that is silent or lost holds nobody up", async (t) => {
    const { near, feed } = await rig(t, { staleSeconds: 0.2 });
    const session = record();
    await near.create(session);
    await near.load(session.handle);
    let done = false;
    feed.mute = true;
    const synced = near.sync().then(() => (done = true));
    await new Promise((resume) => setImmediate(resume));
    assert.equal(done, false);
    feed.unmute();
    await synced;
    feed.mute = true;
    await near.sync();
    assert.equal(near.stats().entries, 0);
    feed.refusal = new Error("down");
    await near.sync();
  });

  test("a feed that can never work makes loads reject, until it works after all", async (t) => {
    const feed = new ScriptedFeed();
    const { store } = new CountedStore();
    const near = nearStore({ store, feed });
    t.after(() => near.close());
    const refusal = new SessionError("ERR_SESSION_CONFIG", "no triggers");
    feed.refusal = refusal;
    const lost = nextEvent("feedLost", near);
    await near.load(record().handle);
    assert.equal((await lost).reason, "configuration");
    await assert.rejects(async () => near.load(record().handle), refusal);
    assert.equal((await near.create(record())).status, "created");
    const back = nextEvent("feedReady", near);
    feed.refusal = undefined;
    await back;
    assert.equal((await near.load(record().handle)).status, "missing");
  });

  test("a feed that worked and can no more costs no more than the round trips", async (t) => {
    const made = await rig(t);
    made.feed.refusal = new SessionError("ERR_SESSION_CONFIG", "the triggers were dropped");
    const lost = nextEvent("feedLost", made.near);
    await made.near.sync();
    await lost;
    assert.equal(await asked(made, () => made.near.load(record().handle)), 1);
  });
});

describe("near store: memory", () => {
  test("no more than so many records are kept, those that were used last", async (t) => {
    const made = await rig(t, { maxEntries: 10 });
    const all = Array.from({ length: 30 }, (_, index) => record({ userId: `u${index % 3}` }));
    for (const each of all) await made.near.create(each);
    const first = all[0] ?? assert.fail();
    for (const each of all) {
      await made.near.load(each.handle);
      await made.near.load(first.handle);
      assert.ok(made.near.stats().entries <= 10);
    }
    const expected = [first, ...all.slice(-9)];
    assert.equal(
      await asked(made, async () => {
        for (const each of expected) await made.near.load(each.handle);
      }),
      0,
    );
    assert.equal(await asked(made, () => made.near.load(all[15]?.handle ?? assert.fail())), 1);
  });

  test("nor more than so many bytes, and nothing that is larger than that by itself", async (t) => {
    const maxBytes = 100_000;
    const { near, feed } = await rig(t, { maxBytes });
    for (let index = 0; index < 50; index++) {
      const each = record({ data: "x".repeat(5000) });
      await near.create(each);
      await near.load(each.handle);
      assert.ok(near.stats().bytes <= maxBytes);
    }
    const { entries } = near.stats();
    assert.ok(entries >= 8 && entries <= 10, String(entries));
    const large = record({ data: "x".repeat(maxBytes) });
    await near.create(large);
    await near.load(large.handle);
    assert.equal(near.stats().entries, entries);
    feed.tell("everything");
    assert.deepEqual([near.stats().entries, near.stats().bytes], [0, 0]);
  });

  test("what is written, forgotten and read again leaves nothing behind", async (t) => {
    const { near, feed } = await rig(t);
    let session = record({ userId: "u" });
    await near.create(session);
    await near.load(session.handle);
    const { bytes } = near.stats();
    for (let round = 0; round < 100; round++) {
      const written = next(session, { userId: round % 2 === 0 ? "v" : "u" });
      await near.save(written, session.version);
      await near.load(session.handle, { fresh: round % 3 === 0 });
      if (round % 5 === 0) feed.tell({ user: userMark("v") });
      session = written;
      await near.load(session.handle);
    }
    assert.deepEqual([near.stats().entries, near.stats().bytes], [1, bytes]);
  });

  test("what is over goes by itself, although nobody asks for it", async (t) => {
    const clock = fakeClock(Date.now());
    const { near, feed } = await rig(t, { clock, staleSeconds: 0.2 });
    for (const expiresAt of [clock.now() + 1000, clock.now() + 60_000]) {
      const each = record({ expiresAt });
      await near.create(each);
      await near.load(each.handle);
    }
    assert.equal(near.stats().entries, 2);
    clock.advance(1000);
    const { marks } = feed;
    while (feed.marks < marks + 2) await new Promise((resume) => setTimeout(resume, 5));
    assert.equal(near.stats().entries, 1);
  });
});

describe("near store: closing", () => {
  test("ends the feed's connection, the feed and the store, once", async () => {
    const feed = new ScriptedFeed();
    let closed = 0;
    const { store } = new CountedStore({ close: () => void closed++ });
    const near = nearStore({ store, feed });
    await ready(near);
    const session = record();
    await near.create(session);
    await near.load(session.handle);
    await Promise.all([near.close(), near.close()]);
    await near.close();
    assert.deepEqual([feed.closed, feed.ended, closed], [1, 1, 1]);
    assert.deepEqual([near.stats().ready, near.stats().entries], [false, 0]);
  });

  test("before the first load there is nothing to end, and afterwards nothing is opened", async () => {
    const feed = new ScriptedFeed();
    const near = nearStore({ store: new CountedStore().store, feed });
    await near.close();
    await near.load(record().handle);
    assert.deepEqual([feed.opened, feed.ended], [0, 1]);
  });

  test("while the feed is being opened, or waited for, it ends too", async (t) => {
    const feed = new ScriptedFeed();
    feed.mute = true;
    const near = nearStore({ store: new CountedStore().store, feed });
    await near.load(record().handle);
    await near.close();
    const made = await rig(t);
    made.feed.mute = true;
    const synced = made.near.sync();
    await made.near.close();
    await synced;
    assert.deepEqual([feed.opened, feed.closed, made.feed.closed], [1, 1, 1]);
  });
});
