import assert from "node:assert/strict";
import test from "node:test";
import { isSessionError } from "../../src/core/errors.ts";
import { handleOf, lockHandleOf, newSessionId, newVersion, type SessionHandle } from "../../src/core/id.ts";
import type { SessionRecord, Tombstone } from "../../src/core/record.ts";
import { Deadlines, type LiveEntry } from "../../src/stores/memory/deadlines.ts";
import { memoryStore, type MemoryStore } from "../../src/stores/memory.ts";

const NOW = 1_000_000_000_000;
const MINUTE = 60_000;
const SWEEP_ABOVE = 10_000;

function record(fields: Partial<SessionRecord> = {}): SessionRecord {
  return {
    handle: handleOf(newSessionId()),
    data: "data",
    version: newVersion(),
    createdAt: NOW,
    expiresAt: NOW + 60 * MINUTE,
    userId: null,
    epoch: 0,
    ...fields,
  };
}

function numbered(index: number): SessionHandle {
  return index.toString(16).padStart(48, "0") as SessionHandle;
}

function tombstone(until = NOW + MINUTE): Tombstone {
  return { reason: "ended", token: newVersion(), successor: null, until };
}

async function created(store: MemoryStore, fields: Partial<SessionRecord> = {}): Promise<SessionRecord> {
  const made = record(fields);
  assert.equal((await store.create(made)).status, "created");
  return made;
}

async function statusOf(store: MemoryStore, { handle }: Pick<SessionRecord, "handle">): Promise<string> {
  return (await store.load(handle)).status;
}

async function statusesOf(store: MemoryStore, ...records: readonly SessionRecord[]): Promise<string[]> {
  return Promise.all(records.map((each) => statusOf(store, each)));
}

test("a full store lets the session go that is the soonest to expire, and counts it", async () => {
  const store = memoryStore({ maxSessions: 3 });
  const soon = await created(store, { expiresAt: NOW + 5 * MINUTE });
  const soonest = await created(store, { expiresAt: NOW + 2 * MINUTE });
  const late = await created(store, { expiresAt: NOW + 9 * MINUTE });
  assert.equal(store.evicted, 0);
  const newest = await created(store);
  assert.deepEqual(await statusesOf(store, soonest, soon, late, newest), ["missing", "live", "live", "live"]);
  assert.deepEqual([store.size, store.evicted], [3, 1]);
});

test("a new session is never the one that goes, even when it is the soonest to expire", async () => {
  const store = memoryStore({ maxSessions: 2 });
  const [first, second] = [await created(store), await created(store, { expiresAt: NOW + 90 * MINUTE })];
  const brief = await created(store, { expiresAt: NOW + 1 });
  assert.deepEqual(await statusesOf(store, first, second, brief), ["missing", "live", "live"]);
  const next = await created(store);
  assert.deepEqual(
    await statusesOf(store, brief, second, next),
    ["missing", "live", "live"],
    "its turn comes with the next",
  );
});

test("a flood of new visitors pushes out its own and no session with a longer life", async () => {
  const store = memoryStore({ maxSessions: 100 });
  const members = await Promise.all(Array.from({ length: 90 }, () => created(store)));
  for (let index = 0; index < 5000; index++) await created(store, { expiresAt: NOW + 15 * MINUTE + index });
  assert.deepEqual(new Set(await statusesOf(store, ...members)), new Set(["live"]));
  assert.deepEqual([store.size, store.evicted], [100, 4990]);
});

test("what a touch, a save or a rotation did to the deadline counts when room is needed", async () => {
  const store = memoryStore({ maxSessions: 3 });
  const touched = await created(store, { expiresAt: NOW + MINUTE });
  const shortened = await created(store);
  const rotated = await created(store, { expiresAt: NOW + 2 * MINUTE });
  await store.touch(touched.handle, touched.version, NOW + 80 * MINUTE);
  await store.save({ ...shortened, version: "w", expiresAt: NOW + 3 * MINUTE }, shortened.version);
  const heir = record({ expiresAt: NOW + 4 * MINUTE });
  await store.rotate?.(rotated.handle, rotated.version, heir, tombstone());
  assert.deepEqual([store.size, store.evicted], [3, 0], "a rotation needs no room");
  const newest = await created(store);
  assert.deepEqual(await statusesOf(store, shortened, touched, heir, newest), ["missing", "live", "live", "live"]);
});

