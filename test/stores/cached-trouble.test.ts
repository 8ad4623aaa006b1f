import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import { SessionError } from "../../src/core/errors.ts";
import { newVersion } from "../../src/core/id.ts";
import type { SessionRecord } from "../../src/core/record.ts";
import type { SessionStore } from "../../src/core/store.ts";
import { cachedStore } from "../../src/stores/cached.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { world } from "../core/support.ts";
import { line, reasonsOf, rig, stone, stored, turn, type Node, type Rig, type Trouble } from "./cached/support.ts";
import { warm } from "./cached/targets.ts";
import { next, outcomeOf, record } from "./redis/support.ts";

const unhandled: unknown[] = [];
process.on("unhandledRejection", (reason) => unhandled.push(reason));
afterEach(() => assert.deepEqual(unhandled, []));

/** Two processes, and a session of which both have seen the copy. */
async function pair(fields: Partial<SessionRecord> = {}) {
  const made = rig();
  const [one, other] = [made.node(), made.node()];
  const session = await stored(made, fields);
  await warm(one.cached, session.handle);
  one.calls();
  return { ...made, rig: made, one, other, session };
}

const only =
  (verb: string, trouble: Trouble) =>
  (asked: string): Trouble =>
    asked === verb ? trouble : undefined;
const all = (trouble: Trouble) => (): Trouble => trouble;

const dataOf = async (store: SessionStore, { handle }: SessionRecord): Promise<string> => {
  const outcome = await store.load(handle);
  return outcome.status === "live" ? outcome.record.data : outcome.status;
};

const deeds: Record<string, (store: SessionStore, session: SessionRecord, made: Rig) => unknown> = {
  load: (store, { handle }) => store.load(handle),
  "load of a stranger": (store) => store.load(record().handle),
  create: (store) => store.create(record()),
  save: (store, session) => store.save(next(session, { data: "saved" }), session.version),
  "save onto another version": (store, session) => store.save(next(session), "another"),
  "save onto nothing": (store) => store.save(record(), "another"),
  touch: (store, session) => store.touch(session.handle, session.version, session.expiresAt + 1),
  "touch of another version": (store, session) => store.touch(session.handle, "another", session.expiresAt + 1),
  retire: (store, session, made) => store.retire(session.handle, stone(made)),
  "retire of another version": (store, session, made) => store.retire(session.handle, stone(made), "another"),
  "retire of nothing": (store, _session, made) => store.retire(record().handle, stone(made)),
  rotate: (store, session, made) =>
    store.rotate?.(session.handle, session.version, next(session, { handle: record().handle }), stone(made)),
  "rotate of another version": (store, session, made) =>
    store.rotate?.(session.handle, "another", next(session, { handle: record().handle }), stone(made)),
  "a login from before a revocation": (store, session) =>
    store.save(next(session, { userId: "revoked", epoch: 1 }), session.version),
  advanceEpoch: (store) => store.users?.advanceEpoch("u", 3),
  clearExpired: (store, _session, made) => store.clearExpired?.({ before: made.clock.now(), limit: 10 }),
};

