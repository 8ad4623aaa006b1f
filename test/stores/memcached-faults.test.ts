import assert from "node:assert/strict";
import { afterEach, describe, test, type TestContext } from "node:test";
import { systemClock } from "../../src/core/clock.ts";
import type { SessionHandle } from "../../src/core/id.ts";
import type { SessionRecord } from "../../src/core/record.ts";
import type { MemcachedStore, MemcachedStoreOptions } from "../../src/stores/memcached.ts";
import { memcachedStore } from "../../src/stores/memcached.ts";
import { world, type World } from "../core/support.ts";
import { type MemcachedServer, type MemcachedServerOptions, startMemcached } from "../servers/memcached.ts";
import { exchange } from "../servers/exchange.ts";
import { needs } from "../servers/needs.ts";
import { freePort, pause, until } from "../servers/process.ts";
import { startProxy, type FaultProxy } from "../servers/proxy.ts";
import { startOddServer } from "./memcached/odd-server.ts";
import { newPrefix } from "./memcached/targets.ts";
import { next, outcomeOf, record, tombstone } from "./redis/support.ts";

const TIMEOUT_SECONDS = 0.5;
const LONGEST_MS = 3 * TIMEOUT_SECONDS * 1000 + 400;

const unhandled: unknown[] = [];
process.on("unhandledRejection", (reason) => unhandled.push(reason));
process.on("uncaughtExceptionMonitor", (error) => unhandled.push(error));
afterEach(() => assert.deepEqual(unhandled, []));

interface Rig {
  readonly server: MemcachedServer;
  readonly proxy: FaultProxy;
  readonly prefix: string;
  readonly store: MemcachedStore;
  readonly world: World;
  /** The longest that a timed call took, in milliseconds. */
  longest: number;
  /** The call's outcome; its time is noted. */
  timed(call: () => unknown): Promise<string>;
}

async function rig(
  t: TestContext,
  options: Partial<MemcachedStoreOptions> = {},
  settings: MemcachedServerOptions = {},
  storeTimeoutSeconds = TIMEOUT_SECONDS,
): Promise<Rig> {
  const server = await startMemcached(settings);
  t.after(() => server.process.kill());
  const proxy = await startProxy(server.port);
  t.after(() => proxy.stop());
  const prefix = newPrefix();
  const store = memcachedStore({ servers: [`127.0.0.1:${proxy.port}`], prefix, ...options });
  t.after(() => store.close());
  const made: Rig = {
    server,
    proxy,
    prefix,
    store,
    world: world({ store, clock: systemClock, storeTimeoutSeconds, breakerFailures: 1_000_000 }),
    longest: 0,
    async timed(call) {
      const started = performance.now();
      const outcome = await outcomeOf(call);
      made.longest = Math.max(made.longest, performance.now() - started);
      return outcome;
    },
  };
  return made;
}

const isWrite = (request: Buffer): boolean => /^(add|cas|md) /m.test(request.toString("latin1"));
const isRead = (request: Buffer): boolean => /^mg \S+ c f v /m.test(request.toString("latin1"));
const plus = (data: { count?: number }): number => (data.count = (data.count ?? 0) + 1);

/** A visitor whose session counts to one. */
async function visitor({ world: { request } }: Pick<Rig, "world">): Promise<string> {
  const { cookie } = await request({ handle: async (s) => void plus(await s.load()) });
  return cookie ?? assert.fail("no cookie");
}

const countOf = async ({ world: { open } }: Pick<Rig, "world">, cookie: string): Promise<number | undefined> =>
  (await open({ cookie }).session.load()).count;

/** Resolves once requests work again, by themselves. */
const recovered = (made: Rig, cookie: string): Promise<void> =>
  until("requests work again", async () => (await made.timed(() => countOf(made, cookie))) === "done", 10);

/** A server with 8 MB, and a few sessions on it. */
async function full(t: TestContext, args: readonly string[]): Promise<Rig & { sessions: SessionRecord[] }> {
  const made = await rig(t, {}, { megabytes: 8, args });
  const sessions = Array.from({ length: 24 }, () => record({ data: "x".repeat(3000) }));
  for (const session of sessions) assert.equal((await made.store.create(session)).status, "created");
  return { ...made, sessions };
}

