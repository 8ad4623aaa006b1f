import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { test, type TestContext } from "node:test";
import { SessionError } from "../../src/core/errors.ts";
import { newSessionId, newVersion } from "../../src/core/id.ts";
import { createSessions, generateKey, handleOf, type SessionEvent, type Sessions } from "../../src/index.ts";
import { accessOf } from "../../src/core/sessions.ts";
import type { ClearBatch, SessionStore } from "../../src/core/store.ts";
import type { SweepReport, SweepTask } from "../../src/core/sweep.ts";
import { SWEEP_HANDLE } from "../../src/core/sweep-lease.ts";
import { cookieStore } from "../../src/stores/cookie.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { type FakeClock, fakeClock } from "../../src/testing/fake-clock.ts";

const HOUR = 3_600_000;
const NOW = Date.UTC(2026, 0, 1);

/** A store that answers batches as it is told. */
function sweepable(clear: (batch: ClearBatch) => unknown, inner: SessionStore = memoryStore()): SessionStore {
  return { ...inner, clearExpired: clear as NonNullable<SessionStore["clearExpired"]> };
}

async function fill(store: SessionStore, count: number, expiresAt = NOW - HOUR): Promise<void> {
  for (let n = 0; n < count; n++) {
    const handle = handleOf(newSessionId());
    const times = { createdAt: expiresAt - HOUR, expiresAt };
    await store.create({ handle, data: "j1:{}", version: newVersion(), userId: null, epoch: 0, ...times });
  }
}

function listen(t: TestContext): SessionEvent[] {
  const events: SessionEvent[] = [];
  const note = (event: unknown): void => void events.push(event as SessionEvent);
  subscribe("sojourn:swept", note);
  t.after(() => unsubscribe("sojourn:swept", note));
  return events;
}

function sweepBy(sessions: Sessions, task: Partial<SweepTask> = {}): Promise<SweepReport> {
  const lease = { leaseMs: 60_000, freshMs: 0 };
  const given = { batch: 3, duty: 1, lease, signal: new AbortController().signal, background: false, ...task };
  return accessOf(sessions as unknown as Sessions<never>).sweep(given);
}

/** Lets everything that is ready run, a hundred times over. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Moves a clock on, step by step, so that whoever wakes can go to sleep again. */
async function pass(clock: FakeClock, milliseconds: number, step = 10_000): Promise<void> {
  for (let left = milliseconds; left > 0; left -= step) {
    clock.advance(Math.min(step, left));
    await settled();
  }
}

for (const duty of [0.25, 0.5, 1]) {
  test(`a sweep keeps the store busy for its share of the time: duty ${duty}`, async () => {
    const clock = fakeClock(NOW, { sleep: "advance" });
    let busy = 0;
    let batches = 40;
    const store = sweepable(({ limit }) => {
      clock.advance(100);
      busy += 100;
      return --batches > 0 ? limit : 0;
    });
    await createSessions({ store, clock }).clearExpired({ duty });
    const share = busy / (clock.now() - NOW);
    assert.ok(Math.abs(share - duty) < 0.05, `a share of ${share}`);
  });
}

for (const [what, fixedMs, rowMs, smallest, largest] of [
  ["near and quick", 0.5, 0.01, 900, 1000],
  ["near and slow with each row", 0.5, 1, 10, 30],
  ["far away", 25, 0.01, 900, 1000],
  ["far away and slow with each row", 25, 1, 20, 70],
] as const) {
  test(`a batch is as large as the store does in a short time: one that is ${what}`, async (t) => {
    const clock = fakeClock(NOW, { sleep: "advance" });
    t.mock.method(performance, "now", () => clock.now());
    const limits: number[] = [];
    const store = sweepable(async ({ limit }) => {
      await new Promise((resolve) => setImmediate(resolve));
      clock.advance(fixedMs + rowMs * limit);
      return limits.push(limit) < 60 ? limit : 0;
    });
    await createSessions({ store, clock, storeTimeoutSeconds: 5 }).clearExpired({ duty: 1 });
    const last = limits.slice(-10);
    assert.ok(Math.min(...last) >= smallest && Math.max(...last) <= largest, `batches of ${limits.join(", ")}`);
  });
}