describe("a cache that fails fails nothing", () => {
  for (const trouble of ["refuse", "break", "lose", "hang"] as const) {
    test(`whatever it does (${trouble}), each call ends as it does without a cache, and in time`, async () => {
      for (const [what, deed] of Object.entries(deeds)) {
        const [made, bare] = [rig(), rig()];
        const node = made.node({ cacheTimeoutSeconds: 0.01, breakerFailures: 0 });
        const session = await stored(made, { userId: "u" });
        await bare.store.create(session);
        for (const { store } of [made, bare]) await store.users.advanceEpoch("revoked", 2);
        await warm(node.cached, session.handle);
        node.cache.trouble = all(trouble);
        const started = performance.now();
        const outcome = await outcomeOf(() => deed(node.cached, session, made));
        assert.ok(performance.now() - started < 200, what);
        assert.equal(outcome, await outcomeOf(() => deed(bare.store, session, bare)), what);
        assert.equal(await dataOf(node.cached, session), await dataOf(bare.store, session), what);
        await node.cached.settled();
      }
    });
  }

  test("a failing cache is given a rest, and then one call decides", async () => {
    const { one, session, clock } = await pair();
    one.cache.trouble = all("refuse");
    for (let reads = 0; reads < 5; reads++) await one.cached.load(session.handle);
    one.calls();
    one.cache.trouble = () => undefined;
    await one.cached.load(session.handle);
    assert.deepEqual(one.calls(), ["store.load"]);
    clock.advance(1000);
    await one.cached.load(session.handle);
    assert.deepEqual(one.calls(), ["cache.load"]);
  });

  test("with cancels, a call of the cache that takes too long is given up", async () => {
    const signals: (AbortSignal | undefined)[] = [];
    const cache: SessionStore = {
      ...memoryStore(),
      cancels: true,
      load: (_handle, options) => {
        signals.push(options?.signal);
        return new Promise(() => undefined);
      },
    };
    const cached = cachedStore({ cache, store: memoryStore(), cacheTimeoutSeconds: 0.01 });
    assert.deepEqual(await cached.load(record().handle), { status: "missing" });
    assert.equal(signals[0]?.aborted, true);
  });

  test("an event says what it failed at, and names nobody", async () => {
    const { one, session, rig: made } = await pair({ userId: "u" });
    const reasons = async (deed: () => unknown): Promise<string[]> => {
      const found = await reasonsOf(async () => {
        await deed();
        await one.cached.settled();
      });
      one.cache.trouble = () => undefined;
      made.clock.advance(10_000);
      await turn();
      await warm(one.cached, session.handle);
      return found;
    };
    one.cache.trouble = only("load", "break");
    assert.deepEqual(await reasons(() => one.cached.load(session.handle)), ["read"]);
    made.clock.advance(10_000);
    one.cache.trouble = only("save", "break");
    assert.deepEqual(await reasons(() => one.cached.load(session.handle)), ["read"]);
    made.clock.advance(10_000);
    let saves = 0;
    one.cache.trouble = (verb) => (verb === "save" && ++saves === 2 ? "break" : undefined);
    assert.deepEqual(await reasons(() => one.cached.load(session.handle)), ["fill"]);
    one.cache.trouble = only("save", "break");
    const changed = next(session);
    assert.deepEqual(await reasons(() => one.cached.save(changed, session.version)), ["change"]);
    one.cache.trouble = only("retire", "break");
    assert.deepEqual(await reasons(() => one.cached.retire(session.handle, stone(made))), ["end"]);
  });
});