/** Fills it with sessions of many sizes, until it takes none of any. Gives them. */
async function fill({ store, server }: Rig): Promise<SessionRecord[]> {
  const stored: SessionRecord[] = [];
  for (const size of [500_000, 100_000, 20_000, 6000, 3000, 1500, 700, 300, 100, 0]) {
    for (let refused = 0; refused < 3;) {
      const session = record({ data: "x".repeat(size) });
      if ((await outcomeOf(() => store.create(session))) === "created") stored.push(session);
      else refused += 1;
    }
  }
  // What is smaller than any session is a tombstone.
  const items = Array.from({ length: 5500 }, (_, index) => index).flatMap((index) =>
    [1, 20, 50, 80, 110].map(
      (size) => `set fill${size}-${index}${"k".repeat(60)} 0 0 ${size} noreply\r\n${"x".repeat(size)}\r\n`,
    ),
  );
  await exchange(server.port, `${items.join("")}mn\r\n`, (reply) => reply.endsWith("MN\r\n"), 20);
  return stored;
}

/** What servers answer, line by line, that are none; and what load, create and retire come to. */
const GREETS = (text: string, rest: string): string => (text === "mn" ? "MN\r\n" : rest);
const NO = "ERR_SESSION_STORE no";
const UNKNOWN = "ERR_SESSION_STORE unknown";
const ODD_SERVERS: readonly (readonly [answer: (line: string) => string, outcomes: readonly string[]])[] = [
  [() => "HTTP/1.1 400 Bad Request\r\n\r\n", [NO, NO, NO]],
  [() => "ERROR\r\n", [NO, NO, NO]],
  [() => "SERVER_ERROR busy\r\n", [NO, NO, NO]],
  [() => "\0\x15\x03\x01\0", [NO, NO, NO]],
  [() => "x".repeat(10_000), [NO, NO, NO]],
  [() => "", [NO, NO, NO]],
  [(line) => GREETS(line, ""), [NO, UNKNOWN, NO]],
  [(line) => GREETS(line, "ERROR\r\n"), [NO, UNKNOWN, NO]],
  [(line) => GREETS(line, "CLIENT_ERROR bad data chunk\r\n"), [NO, UNKNOWN, NO]],
  [(line) => GREETS(line, "VA 5 c1 f1\r\nhello\r\n"), [NO, UNKNOWN, NO]],
  [(line) => GREETS(line, "VA 99999999999 c1 f1 O1\r\n"), [NO, UNKNOWN, NO]],
  [(line) => GREETS(line, "VA -1 c1 f1 O1\r\n"), [NO, UNKNOWN, NO]],
  [(line) => GREETS(line, "STORED\nSTORED\n"), [NO, UNKNOWN, NO]],
  [(line) => GREETS(line, "SERVER_ERROR out of everything\r\n"), [UNKNOWN, UNKNOWN, UNKNOWN]],
];