test("a clock that leaps during a batch does not put off the rest of the sweep, which nobody else can do meanwhile", async () => {
  const clock = fakeClock(NOW, { sleep: "advance" });
  let batches = 3;
  const store = sweepable(({ limit }) => {
    // The machine was suspended.
    if (batches === 3) clock.advance(8 * HOUR);
    return --batches > 0 ? limit : 0;
  });
  const report = await sweepBy(createSessions({ store, clock }), { duty: 0.1 });
  assert.equal(report.status, "complete");
  const rested = clock.now() - NOW - 8 * HOUR;
  assert.ok(rested < 120_000, `a rest of ${rested / 1000} s`);
});

test("a store in a network that answers one batch before anything else could run is not taken for an embedded one", async () => {
  const clock = fakeClock(NOW, { sleep: "advance" });
  let batches = 40;
  const store = sweepable(async ({ limit }) => {
    clock.advance(100);
    batches--;
    // The process was busy, and the reply had come before it looked.
    if (batches !== 10) for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
    return batches > 0 ? limit : 0;
  });
  await createSessions({ store, clock }).clearExpired();
  const rested = clock.now() - NOW - 4000;
  assert.ok(rested < 8000, `a rest of ${rested / 1000} s`);
});

test("the pace has to be possible", async () => {
  const sessions = createSessions({ store: memoryStore() });
  for (const options of [{ batch: 0 }, { batch: 1.5 }, { batch: 1e9 }, { duty: 0 }, { duty: 1.1 }, { duty: Number.NaN }]) {
    await assert.rejects(sessions.clearExpired(options), { code: "ERR_SESSION_USAGE" }, JSON.stringify(options));
    assert.throws(() => sessions.startSweeping(options), { code: "ERR_SESSION_USAGE" }, JSON.stringify(options));
  }
  for (const options of [{ everySeconds: 0 }, { everySeconds: 1e9 }, { jitter: 0.6 }, { leaseSeconds: 0 }, { every: 5 }]) {
    assert.throws(() => sessions.startSweeping(options), { code: "ERR_SESSION_USAGE" }, JSON.stringify(options));
  }
});

test("a batch that takes too long is halved, others are as large as they can be, and requests go on", async () => {
  const limits: number[] = [];
  const inner = memoryStore();
  let left = 30;
  const store = sweepable(({ limit }) => {
    limits.push(limit);
    if (limit > 30) return new Promise(() => undefined);
    return left-- > 0 ? limit : 0;
  }, inner);
  const sessions = createSessions({ store, storeTimeoutSeconds: 0.01, breakerFailures: 1 });
  const removed = await sessions.clearExpired({ batch: 1000, duty: 1 });
  assert.deepEqual(limits.slice(0, 3), [100, 50, 25], "halved until it is done in time");
  assert.ok(
    limits.slice(3).some((limit) => limit > 30),
    "and grown again",
  );
  assert.ok(removed > 0);
  // A breaker that counted the sweep's time-outs would be open now.
  assert.ok((await sessions.create()).id);
});

test("a sweep that was in doubt looks once more before it says that nothing is left", async () => {
  let calls = 0;
  const store = sweepable(({ limit }) => {
    calls++;
    // While the first batch is still at work, the others find its rows locked.
    return calls === 1 ? new Promise(() => undefined) : [0, 0, 0, limit, 0][calls];
  });
  const sessions = createSessions({ store, storeTimeoutSeconds: 0.01 });
  assert.equal(await sessions.clearExpired({ batch: 10, duty: 1 }), 10);
});

test("a store that cannot do the smallest batch in time is an error, and not asked for ever", async (t) => {
  const events = listen(t);
  let calls = 0;
  const store = sweepable(() => (calls++, new Promise(() => undefined)));
  const sessions = createSessions({ store, storeTimeoutSeconds: 0.01 });
  await assert.rejects(sessions.clearExpired({ batch: 20, duty: 1 }), { code: "ERR_SESSION_STORE" });
  assert.equal(calls, 4, "20, 10, 10 and 10");
  assert.deepEqual(
    events.map(({ count, complete }) => ({ count, complete })),
    [{ count: 0, complete: false }],
  );
});

