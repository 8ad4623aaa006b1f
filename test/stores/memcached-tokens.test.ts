import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { systemClock } from "../../src/core/clock.ts";
import type { Session } from "../../src/core/session.ts";
import { lockHandleOf } from "../../src/core/id.ts";
import { memcachedStore, type MemcachedStore } from "../../src/stores/memcached.ts";
import { type Visit, world } from "../core/support.ts";
import { type MemcachedServer, startMemcached } from "../servers/memcached.ts";
import { needs } from "../servers/needs.ts";
import { until } from "../servers/process.ts";
import { type Relay, startRelay } from "./memcached/relay.ts";
import { command, newPrefix, openStore } from "./memcached/targets.ts";
import { next, outcomeOf, record, tombstone } from "./redis/support.ts";

const HOUR = 3_600_000;
const plus = (data: Visit): number => (data.count = (data.count ?? 0) + 1);
const write = async (session: Session<Visit>): Promise<void> => void plus(await session.load());

describe("memcached store: tokens", { skip: needs("memcached") }, () => {
  let server: MemcachedServer;
  let relay: Relay;
  let store: MemcachedStore;
  let other: MemcachedStore;
  before(async () => {
    server = await startMemcached();
    relay = await startRelay(server.port);
    const prefix = newPrefix();
    store = memcachedStore({ servers: [`127.0.0.1:${relay.port}`], prefix });
    // Another process: it shares nothing with the store but the server.
    other = openStore([server], { prefix });
  });
  after(async () => {
    await Promise.all([store.close(), other.close()]);
    await relay[Symbol.asyncDispose]();
    await server.process.kill();
  });

  /** What a piece of work sends: for each piece, the commands in it. Each piece waits for the reply to the one before. */
  async function sent(work: () => unknown): Promise<string[]> {
    relay.pieces.length = 0;
    await work();
    return relay.pieces.map((piece) => (piece.match(/^(mg|add|cas|md|mn) /gm) ?? []).join("").trim());
  }

  /** How often the server says that it was asked to get and to set. */
  async function counts(): Promise<[gets: number, sets: number]> {
    const stats = await command(server, "stats", "END\r\n");
    return [Number(/cmd_get (\d+)/.exec(stats)?.[1]), Number(/cmd_set (\d+)/.exec(stats)?.[1])];
  }

  test("what requests cost, in round trips", async () => {
    const { request, open, sessions } = world({ store, clock: systemClock });
    const first = await request({ handle: write });
    const { cookie } = await request({ cookie: first.cookie, handle: (session) => session.load() });
    assert.deepEqual(await sent(() => request()), []);
    assert.deepEqual(await sent(() => request({ cookie })), []);
    assert.deepEqual(await sent(() => request({ handle: write })), ["add mg"]);
    assert.deepEqual(await sent(() => request({ cookie, handle: (session) => session.load() })), ["mg"]);
    assert.deepEqual(await sent(() => request({ cookie, handle: write })), ["mg", "cas mg"]);
    const { session } = open({ cookie });
    assert.deepEqual(await sent(() => session.update(plus)), ["mg", "cas mg"]);
    assert.deepEqual(await sent(() => session.update(plus)), ["cas mg"]);
    assert.deepEqual(await sent(() => session.update(plus)), ["cas mg"]);
    let renewed = cookie;
    const login = async (): Promise<void> => {
      renewed = (await request({ cookie, handle: (each) => each.login("ada") })).cookie;
    };
    assert.deepEqual(await sent(login), ["mg", "add mg", "cas mg"]);
    assert.deepEqual(await sent(() => request({ cookie: renewed, handle: (each) => each.logout() })), ["cas mg"]);
    // Nothing in this process has seen the session before.
    const elsewhere = await world({ store: other, clock: systemClock }).request({ handle: write });
    assert.deepEqual(await sent(() => request({ cookie: elsewhere.cookie, handle: (each) => each.flush() })), [
      "mg",
      "cas mg",
    ]);
    assert.equal((await sessions.find(record().handle)) === null, true);
  });

  test("a read with the idle refresh due costs two round trips, also of a session of 100 kB", async () => {
    for (const size of [10, 100_000]) {
      const session = record({ data: "x".repeat(size) });
      await other.create(session);
      const trips = await sent(async () => {
        await store.load(session.handle);
        assert.equal((await store.touch(session.handle, session.version, session.expiresAt + HOUR)).status, "touched");
      });
      assert.deepEqual(trips, ["mg", "cas mg"]);
      const touched = { ...session, expiresAt: session.expiresAt + HOUR };
      assert.deepEqual(await other.load(session.handle), { status: "live", record: touched });
    }
  });

  test("by the server's own count, a write gets and sets once each", async () => {
    const session = record();
    await store.create(session);
    const [gets, sets] = await counts();
    await store.save(next(session), session.version);
    assert.deepEqual(await counts(), [gets + 1, sets + 1]);
  });

  test("calls made together leave together", async () => {
    const trips = await sent(() => Promise.all(Array.from({ length: 20 }, () => store.load(record().handle))));
    assert.equal(trips.length, 1);
  });

  test("what another process did meanwhile is found out by the server, whatever this one saw last", async () => {
    const saved = record();
    const touched = record();
    const ended = record();
    const gone = record();
    for (const session of [saved, touched, ended, gone]) {
      await store.create(session);
      await store.load(session.handle);
    }
    const newer = next(saved, { data: "theirs" });
    await other.save(newer, saved.version);
    assert.deepEqual(await store.save(next(saved), saved.version), { status: "conflict", record: newer });
    assert.equal(await outcomeOf(() => store.touch(saved.handle, saved.version, saved.expiresAt + HOUR)), "stale");

    // Touched, it is in another state, and still has the version.
    await other.touch(touched.handle, touched.version, touched.expiresAt + HOUR);
    const later = next(touched, { data: "ours" });
    assert.deepEqual(await sent(() => store.save(later, touched.version)), ["cas mg", "mg", "cas mg"]);
    assert.deepEqual(await other.load(touched.handle), { status: "live", record: later });
    await store.load(touched.handle);
    const longest = later.expiresAt + 3 * HOUR;
    await other.touch(later.handle, later.version, longest);
    assert.equal((await store.touch(later.handle, later.version, later.expiresAt + HOUR)).status, "touched");
    assert.deepEqual(await other.load(later.handle), { status: "live", record: { ...later, expiresAt: longest } });

    const stone = tombstone();
    await other.retire(ended.handle, stone);
    assert.equal(await outcomeOf(() => store.save(next(ended), ended.version)), "retired");
    assert.deepEqual(await store.retire(ended.handle, tombstone({ until: stone.until })), {
      status: "retired",
      tombstone: stone,
    });
    assert.deepEqual(await other.load(ended.handle), { status: "retired", tombstone: stone });

    await command(server, "flush_all");
    assert.equal(await outcomeOf(() => store.save(next(gone), gone.version)), "missing");
    assert.equal(await outcomeOf(() => store.touch(gone.handle, gone.version, gone.expiresAt + HOUR)), "stale");
    assert.equal(await outcomeOf(() => store.retire(gone.handle, tombstone())), "missing");
    assert.equal(await outcomeOf(() => other.load(gone.handle)), "missing");
  });

  test("a write onto a version that is not the one seen last is told what is there now, not what was seen", async () => {
    const first = record();
    await store.create(first);
    const second = next(first, { data: "second" });
    await store.save(second, first.version);
    const third = next(second, { data: "third" });
    await other.save(third, second.version);
    assert.deepEqual(await store.save(next(first), first.version), { status: "conflict", record: third });
    assert.deepEqual(await store.retire(first.handle, tombstone(), first.version), { status: "conflict", record: third });
  });

  test("a touch that has nothing to do asks whether the version still holds", async () => {
    const session = record();
    await store.create(session);
    await store.load(session.handle);
    await other.save(next(session), session.version);
    assert.equal((await store.touch(session.handle, session.version, session.expiresAt)).status, "stale");
  });

  test("the token read behind a write is not taken for its own, when another write came between", async () => {
    const session = record();
    await store.create(session);
    const ours = next(session, { data: "ours" });
    const theirs = next(ours, { data: "theirs" });
    relay.cut("mg ", async () => assert.equal((await other.save(theirs, ours.version)).status, "saved"));
    assert.equal((await store.save(ours, session.version)).status, "saved");
    // Taken for its own, that token would let this write through.
    assert.deepEqual(await store.save(next(ours, { data: "lost" }), ours.version), { status: "conflict", record: theirs });
    assert.deepEqual(await other.load(session.handle), { status: "live", record: theirs });
  });

  test("nor after a session was created, or ended", async () => {
    const session = record();
    const theirs = next(session, { data: "theirs" });
    relay.cut("mg ", async () => assert.equal((await other.save(theirs, session.version)).status, "saved"));
    await store.create(session);
    assert.deepEqual(await store.save(next(session), session.version), { status: "conflict", record: theirs });
    const stone = tombstone();
    relay.cut("mg ", async () => assert.equal((await other.retire(session.handle, stone)).status, "retired"));
    assert.equal((await store.save(next(theirs), theirs.version)).status, "saved");
    assert.deepEqual(await store.retire(session.handle, tombstone({ until: stone.until })), {
      status: "retired",
      tombstone: stone,
    });
  });

  test("changing a record that was given, or was loaded, changes nothing that a later touch writes", async () => {
    const given = record() as { data: string } & ReturnType<typeof record>;
    const kept = { ...given };
    await store.create(given);
    given.data = "changed";
    await store.touch(kept.handle, kept.version, kept.expiresAt + HOUR);
    assert.deepEqual(await other.load(kept.handle), {
      status: "live",
      record: { ...kept, expiresAt: kept.expiresAt + HOUR },
    });
    const loaded = await store.load(kept.handle);
    assert.ok(loaded.status === "live");
    Object.assign(loaded.record, { data: "changed", createdAt: 1 });
    await store.touch(kept.handle, kept.version, kept.expiresAt + 2 * HOUR);
    assert.deepEqual(await other.load(kept.handle), {
      status: "live",
      record: { ...kept, expiresAt: kept.expiresAt + 2 * HOUR },
    });
  });

  test("what is known of sessions is bounded, and what was forgotten is read again", async () => {
    const sessions = Array.from({ length: 2100 }, () => record({ data: "x".repeat(10) }));
    await Promise.all(sessions.map((session) => other.create(session)));
    for (const { handle } of sessions) await store.load(handle);
    const [first = record()] = sessions;
    const last = sessions.at(-1) ?? record();
    assert.deepEqual(await sent(() => store.save(next(first), first.version)), ["mg", "cas mg"]);
    assert.deepEqual(await sent(() => store.save(next(last), last.version)), ["cas mg"]);
    const large = Array.from({ length: 40 }, () => record({ data: "x".repeat(900_000) }));
    for (const session of large) {
      await other.create(session);
      await store.load(session.handle);
    }
    const [oldest = record()] = large;
    const newest = large.at(-1) ?? record();
    assert.deepEqual(await sent(() => store.save(next(oldest, { data: "" }), oldest.version)), ["mg", "cas mg"]);
    assert.deepEqual(await sent(() => store.save(next(newest, { data: "" }), newest.version)), ["cas mg"]);
  });
});