// Most of them wait most of the time, each for a server of its own.
describe("memcached faults", { skip: needs("memcached"), concurrency: 2 }, () => {
  test("the reply of each write verb, dropped once, is an error that says nothing, and sent again it is stored once", async (t) => {
    const made = await rig(t);
    const { store, proxy } = made;
    const drop = async (call: () => unknown): Promise<string> => {
      const before = proxy.hits;
      proxy.set({ kind: "drop-reply", matches: isWrite });
      assert.equal(await outcomeOf(call), "ERR_SESSION_STORE unknown");
      assert.equal(proxy.hits, before + 1, "a reply was dropped");
      return outcomeOf(call);
    };
    const first = record({ userId: "u" });
    assert.equal(await drop(() => store.create(first)), "exists");
    assert.deepEqual(await store.load(first.handle), { status: "live", record: first });
    const second = next(first, { data: "second" });
    assert.equal(await drop(() => store.save(second, first.version)), "conflict");
    assert.deepEqual(await store.load(first.handle), { status: "live", record: second });
    assert.equal(await drop(() => store.touch(second.handle, second.version, second.expiresAt + 1)), "touched");
    assert.deepEqual(await store.load(first.handle), {
      status: "live",
      record: { ...second, expiresAt: second.expiresAt + 1 },
    });
    const end = tombstone();
    let ended: unknown;
    const retire = async () => (ended = await store.retire(first.handle, end, second.version));
    assert.equal(await drop(retire), "retired");
    assert.deepEqual(ended, { status: "retired", tombstone: end });
  });

  test("the reply of a read, dropped once, is asked for again, before a write as well", async (t) => {
    const { store, proxy } = await rig(t);
    const session = record();
    await store.create(session);
    for (const call of [
      () => store.load(session.handle),
      () => store.save(next(session), "another"),
      () => store.retire(session.handle, tombstone(), "another"),
    ]) {
      const before = proxy.hits;
      proxy.set({ kind: "drop-reply" });
      assert.match(await outcomeOf(call), /live|conflict/);
      assert.equal(proxy.hits, before + 1);
    }
    proxy.set({ kind: "drop-reply", times: 2 });
    assert.equal(await outcomeOf(() => store.save(next(session), "another")), "ERR_SESSION_STORE no");
  });

  test("requests whose replies are dropped, each once, count exactly", async (t) => {
    const made = await rig(t, {}, {}, 5);
    const cookie = await visitor(made);
    for (let round = 2; round <= 15; round += 1) {
      const before = made.proxy.hits;
      made.proxy.set({ kind: "drop-reply", ...(round % 2 === 0 ? { matches: isWrite } : {}) });
      assert.equal(await made.timed(() => made.world.open({ cookie }).session.update(plus)), "done");
      assert.equal(made.proxy.hits, before + 1);
      assert.equal(await countOf(made, cookie), round);
    }
  });

  test("a connection cut in the middle of a reply gives the whole reply or an error, and never half", async (t) => {
    const { store, proxy } = await rig(t);
    const session = record({ data: "🦊".repeat(50_000), userId: "u" });
    await store.create(session);
    for (const bytes of [1, 2, 7, 1000, 100_001]) {
      proxy.set({ kind: "cut", matches: isRead, bytes, times: 2 });
      assert.equal(await outcomeOf(() => store.load(session.handle)), "ERR_SESSION_STORE no", `${bytes} bytes`);
      assert.deepEqual(await store.load(session.handle), { status: "live", record: session });
    }
    // What was stored is known from the first line; the second one only saves a round trip.
    let current = next(session, { data: "" });
    await store.save(current, session.version);
    for (const bytes of [1, 7, 8, 12]) {
      const following = next(current);
      proxy.set({ kind: "cut", matches: isWrite, bytes });
      const expected = bytes < 8 ? "ERR_SESSION_STORE unknown" : "saved";
      assert.equal(await outcomeOf(() => store.save(following, current.version)), expected, `${bytes} bytes`);
      assert.deepEqual(await store.load(session.handle), { status: "live", record: following });
      current = following;
    }
  });

  test("stopped for 10 seconds: requests end in time, and work again by themselves when it goes on", async (t) => {
    const made = await rig(t);
    const cookie = await visitor(made);
    made.server.process.pause();
    const started = performance.now();
    const outcomes = new Map<string, number>();
    while (performance.now() - started < 10_000) {
      for (const call of [
        () => countOf(made, cookie),
        () => made.world.open({ cookie }).session.update(plus),
        () => visitor(made),
      ]) {
        const outcome = await made.timed(call);
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      }
      await pause(20);
    }
    made.server.process.resume();
    for (const outcome of outcomes.keys()) assert.match(outcome, /^(ERR_SESSION_STORE no|ERR_SESSION_OUTCOME_UNKNOWN)$/);
    assert.ok(made.longest < LONGEST_MS, `${made.longest} ms`);
    assert.ok(made.proxy.connections >= 2, "a connection without replies is given up");
    await recovered(made, cookie);
    assert.equal(await countOf(made, cookie), 1);
    assert.equal(await made.timed(() => made.world.open({ cookie }).session.update(plus)), "done");
    assert.equal(await countOf(made, cookie), 2);
    t.diagnostic(`requests by outcome: ${JSON.stringify(Object.fromEntries(outcomes))}`);
  });

  test("killed with -9 under load and restarted: every session is over, none comes back, and nothing is counted twice", async (t) => {
    const made = await rig(t);
    const { server, store } = made;
    const cookie = await visitor(made);
    const [handles, ended]: [SessionHandle[], SessionHandle[]] = [[], []];
    const outcomes = new Map<string, number>();
    let working = true;
    const load = Array.from({ length: 8 }, async () => {
      for (let current = record({ data: "0" }); working; current = record({ data: "0" })) {
        if ((await outcomeOf(() => store.create(current))) !== "created") {
          await pause(10);
          continue;
        }
        handles.push(current.handle);
        for (let [alive, unknown] = [true, 0]; alive && working;) {
          const following = next(current, { data: String(Number(current.data) + 1) });
          let conflict: typeof current | undefined;
          const outcome = await made.timed(async () => {
            const saved = await store.save(following, current.version);
            if (saved.status === "conflict") conflict = saved.record;
            return saved;
          });
          outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
          if (outcome === "saved") [current, unknown] = [following, 0];
          else if (conflict !== undefined) {
            // Only a write of our own whose reply was lost may stand in the way.
            assert.ok(
              unknown > 0 && Number(conflict.data) === Number(current.data) + 1,
              `${conflict.data} after ${current.data}`,
            );
            [current, unknown] = [conflict, 0];
          } else if (outcome === "missing") alive = false;
          else {
            assert.match(outcome, /^ERR_SESSION_STORE (no|unknown)$/);
            if (outcome.endsWith("unknown")) unknown += 1;
            await pause(5);
          }
        }
      }
    });
    for (let round = 0; round < 3; round += 1) {
      const over = record();
      await store.create(over);
      await store.retire(over.handle, tombstone());
      ended.push(over.handle);
      await pause(200);
      const before = handles.length;
      await server.process.kill();
      await pause(100);
      await server.process.restart();
      await until("the store works again", async () => (await made.timed(() => store.load(over.handle))) === "missing", 10);
      await until("new sessions are made", async () => handles.length >= before + 8, 10);
      for (const handle of [...handles.slice(0, before), ...ended])
        assert.equal((await store.load(handle)).status, "missing");
    }
    working = false;
    await Promise.all(load);
    assert.equal(await countOf(made, cookie), undefined);
    assert.ok(made.longest < LONGEST_MS, `${made.longest} ms`);
    assert.ok((outcomes.get("saved") ?? 0) > 100, "writes were stored");
    t.diagnostic(`writes by outcome: ${JSON.stringify(Object.fromEntries(outcomes))}`);
  });

  test("a full server that evicts nothing (-M) refuses writes as not applied; what is stored stays, and can be ended", async (t) => {
    const made = await full(t, ["-M"]);
    const { store, sessions } = made;
    const [live = record(), late = record(), over = record(), rotated = record()] = sessions;
    await store.retire(over.handle, tombstone());
    const stone = await store.load(over.handle);
    const others = await fill(made);
    const data = "y".repeat(live.data.length);
    for (const write of [
      () => store.create(record({ data })),
      () => store.save(next(live, { data }), live.version),
      () => store.touch(live.handle, live.version, live.expiresAt + 1),
      () => store.retire(rotated.handle, tombstone({ reason: "rotated", successor: record().handle }), rotated.version),
    ]) {
      assert.equal(await outcomeOf(write), "ERR_SESSION_STORE no");
    }
    // Also a write in a state that is over leaves alone what is there now.
    const other = memcachedStore({ servers: [`127.0.0.1:${made.proxy.port}`], prefix: made.prefix });
    t.after(() => other.close());
    assert.deepEqual(await other.load(late.handle), { status: "live", record: late });
    assert.deepEqual(await other.load(live.handle), { status: "live", record: live });
    assert.deepEqual(await other.load(rotated.handle), { status: "live", record: rotated });
    assert.deepEqual(await other.load(over.handle), stone);

    assert.equal(await outcomeOf(() => store.retire(live.handle, tombstone())), "retired");
    assert.equal(await outcomeOf(() => store.load(live.handle)), "missing", "there was no room for a tombstone");
    // The server makes room for a write before it looks for its record: where what was freed is taken again, it says so, and stores neither.
    const [saved, touched] = [
      await outcomeOf(() => store.save(next(live), live.version)),
      await outcomeOf(() => other.touch(live.handle, live.version, live.expiresAt + 1)),
    ];
    assert.ok([NO, "missing"].includes(saved), saved);
    assert.ok([NO, "stale"].includes(touched), touched);
    assert.equal(await outcomeOf(() => other.load(live.handle, { fresh: true })), "missing");
    const again = store.retire(over.handle, tombstone({ until: Date.now() + 600_000 }));
    assert.match((await again).status, /retired/);
    assert.equal((await store.load(over.handle)).status, "retired");
    // What ended sessions leave is room for others of their size.
    let outcome = NO;
    while (outcome === NO) {
      const { handle } = others.pop() ?? assert.fail("there is no room though all are ended");
      assert.equal(await outcomeOf(() => store.retire(handle, tombstone())), "retired");
      outcome = await outcomeOf(() => store.create(record({ data: "" })));
    }
    assert.equal(outcome, "created");
  });

  test("a full server that evicts lets sessions go: none is changed by that, and none that ended comes back", async (t) => {
    const made = await full(t, []);
    const { store } = made;
    const known = new Map<SessionHandle, string>();
    const ended = new Set<SessionHandle>();
    const states = new Map<string, number>();
    for (let round = 0; round < 6; round += 1) {
      const sessions: SessionRecord[] = [];
      for (let index = 0; index < 60; index += 1) {
        const session = record({ data: `${round} ${index} ${"x".repeat(60_000)}` });
        const outcome = await outcomeOf(() => store.create(session));
        states.set(outcome, (states.get(outcome) ?? 0) + 1);
        // It refuses one now and then, when it finds none that it could let go at once.
        if (outcome === NO) continue;
        assert.equal(outcome, "created");
        known.set(session.handle, session.version);
        sessions.push(session);
      }
      for (const [index, session] of sessions.entries()) {
        const { handle, version } = session;
        const saved = next(session);
        const outcome = await outcomeOf(() =>
          index % 3 === 0 ? store.retire(handle, tombstone()) : store.save(saved, version),
        );
        states.set(outcome, (states.get(outcome) ?? 0) + 1);
        if (outcome === "retired") ended.add(handle);
        else if (outcome === "saved") known.set(handle, saved.version);
        else assert.match(outcome, /^(missing|ERR_SESSION_STORE no)$/);
      }
      for (const [handle, version] of known) {
        const found = await store.load(handle);
        states.set(found.status, (states.get(found.status) ?? 0) + 1);
        if (found.status === "live") {
          assert.ok(!ended.has(handle), "a session that ended is back");
          assert.equal(found.record.version, version, "an acknowledged write was undone");
        }
        // What the server let go is refused, and not created again.
        if (found.status !== "missing") continue;
        const gone = record({ handle });
        assert.equal(await outcomeOf(() => store.save(gone, version)), "missing");
        assert.equal(await outcomeOf(() => store.touch(handle, version, Date.now() + 1e9)), "stale");
      }
    }
    assert.ok((states.get("missing") ?? 0) > 0 && (states.get("live") ?? 0) > 0, "the server evicted some");
    t.diagnostic(`outcomes: ${JSON.stringify(Object.fromEntries(states))}`);
  });

  test("slow replies: within the limit nothing fails, beyond it requests end in time", async (t) => {
    const made = await rig(t);
    const cookie = await visitor(made);
    made.proxy.set({ kind: "delay", milliseconds: 100 });
    assert.equal(await made.timed(() => made.world.open({ cookie }).session.update(plus)), "done");
    made.proxy.set({ kind: "delay", milliseconds: 900 });
    made.longest = 0;
    assert.equal(await made.timed(() => countOf(made, cookie)), "ERR_SESSION_STORE no");
    assert.ok(made.longest < LONGEST_MS, `${made.longest} ms`);
    made.proxy.set({ kind: "pass" });
    await recovered(made, cookie);
    assert.equal(await countOf(made, cookie), 2);
    // A late reply is nobody else's: each call gets its own.
    const sessions = Array.from({ length: 50 }, (_, index) => record({ data: String(index) }));
    await Promise.all(sessions.map((session) => made.store.create(session)));
    const found = await Promise.all(sessions.map(({ handle }) => made.store.load(handle)));
    assert.deepEqual(
      found.map((each) => each.status === "live" && each.record.data),
      sessions.map(({ data }) => data),
    );
  });

  test("a connection that nothing comes over is given up after `timeoutSeconds`, and then calls fail at once", async (t) => {
    const { store, proxy } = await rig(t, { timeoutSeconds: 1 });
    const session = record();
    await store.create(session);
    proxy.set({ kind: "blackhole" });
    const before = proxy.connections;
    const started = performance.now();
    const took = (): number => performance.now() - started;
    const outcomes: Promise<string>[] = [];
    while (took() < 950) {
      // Sending does not keep it alive.
      outcomes.push(outcomeOf(() => store.load(session.handle)));
      await pause(50);
    }
    // All wait for the first, at most: the connection ends with it.
    assert.deepEqual(new Set(await Promise.all(outcomes)), new Set([NO]));
    assert.ok(took() < 1800, `${took()} ms`);
    await until("another is opened", async () => proxy.connections > before, 2);
    await outcomeOf(() => store.load(session.handle));
    // The next one does not stand either: from now on nobody waits for it.
    const slow: number[] = [];
    for (const end = took() + 1500; took() < end; await pause(50)) {
      const asked = performance.now();
      assert.equal(await outcomeOf(() => store.load(session.handle)), NO);
      if (performance.now() - asked > 500) slow.push(performance.now() - asked);
    }
    assert.deepEqual(slow, []);
    proxy.set({ kind: "pass" });
    await until("it works again", async () => (await outcomeOf(() => store.load(session.handle))) === "live", 10);
  });

  test("a server that hangs up as soon as it has greeted is asked again a few times a second, and not more", async () => {
    await using odd = await startOddServer(() => "MN\r\n", true);
    const store = memcachedStore({ servers: [`127.0.0.1:${odd.port}`] });
    const started = performance.now();
    while (performance.now() - started < 1000) {
      assert.match(await outcomeOf(() => store.load(record().handle)), /^ERR_SESSION_STORE (no|unknown)$/);
      await pause(1);
    }
    assert.ok(odd.connections > 2 && odd.connections <= 15, `${odd.connections} connections`);
    await store.close();
  });

  test("no more than a bounded number of requests is under way: the others are refused at once, with nothing sent", async (t) => {
    const { store, proxy } = await rig(t, { timeoutSeconds: 1 });
    const session = record();
    await store.create(session);
    proxy.set({ kind: "blackhole" });
    const calls = Array.from({ length: 11_000 }, () => outcomeOf(() => store.load(session.handle)));
    const first = await Promise.race([Promise.all(calls.slice(10_500)), pause(500).then(() => "late")]);
    assert.deepEqual(new Set(first), new Set(["ERR_SESSION_STORE no"]));
    await Promise.all(calls);
  });

  test("connections that are reset are replaced, again and again, and the process lives on", async (t) => {
    const { store, proxy } = await rig(t, { connections: 3 });
    const session = record();
    await store.create(session);
    for (let round = 0; round < 5; round += 1) {
      const calls = Array.from({ length: 30 }, () => outcomeOf(() => store.load(session.handle)));
      proxy.set({ kind: "reset" });
      for (const outcome of await Promise.all(calls)) assert.match(outcome, /^(live|ERR_SESSION_STORE no)$/);
      assert.equal(await outcomeOf(() => store.load(session.handle)), "ERR_SESSION_STORE no");
      proxy.set({ kind: "pass" });
      await until("it works again", async () => (await outcomeOf(() => store.load(session.handle))) === "live", 10);
    }
  });

  test("nobody listens: surely nothing was stored, and it is found once it is there", async (t) => {
    const port = await freePort();
    const store = memcachedStore({ servers: [`127.0.0.1:${port}`] });
    t.after(() => store.close());
    const { sessions } = world({ store, clock: systemClock, storeTimeoutSeconds: 0.3, breakerFailures: 1000 });
    const session = record();
    for (let times = 0; times < 3; times += 1) {
      assert.equal(await outcomeOf(() => store.create(session)), "ERR_SESSION_STORE no");
      assert.equal(await outcomeOf(() => store.save(session, "x")), "ERR_SESSION_STORE no");
      assert.equal(await outcomeOf(() => store.retire(session.handle, tombstone())), "ERR_SESSION_STORE no");
      assert.equal(await outcomeOf(() => sessions.find(session.handle)), "ERR_SESSION_STORE no");
    }
    const late = await startMemcached({ port });
    t.after(() => late.process.kill());
    await until(
      "the store has found the server",
      async () => (await outcomeOf(() => store.create(session))) === "created",
      10,
    );
  });

  test("what speaks another protocol, or garbage, is an error and no hang, and what was sent to it is unknown", async () => {
    const meet = async ([answer, expected]: (typeof ODD_SERVERS)[number]): Promise<void> => {
      await using odd = await startOddServer(answer);
      const store = memcachedStore({ servers: [`127.0.0.1:${odd.port}`], timeoutSeconds: 0.4 });
      const started = performance.now();
      const session = record();
      const outcomes = [
        await outcomeOf(() => store.load(session.handle)),
        await outcomeOf(() => store.create(session)),
        await outcomeOf(() => store.retire(session.handle, tombstone())),
      ];
      assert.deepEqual(outcomes, expected, answer("mg k v O1\r\n").slice(0, 40));
      assert.ok(performance.now() - started < 3000);
      await store.close();
    };
    await Promise.all(ODD_SERVERS.map(meet));
  });
});