test("a store that had other work with a batch is asked again", async () => {
  const outcomes = [{ removed: 2, more: true }, { removed: 0, more: true }, 1000, 1];
  const sessions = createSessions({ store: sweepable(() => outcomes.shift()), clock: fakeClock() });
  assert.equal(await sessions.clearExpired(), 1003);
});

test("stopped between two batches nothing is lost, and the next run goes on", async (t) => {
  const events = listen(t);
  const store = memoryStore();
  await fill(store, 25);
  const sessions = createSessions({ store, clock: fakeClock(NOW) });
  const stop = new AbortController();
  const progress: number[] = [];
  const onProgress = (removed: number): void => {
    progress.push(removed);
    if (removed >= 20) stop.abort();
  };
  assert.equal(await sessions.clearExpired({ batch: 10, onProgress, signal: stop.signal }), 20);
  assert.deepEqual([progress, store.size], [[10, 20], 5]);
  assert.equal(await sessions.clearExpired({ batch: 10 }), 5);
  assert.deepEqual(
    events.map(({ count, complete, lagMs }) => ({ count, complete, lagMs })),
    [
      { count: 20, complete: false, lagMs: undefined },
      { count: 5, complete: true, lagMs: 5000 },
    ],
    "the lag is known from the first complete sweep on",
  );
});

test("the lag grows until the next complete sweep, for every machine", async (t) => {
  const events = listen(t);
  const store = memoryStore();
  const clock = fakeClock(NOW);
  const [one, two] = [createSessions({ store, clock }), createSessions({ store, clock })];
  assert.deepEqual(await two.sweepState(), { sweptUntil: null, lagSeconds: null, sweeping: false });
  await one.clearExpired();
  assert.deepEqual(await two.sweepState(), { sweptUntil: new Date(NOW - 5000), lagSeconds: 5, sweeping: false });
  clock.advance(HOUR);
  assert.equal((await two.sweepState()).lagSeconds, 3605);
  await two.clearExpired({ signal: AbortSignal.abort() });
  assert.deepEqual([events.at(-1)?.complete, events.at(-1)?.lagMs], [false, HOUR + 5000], "an interrupted one");
  await two.clearExpired({ lease: true });
  assert.equal((await one.sweepState()).lagSeconds, 5);
  assert.equal(store.size, 0, "what is noted is no session");
});

test("with a lease nothing is done while another machine sweeps; without one it is done all the same", async () => {
  const store = memoryStore();
  const clock = fakeClock(NOW);
  await fill(store, 20);
  const [one, two] = [createSessions({ store, clock }), createSessions({ store, clock })];
  let beside: readonly unknown[] | undefined;
  const report = await sweepBy(one, {
    onBatch: async () =>
      (beside ??= [
        await two.clearExpired({ lease: true }),
        (await two.sweepState()).sweeping,
        await two.clearExpired(),
        (await two.sweepState()).sweeping,
      ]),
  });
  assert.deepEqual(beside, [0, true, 17, true], "a sweep without a lease leaves it to whoever has it");
  assert.deepEqual([report.status, report.removed], ["complete", 3]);
  assert.equal((await one.sweepState()).sweeping, false);
});

test("a sweep that failed gives its lease back", async () => {
  const clock = fakeClock(NOW);
  let broken = true;
  const store = sweepable(() => {
    if (broken) throw new SessionError("ERR_SESSION_STORE", "down", { applied: "no" });
    return 0;
  });
  const [one, two] = [createSessions({ store, clock }), createSessions({ store, clock })];
  await assert.rejects(sweepBy(one), { code: "ERR_SESSION_STORE" });
  broken = false;
  assert.equal((await sweepBy(two)).status, "complete");
});

test("the lease is renewed for as long as a sweep lasts, rests included", async () => {
  const clock = fakeClock(NOW, { sleep: "advance" });
  let batches = 20;
  const store = sweepable(({ limit }) => {
    clock.advance(10_000);
    return --batches > 0 ? limit : 0;
  });
  const options = { store, clock, storeTimeoutSeconds: 10 };
  const [one, two] = [createSessions(options), createSessions(options)];
  const seen = new Set<string>();
  const report = await sweepBy(one, {
    // Rests of a minute and a half, which is more than the lease.
    duty: 0.1,
    onBatch: async () => void seen.add((await sweepBy(two)).status),
  });
  assert.equal(report.status, "complete");
  assert.deepEqual([...seen], ["busy"]);
});