test("the bound on data holds for new sessions and for those that grow", async () => {
  const store = memoryStore({ maxDataLength: 100 });
  const first = await created(store, { data: "x".repeat(40), expiresAt: NOW + 1 });
  const second = await created(store, { data: "x".repeat(40), expiresAt: NOW + 2 });
  const third = await created(store, { data: "x".repeat(30), expiresAt: NOW + 3 });
  assert.deepEqual(await statusesOf(store, first, second, third), ["missing", "live", "live"]);
  await store.save({ ...second, version: "w", data: "x".repeat(80) }, second.version);
  assert.deepEqual(await statusesOf(store, second, third), ["live", "missing"], "the one just saved stays");
  await store.save({ ...second, version: "x", data: "x".repeat(500) }, "w");
  assert.equal(await statusOf(store, second), "live", "one session is held whatever its size");
  await store.save({ ...second, version: "y", data: "" }, "x");
  await created(store, { data: "x".repeat(100) });
  assert.equal(store.size, 2, "what a session gave back can be used again");
});

test("an evicted session is gone from its user's list and from the listing", async () => {
  const store = memoryStore({ maxSessions: 1 });
  await created(store, { userId: "u", expiresAt: NOW + 1 });
  const kept = await created(store, { userId: "u" });
  assert.deepEqual(await store.users.sessionsOf("u"), [kept]);
  assert.deepEqual(await store.list?.({ limit: 10 }), [kept]);
});

test("tombstones take no session's room and outlive every eviction", async () => {
  const store = memoryStore({ maxSessions: 10 });
  const left: SessionRecord[] = [];
  for (let index = 0; index < 50; index++) {
    const each = await created(store);
    await store.retire(each.handle, tombstone(NOW + 1));
    left.push(each);
  }
  assert.equal(store.size, 0);
  for (let index = 0; index < 100; index++) await created(store);
  assert.deepEqual(new Set(await statusesOf(store, ...left)), new Set(["retired"]));
  for (const each of left) assert.equal((await store.save({ ...each, version: "w" }, each.version)).status, "retired");
});

test("tombstones are bounded too: the oldest goes first, and a late write still brings nothing back", async () => {
  const store = memoryStore({ maxSessions: 10 });
  const ended: SessionRecord[] = [];
  for (let index = 0; index <= SWEEP_ABOVE; index++) {
    const each = await created(store);
    await store.retire(each.handle, tombstone(NOW + index));
    ended.push(each);
  }
  const [oldest, second] = ended;
  assert.ok(oldest !== undefined && second !== undefined);
  assert.deepEqual(await statusesOf(store, oldest, second), ["missing", "retired"]);
  assert.equal((await store.save({ ...oldest, version: "w" }, oldest.version)).status, "missing");
  assert.equal((await store.touch(oldest.handle, oldest.version, NOW + 90 * MINUTE)).status, "stale");
  assert.deepEqual(await statusesOf(store, oldest), ["missing"]);
});

test("a lock is never evicted, takes no session's room and is not listed", async () => {
  const store = memoryStore({ maxSessions: 2 });
  const lock = await created(store, { handle: lockHandleOf(handleOf(newSessionId())), expiresAt: NOW + 1 });
  for (let index = 0; index < 20; index++) await created(store);
  assert.equal(await statusOf(store, lock), "live");
  assert.deepEqual([store.size, (await store.list?.({ limit: 10 }))?.length], [2, 2]);
  assert.equal(await store.clearExpired?.({ before: NOW + 1, limit: 10 }), 1, "an expired lock is swept");
  assert.equal(await statusOf(store, lock), "missing");
});

test("a store that has grown lets go of what is long over, with each new session, and of nothing else", async () => {
  const store = memoryStore({ maxSessions: 50_000 });
  const bound = await created(store, { userId: "u", expiresAt: NOW + MINUTE });
  const over = await Promise.all(Array.from({ length: SWEEP_ABOVE }, () => created(store, { expiresAt: NOW + MINUTE })));
  const kept = await created(store, { expiresAt: NOW + 2 * MINUTE + 1 });
  // The new sessions begin two minutes later: one minute after those above were over.
  for (let index = 0; index < 1251; index++)
    await created(store, { createdAt: NOW + 2 * MINUTE, expiresAt: NOW + 99 * MINUTE });
  assert.equal(await statusOf(store, bound), "missing");
  assert.deepEqual(await store.users.sessionsOf("u"), []);
  const left = (await statusesOf(store, ...over)).filter((status) => status === "live").length;
  assert.ok(left < SWEEP_ABOVE, "the sweep has worked");
  assert.ok(store.size <= SWEEP_ABOVE, `the store has shrunk to where sweeping ends, and holds ${store.size}`);
  assert.equal(await statusOf(store, kept), "live", "over for less than a minute, by the new sessions' own time");
  assert.equal(store.evicted, 0, "a sweep is no eviction");
});