describe("memcached store: tokens and a server that starts again", { skip: needs("memcached") }, () => {
  test("a token from before a restart is sent to no server after it, though the same numbers come again", async (t) => {
    const server = await startMemcached();
    t.after(() => server.process.kill());
    const prefix = newPrefix();
    const [store, other] = [openStore([server], { prefix }), openStore([server], { prefix })];
    t.after(() => Promise.all([store.close(), other.close()]));
    // A lock is the one record that is created again under its handle.
    const lock = record({ handle: lockHandleOf(record().handle), data: "held by us" });
    await store.create(lock);
    await store.load(lock.handle);
    const key = `mg ${prefix}${lock.handle} c`;
    const number = await command(server, key);
    await server.process.kill();
    await server.process.restart();
    await until("the other process is back", async () => (await outcomeOf(() => other.load(lock.handle))) === "missing");
    const theirs = next(lock, { data: "held by them" });
    assert.equal((await other.create(theirs)).status, "created");
    assert.equal(await command(server, key), number, "the number comes again");
    await until("this process is back", async () => (await outcomeOf(() => store.load(record().handle))) === "missing");
    assert.deepEqual(await store.save(next(lock, { data: "free" }), lock.version), { status: "conflict", record: theirs });
    assert.deepEqual(await other.load(lock.handle), { status: "live", record: theirs });
  });
});