test("a lease that makes no sense holds nobody up: of a clock that was wrong, of another release, damaged, ended", async () => {
  for (const damage of ["far", "other", "future", "unreadable", "ended"] as const) {
    const inner = memoryStore();
    const clock = fakeClock(NOW);
    const record = {
      ...{ handle: SWEEP_HANDLE, version: "v", createdAt: NOW, expiresAt: NOW + HOUR, userId: null, epoch: 0 },
      data:
        { far: `sweep1:x:${NOW + 9 * HOUR}:`, other: "sweep2:?", future: `sweep1::0:${NOW + HOUR}` }[damage as "far"] ?? "",
    };
    await inner.create(record);
    if (damage === "ended") {
      await inner.retire(SWEEP_HANDLE, { reason: "ended", token: "t", successor: null, until: NOW + HOUR });
    }
    const store: SessionStore = {
      ...inner,
      load(handle, options) {
        if (damage === "unreadable" && handle === SWEEP_HANDLE) throw new SessionError("ERR_SESSION_UNREADABLE");
        return inner.load(handle, options);
      },
    };
    await fill(store, 5);
    const lease = { leaseMs: 60_000, freshMs: HOUR };
    const sessions = createSessions({ store, clock });
    assert.equal((await sessions.sweepState()).sweeping, false, damage);
    const { status, removed, before } = await sweepBy(sessions, { lease });
    assert.deepEqual([status, removed, before], ["complete", 5, NOW - 5000], damage);
    // Where it can be noted, the note of a clock that was wrong does not hide for how long nobody swept.
    const lag = ["unreadable", "ended"].includes(damage) ? null : 5;
    assert.equal((await sessions.sweepState()).lagSeconds, lag, damage);
  }
});

test("where two could hold a lease at once there is none, and the sweep is done without", async () => {
  const clock = fakeClock(NOW);
  const store: SessionStore = { ...memoryStore(), compareAndSwap: false, reach: "network" };
  await fill(store, 7);
  const [one, two] = [createSessions({ store, clock }), createSessions({ store, clock })];
  let beside: SweepReport | undefined;
  const report = await sweepBy(one, { onBatch: async () => (beside ??= await sweepBy(two)) });
  assert.deepEqual([report.status, beside?.status], ["complete", "complete"]);
  assert.equal((await two.sweepState()).lagSeconds, 5, "when it was is noted all the same");
  const recent = await sweepBy(two, { lease: { leaseMs: 60_000, freshMs: HOUR } });
  assert.equal(recent.status, "recent");
});

test("in the background one machine of many sweeps, once in its time", async (t) => {
  const events = listen(t);
  const store = memoryStore();
  const clock = fakeClock(NOW);
  const machines = Array.from({ length: 5 }, () => createSessions({ store, clock }));
  for (const each of machines) assert.equal(each.startSweeping({ everySeconds: 600 }).active, true);
  await fill(store, 30);
  await pass(clock, 60_000, 1000);
  assert.equal(store.size, 0);
  assert.deepEqual(
    events.map(({ count, complete }) => [count, complete]),
    [[30, true]],
  );
  await fill(store, 3, clock.now() + 1000);
  await pass(clock, 3 * HOUR);
  // Never more often than the jitter allows, and never seldom.
  assert.ok(events.length >= 1 + 3 * 5 && events.length <= 1 + 3 * 7, `${events.length} sweeps`);
  assert.ok(events.every(({ lagMs = 0 }) => lagMs <= 15_000));
  for (const each of machines) await each.close();
  assert.equal(clock.sleeping, 0);
});