describe("what the cache did not confirm", () => {
  const writes: Record<string, [deed: (node: Node, session: SessionRecord, made: Rig) => unknown, verb: string]> = {
    save: [({ cached }, session) => cached.save(next(session, { data: "new" }), session.version), "save"],
    touch: [({ cached }, session) => cached.touch(session.handle, session.version, session.expiresAt + 1), "save"],
    retire: [({ cached }, session, made) => cached.retire(session.handle, stone(made)), "retire"],
    rotate: [
      ({ cached }, session, made) =>
        cached.rotate?.(session.handle, session.version, next(session, { handle: record().handle }), stone(made)),
      "retire",
    ],
    advanceEpoch: [({ cached }) => cached.users?.advanceEpoch("u", 5), "save"],
  };
  for (const [what, [deed, verb]] of Object.entries(writes)) {
    for (const trouble of ["refuse", "break"] as const) {
      test(`${what} (${trouble}): it holds at once where it was done, and everywhere within staleSeconds`, async () => {
        const { one, other, session, store, clock, rig: made } = await pair({ userId: "u" });
        // No room, and none for a tombstone either.
        one.cache.trouble = (asked) => (asked === verb || asked === "retire" ? trouble : undefined);
        await deed(one, session, made);
        const truth = await store.load(session.handle);
        assert.deepEqual(await one.cached.load(session.handle), truth);
        const seen = await other.cached.load(session.handle);
        assert.deepEqual(seen.status === "live" && seen.record, session, "the other process has a copy of before");
        one.cache.trouble = all("break");
        for (let passed = 0; passed < 5000; passed += 250) {
          assert.deepEqual(await one.cached.load(session.handle), truth);
          clock.advance(250);
        }
        assert.deepEqual(await other.cached.load(session.handle), truth);
        assert.deepEqual(await one.cached.load(session.handle), truth);
      });
    }

    test(`${what}: it is sent again until the cache confirms, and then holds everywhere`, async () => {
      const { one, other, session, store, clock, rig: made } = await pair({ userId: "u" });
      one.cache.trouble = (asked) => (asked === verb || asked === "retire" ? "break" : undefined);
      const reasons = await reasonsOf(async () => deed(one, session, made));
      assert.equal(reasons.length, 1, "it is reported once");
      const truth = await store.load(session.handle);
      one.calls();
      for (const pause of [50, 100, 200]) {
        clock.advance(pause - 1);
        await turn();
        assert.deepEqual(one.calls(), []);
        clock.advance(1);
        await turn();
        assert.ok(one.calls().includes(`cache.${verb === "save" ? "save" : "retire"}`), `after ${pause} ms`);
      }
      one.cache.trouble = () => undefined;
      clock.advance(400);
      await turn();
      one.calls();
      assert.deepEqual(await other.cached.load(session.handle), truth);
      assert.deepEqual(await one.cached.load(session.handle), truth);
      assert.equal(one.calls()[0], "cache.load", "it asks the cache again");
      clock.advance(10_000);
      await turn();
      assert.ok(
        !one.calls().some((each) => each.startsWith("cache.save") || each.startsWith("cache.retire")),
        "and is quiet",
      );
    });
  }

  test("a later doubt about the same session is not resolved by what was sent for an earlier one", async () => {
    const { one, session, clock, store, rig: made } = await pair();
    one.cache.trouble = only("save", "break");
    const second = next(session, { data: "second" });
    await one.cached.save(second, session.version);
    one.cache.trouble = only("save", "late");
    clock.advance(50);
    await turn();
    const third = next(second, { data: "third" });
    const saving = one.cached.save(third, second.version);
    await turn();
    one.cache.trouble = only("save", "break");
    await made.node().cached.load(session.handle);
    await one.cache.deliver();
    await saving;
    assert.equal(await dataOf(one.cached, session), "third");
    assert.equal(await dataOf(store, session), "third");
  });

  test("an end that is still to be confirmed stays one when a change comes after it", async () => {
    const { one, other, session, clock, rig: made } = await pair();
    one.cache.trouble = all("break");
    const end = stone(made);
    await one.cached.retire(session.handle, end);
    await one.cached.touch(session.handle, session.version, session.expiresAt + 1);
    one.cache.trouble = () => undefined;
    clock.advance(1000);
    await turn();
    other.calls();
    assert.deepEqual(await other.cached.load(session.handle), { status: "retired", tombstone: end });
    assert.deepEqual(other.calls(), ["cache.load"]);
  });

  test("with more of it than is remembered one by one, the cache is passed by altogether for as long", async () => {
    const { session, clock, rig: made } = await pair();
    const one = made.node({ breakerFailures: 0 });
    one.cache.trouble = all("refuse");
    for (let ended = 0; ended <= 10_000; ended++) {
      const each = record();
      await made.store.create(each);
      await one.cached.retire(each.handle, stone(made));
    }
    one.cache.trouble = () => undefined;
    one.calls();
    await one.cached.load(session.handle);
    assert.deepEqual(one.calls(), ["store.load"]);
    clock.advance(4999);
    await one.cached.load(session.handle);
    assert.deepEqual(
      one.calls().filter((each) => each.endsWith("load")),
      ["store.load"],
    );
    clock.advance(1);
    await one.cached.load(session.handle);
    assert.equal(
      one.calls().find((each) => each.endsWith("load")),
      "cache.load",
    );
  });

  test("a clock that is set back does not keep a doubt alive for longer", async () => {
    const { one, session, rig: made } = await pair();
    let now = made.clock.now();
    const [front, back] = [line("cache", made.cache), line("store", made.store, one.store.calls)];
    const clock = { now: () => now, sleep: () => new Promise<void>(() => undefined) };
    const cached = cachedStore({ cache: front.store, store: back.store, clock });
    front.trouble = all("break");
    await cached.touch(session.handle, session.version, session.expiresAt + 1);
    front.trouble = () => undefined;
    now -= 3_600_000;
    await cached.load(session.handle);
    assert.deepEqual(front.calls.filter((each) => each === "cache.load").length, 1);
    now += 5000;
    await cached.load(session.handle);
    assert.deepEqual(front.calls.filter((each) => each === "cache.load").length, 2);
  });

  test("while a process writes to a session, it does not show the copy from before", async () => {
    const { one, session, rig: made } = await pair();
    one.cache.trouble = only("retire", "late");
    const ending = one.cached.retire(session.handle, stone(made));
    await turn();
    assert.equal((await one.cached.load(session.handle)).status, "retired");
    await one.cache.deliver();
    await ending;
    assert.equal((await one.cached.load(session.handle)).status, "retired");
  });

  test("a revocation whose sessions cannot be listed makes this process pass the cache by", async () => {
    const { one, session, clock } = await pair({ userId: "u" });
    one.store.trouble = only("sessionsOf", "break");
    const reasons = await reasonsOf(async () => assert.equal(await one.cached.users?.advanceEpoch("u", 5), 5));
    assert.deepEqual(reasons, ["end"]);
    assert.deepEqual(await one.cached.load(session.handle), { status: "live", record: session, userEpoch: 5 });
    clock.advance(5000);
    assert.deepEqual(await one.cached.load(session.handle), { status: "live", record: session, userEpoch: 5 });
  });

  test("closing sends it a last time", async () => {
    const { one, session, rig: made } = await pair();
    one.cache.trouble = all("break");
    await one.cached.retire(session.handle, stone(made));
    one.cache.trouble = () => undefined;
    one.calls();
    await one.cached.close();
    assert.deepEqual(one.calls(), ["cache.retire", "store.close", "cache.close"]);
  });
});