test("a small store sweeps nothing by itself: what is expired is for the session to decide", async () => {
  const store = memoryStore();
  const expired = await created(store, { createdAt: NOW - 90 * MINUTE, expiresAt: NOW - 80 * MINUTE });
  for (let index = 0; index < 1000; index++) await created(store);
  assert.equal(await statusOf(store, expired), "live");
});

test("what the store holds and gives is frozen, and free of what else the caller's object had", async () => {
  const store = memoryStore();
  const given = { ...record(), extra: { secret: "live object" } };
  await store.create(given);
  const changed = Object.assign(given, { data: "changed by the caller" });
  const outcome = await store.load(changed.handle);
  assert.ok(outcome.status === "live");
  assert.equal(outcome.record.data, "data");
  assert.ok(Object.isFrozen(outcome.record));
  assert.deepEqual(Object.keys(outcome.record).toSorted(), Object.keys(record()).toSorted());
});

test("a listing in small pages is the whole list, also of a large store", async () => {
  const store = memoryStore();
  const handles = Array.from({ length: 5000 }, (_, index) => numbered((index * 7919) % 5000));
  for (const handle of handles) await created(store, { handle });
  const first = await store.list?.({ limit: 3 });
  assert.deepEqual(
    first?.map(({ handle }) => handle),
    [0, 1, 2].map(numbered),
  );
  const seen: SessionHandle[] = [];
  for (;;) {
    const after = seen.at(-1);
    const page = (await store.list?.(after === undefined ? { limit: 700 } : { after, limit: 700 })) ?? [];
    if (page.length === 0) break;
    seen.push(...page.map(({ handle }) => handle));
  }
  assert.deepEqual(seen, handles.toSorted());
});

test("bounds that are no positive whole numbers are refused when they are configured", () => {
  for (const value of [0, -1, 1.5, Number.NaN, Infinity]) {
    for (const name of ["maxSessions", "maxDataLength"]) {
      assert.throws(
        () => memoryStore({ [name]: value }),
        (error: unknown) => isSessionError(error, "ERR_SESSION_CONFIG") && error.message.includes(name),
      );
    }
  }
});

test("closing lets everything go", async () => {
  const store = memoryStore();
  const each = await created(store, { userId: "u" });
  await store.users.advanceEpoch("u", 5);
  await store.close?.();
  assert.deepEqual([store.size, await statusOf(store, each), await store.users.epoch("u")], [0, "missing", 0]);
});

test("deadlines come in order, whatever is added, moved and removed meanwhile", () => {
  let seed = 42;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return seed % below;
  };
  const queue = new Deadlines();
  const living: LiveEntry[] = [];
  for (let step = 0; step < 30_000; step++) {
    const choice = random(10);
    const index = random(Math.max(1, living.length));
    const entry = living[index];
    if (choice < 4 || entry === undefined) {
      const deadline = random(1000);
      const { handle } = record();
      const added = { handle, record: record(), tombstone: null, deadline, queuedAt: deadline, dead: false };
      queue.add(added);
      living.push(added);
    } else if (choice < 7) {
      entry.deadline = random(1000);
      queue.moved(entry);
    } else {
      queue.remove(entry);
      living.splice(index, 1);
    }
    if (step % 50 !== 0) continue;
    assert.equal(queue.count, living.length);
    const earliest = living.reduce((least, { deadline }) => Math.min(least, deadline), Infinity);
    assert.equal(queue.first()?.deadline ?? Infinity, earliest);
  }
  const order: number[] = [];
  for (let first = queue.first(); first !== undefined; first = queue.first()) {
    order.push(first.deadline);
    queue.remove(first);
  }
  assert.deepEqual(
    order,
    living.map(({ deadline }) => deadline).toSorted((left, right) => left - right),
  );
});