test("when the machine that sweeps dies, another one goes on after its lease", async () => {
  const clock = fakeClock(NOW);
  const inner = memoryStore();
  await fill(inner, 30);
  // The first machine never comes back from its batch.
  const grave = Promise.withResolvers<number>();
  const dead = createSessions({ store: sweepable(() => grave.promise, inner), clock, storeTimeoutSeconds: 60 });
  const last = sweepBy(dead);
  await settled();
  const alive = createSessions({ store: inner, clock });
  alive.startSweeping();
  await pass(clock, 59_000, 1000);
  assert.equal(inner.size, 30, "the lease holds");
  await pass(clock, 2 * 66_000 + 2000, 1000);
  assert.equal(inner.size, 0);
  await alive.close();
  grave.resolve(3);
  assert.equal((await last).status, "stopped", "were it to come back, it would find its lease gone");
});

test("in the background a store that is down is asked again before long, and no error is left to nobody", async (t) => {
  const strays: unknown[] = [];
  const note = (error: unknown): void => void strays.push(error);
  process.on("unhandledRejection", note);
  t.after(() => process.off("unhandledRejection", note));
  const clock = fakeClock(NOW);
  let asked = 0;
  const inner = memoryStore();
  const store: SessionStore = {
    ...inner,
    load() {
      asked++;
      throw new Error("connection refused");
    },
  };
  const sessions = createSessions({ store, clock });
  const sweeping = sessions.startSweeping();
  await pass(clock, 600_000);
  assert.ok(asked >= 8 && asked <= 12, `asked ${asked} times`);
  await sweeping.stop();
  assert.deepEqual(strays, []);
});

test("stop waits for the batch that is under way, gives the lease back, and sweeping can be started again", async () => {
  const clock = fakeClock(NOW);
  const reached = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<number>();
  const store = sweepable(() => (reached.resolve(), answer.promise));
  const sessions = createSessions({ store, clock });
  const sweeping = sessions.startSweeping();
  assert.throws(() => sessions.startSweeping(), { code: "ERR_SESSION_USAGE" });
  clock.advance(60_000);
  await reached.promise;
  let stopped = false;
  const stopping = sweeping.stop().then(() => (stopped = true));
  await settled();
  assert.equal(stopped, false);
  answer.resolve(100);
  await stopping;
  assert.equal((await sessions.sweepState()).sweeping, false);
  assert.equal(sessions.startSweeping().active, true);
  await sessions.close();
  assert.throws(() => sessions.startSweeping(), { code: "ERR_SESSION_USAGE" });
});

test("close ends a sweep that is under way, and closes the store after it", async () => {
  const calls: string[] = [];
  const first = Promise.withResolvers<void>();
  const store: SessionStore = {
    ...sweepable(({ limit }) => (calls.push("batch"), first.resolve(), Promise.resolve(limit))),
    close: () => void calls.push("close"),
  };
  const sessions = createSessions({ store });
  const sweeping = sessions.clearExpired();
  await first.promise;
  await sessions.close();
  assert.ok((await sweeping) >= 100);
  assert.equal(calls.at(-1), "close");
  assert.equal(calls.filter((call) => call === "close").length, 1);
});

test("where the engine removes what has expired, and with a cookie store, there is nothing to sweep", async () => {
  const { clearExpired, ...inner } = memoryStore();
  void clearExpired;
  for (const store of [inner, cookieStore({ keys: [generateKey()] })]) {
    const sessions = createSessions({ store });
    const sweeping = sessions.startSweeping();
    assert.equal(sweeping.active, false);
    await sweeping.stop();
    assert.deepEqual(await sessions.sweepState(), { sweptUntil: null, lagSeconds: null, sweeping: false });
    await assert.rejects(sessions.clearExpired(), { code: "ERR_SESSION_UNSUPPORTED" });
    await sessions.close();
  }
});

test("sweeping in the background does not keep a process alive", () => {
  const program = `
    import { createSessions, memoryStore } from "sojourn";
    createSessions({ store: memoryStore() }).startSweeping();
    const busy = { ...memoryStore(), clearExpired: async ({ limit }) => (await new Promise(setImmediate), limit) };
    createSessions({ store: busy }).startSweeping({ everySeconds: 1, duty: 0.01 });
    setTimeout(() => undefined, 1500);
  `;
  const args = ["--conditions=sojourn:source", "--input-type=module", "--eval", program];
  const { status, signal, stderr } = spawnSync(process.execPath, args, { timeout: 30_000, encoding: "utf8" });
  assert.deepEqual([status, signal, stderr], [0, null, ""]);
});