describe("a cache that refuses a copy", () => {
  const full: Node["cache"]["trouble"] = (verb) => (verb === "save" || verb === "create" ? "refuse" : undefined);

  test("when it is full, the copy of before goes all the same", async () => {
    const { one, other, session } = await pair();
    one.cache.trouble = full;
    const reasons = await reasonsOf(async () => one.cached.save(next(session, { data: "new" }), session.version));
    assert.deepEqual(reasons, ["change"]);
    assert.equal(await dataOf(other.cached, session), "new");
    one.calls();
    await one.cached.load(session.handle);
    assert.deepEqual(one.calls(), ["cache.load", "store.load"], "nothing is in doubt");
  });

  test("what took its place is never shown as the end of the session, and does not hide one", async () => {
    const { one, other, session, store, clock, rig: made } = await pair();
    one.cache.trouble = full;
    const changed = next(session, { data: "new" });
    await one.cached.save(changed, session.version);
    one.cache.trouble = () => undefined;
    for (const node of [one, other]) assert.equal(await dataOf(node.cached, session), "new");
    const end = stone(made, { reason: "rotated", successor: record().handle });
    await one.cached.retire(session.handle, end);
    for (const passed of [0, 30_000, 60_000]) {
      clock.advance(passed);
      for (const { cached } of [one, other]) {
        assert.deepEqual(await cached.load(session.handle), await store.load(session.handle));
      }
    }
  });

  test("when it has no room for a tombstone that names a successor, the copy goes all the same", async () => {
    const made = rig();
    const graveless: SessionStore = {
      ...made.cache,
      retire(handle, tombstone, version) {
        if (tombstone.reason === "rotated") throw new SessionError("ERR_SESSION_STORE", "Full", { applied: "no" });
        return made.cache.retire(handle, tombstone, version);
      },
    };
    const [one, other] = [graveless, made.cache].map((cache) =>
      cachedStore({ cache, store: made.store, clock: made.clock }),
    );
    assert.ok(one && other);
    const session = await stored(made);
    await warm(other, session.handle);
    const heir = next(session, { handle: record().handle });
    const end = stone(made, { reason: "rotated", successor: heir.handle });
    const reasons = await reasonsOf(async () => one.rotate?.(session.handle, session.version, heir, end));
    assert.deepEqual(reasons, ["end"]);
    for (const node of [one, other])
      assert.deepEqual(await node.load(session.handle), { status: "retired", tombstone: end });
  });

  test("and is somebody's store by mistake is left alone as well", async () => {
    const shared = memoryStore();
    const front = line("cache", shared);
    const cached = cachedStore({ cache: front.store, store: { ...shared } });
    const session = record();
    await cached.create(session);
    front.trouble = full;
    const saved = next(session, { data: "saved" });
    assert.equal((await cached.save(saved, session.version)).status, "saved");
    assert.equal((await cached.touch(saved.handle, saved.version, saved.expiresAt + 1)).status, "touched");
    assert.equal(await dataOf(shared, session), "saved");
    await cached.close();
  });

  test("a session that is too large for it is served by the store, and the copy of before goes", async () => {
    const made = rig();
    const small: SessionStore = {
      ...made.cache,
      save(held, version) {
        if (held.data.length > 1000) throw new SessionError("ERR_SESSION_TOO_LARGE");
        return made.cache.save(held, version);
      },
    };
    const cached = cachedStore({ cache: small, store: made.store });
    const session = await stored(made);
    await warm(cached, session.handle);
    const large = next(session, { data: "x".repeat(5000) });
    for (let saves = 0; saves < 10; saves++)
      assert.equal((await cached.save(large, session.version)).status, saves === 0 ? "saved" : "conflict");
    assert.equal(await dataOf(cached, session), large.data);
  });

  test("that is written to without end gives up, and the session is in doubt", async () => {
    const made = rig();
    let saves = 0;
    const busy: SessionStore = {
      ...made.cache,
      save(held) {
        saves++;
        return { status: "conflict", record: { ...held, data: "copy2:", version: newVersion() } };
      },
      retire: () => {
        throw new Error("The connection broke");
      },
    };
    const cached = cachedStore({ cache: busy, store: made.store });
    const session = await stored(made);
    const reasons = await reasonsOf(async () => cached.save(next(session, { data: "new" }), session.version));
    assert.deepEqual(reasons, ["change"]);
    assert.ok(saves < 20, `${saves}`);
    assert.equal(await dataOf(cached, session), "new");
    await cached.close();
  });
});

describe("a store that fails", () => {
  test("a write whose reply was lost leaves no copy from before it", async () => {
    for (const [what, deed] of Object.entries(deeds)) {
      const { one, other, session, store, rig: made } = await pair({ userId: "u" });
      if (what.startsWith("load") || what === "create") continue;
      one.store.trouble = all("lose");
      const outcome = await outcomeOf(() => deed(one.cached, session, made));
      assert.equal(outcome, "driver error", what);
      one.store.trouble = () => undefined;
      // Of a revocation that is not acknowledged nothing is promised yet.
      if (what === "advanceEpoch") continue;
      assert.deepEqual(await other.cached.load(session.handle), await store.load(session.handle), what);
    }
  });

  test("a write that arrives after all, and is known again when it is repeated, leaves no copy from before it", async () => {
    const { one, other, session, store } = await pair();
    const second = next(session, { data: "second" });
    one.store.trouble = only("save", "break");
    await outcomeOf(() => one.cached.save(second, session.version));
    one.store.trouble = () => undefined;
    for (let reads = 0; reads < 3; reads++) {
      assert.equal(await dataOf(other.cached, session), session.data);
      await other.cached.settled();
    }
    // The first sending arrives only now.
    await store.save(second, session.version);
    assert.equal(await outcomeOf(() => one.cached.save(second, session.version)), "conflict");
    for (const { cached } of [one, other]) assert.equal(await dataOf(cached, session), "second");
  });

  test("a write that the store refused leaves the copy", async () => {
    const { one, session } = await pair();
    one.store.trouble = only("save", "refuse");
    await outcomeOf(() => one.cached.save(next(session), session.version));
    assert.deepEqual(one.calls(), ["store.save"]);
  });

  test("what was read lately can still be read while the store is down, for staleSeconds; writes are refused", async () => {
    const { one, rig: made } = await pair();
    const { request, open } = world({ store: one.cached, clock: made.clock });
    const { cookie } = await request({ handle: async (session) => void ((await session.load()).name = "Ann") });
    for (let reads = 0; reads < 2; reads++) {
      await request({ cookie, handle: (session) => session.load() });
      await one.cached.settled();
    }
    one.store.trouble = all("refuse");
    assert.equal((await open({ cookie }).session.load()).name, "Ann");
    await assert.rejects(
      open({ cookie }).session.update((data) => (data.name = "Bob")),
      { status: 503 },
    );
    assert.equal((await open({ cookie }).session.load()).name, "Ann");
    made.clock.advance(5000);
    await assert.rejects(open({ cookie }).session.load(), { status: 503 });
    one.store.trouble = () => undefined;
    assert.equal((await open({ cookie }).session.load()).name, "Ann");
  });
});
