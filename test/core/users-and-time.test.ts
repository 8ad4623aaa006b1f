import assert from "node:assert/strict";
import { test } from "node:test";
import { type Clock, systemClock } from "../../src/core/clock.ts";
import type { SessionsOptions } from "../../src/core/options.ts";
import type { SchemaResult } from "../../src/core/standard-schema.ts";
import type { SessionStore } from "../../src/core/store.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { type Visit, world } from "./support.ts";

async function started(options: SessionsOptions<Visit> & { readonly store?: SessionStore } = {}) {
  const made = world({ store: memoryStore(), ...options });
  const first = await made.request({ handle: async (s) => void ((await s.load()).count = 1) });
  const cookie = first.cookie!;
  await made.request({ cookie, handle: (s) => s.load() });
  return { ...made, cookie };
}

const UNKNOWN = `__Host-sid=${"A".repeat(32)}`;
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

test("two revocations at once, both sparing one session, spare it", async () => {
  const { request, sessions, cookie } = await started();
  const { session } = await request({ cookie, handle: (s) => s.login("ada") });
  const except = session.handle;
  await Promise.all([sessions.revokeUser("ada", { except }), sessions.revokeUser("ada", { except })]);
  assert.notEqual(await sessions.find(except!), null);
});

test("a revocation whose reply is lost spares the session that it is to spare", async () => {
  const inner = memoryStore();
  let lost = false;
  const advanceEpoch = async (userId: string, atLeast: number) => {
    const epoch = await inner.users.advanceEpoch(userId, atLeast);
    if (lost) return epoch;
    lost = true;
    throw new Error("connection lost");
  };
  const { request, sessions, cookie } = await started({ store: { ...inner, users: { ...inner.users, advanceEpoch } } });
  const { session } = await request({ cookie, handle: (s) => s.login("ada") });
  await sessions.revokeUser("ada", { except: session.handle });
  assert.notEqual(await sessions.find(session.handle!), null);
});

test("a login keeps only the keys in `keep`, also of what another request stored meanwhile", async () => {
  const { open, request, sessions, cookie } = await started();
  const { session, respond } = open({ cookie });
  await session.login("ada", { keep: ["cart"] });
  await request({ cookie, handle: (s) => s.update((visit) => void (visit.name = "anonymous")) });
  await respond();
  assert.deepEqual((await sessions.find(session.handle!))?.data, {});
});

test("a shorter absoluteSeconds ends older sessions, and does not leave them readable with every write refused", async () => {
  const { store, clock, cookie } = await started();
  clock.advance(9 * 3_600_000);
  const stricter = world({ store, clock, idleSeconds: 3600, absoluteSeconds: 8 * 3600 });
  const reply = await stricter.request({ cookie, handle: async (s) => void ((await s.load()).name = "x") });
  assert.notEqual(reply.cookie, cookie);
});

test("a write sends the cookie each time, so that it makes good what a lost response left", async () => {
  const { request, clock, cookie } = await started({ idleSeconds: 86_400 });
  const until = new Date(clock.now() + 5 * 86_400_000);
  // The client never hears of it.
  const failed = await request({
    cookie,
    status: 500,
    async handle(s) {
      await s.load();
      s.setExpiry(until);
      await s.save();
    },
  });
  assert.deepEqual(failed.setCookie, []);
  const next = await request({ cookie, handle: async (s) => void ((await s.load()).name = "x") });
  assert.match(next.setCookie.join(), /; Max-Age=432000;/);
});

test("a write under saveEveryRequest sends the cookie, for it is a visit", async () => {
  const { request, cookie } = await started({ saveEveryRequest: true });
  const reply = await request({ cookie, handle: async (s) => void ((await s.load()).name = "x") });
  assert.equal(reply.setCookie.length, 1);
});

test("a session with a setExpiry shorter than refreshSeconds slides with its visits", async () => {
  const { open, request, clock, cookie } = await started({ refreshSeconds: 3600 });
  await request({ cookie, handle: (s) => s.load().then(() => s.setExpiry(600)) });
  for (let visit = 1; visit <= 5; visit++) {
    clock.advance(200_000);
    const { session, respond } = open({ cookie });
    assert.equal((await session.load()).count, 1, `visit ${visit}`);
    await respond();
  }
});

test("a clock that is set back does not keep a store resting longer than breakerSeconds", async () => {
  const inner = memoryStore();
  let down = true;
  let now = Date.UTC(2026, 0, 1);
  const clock = { now: () => now, sleep: () => Promise.resolve() } satisfies Clock;
  const load: SessionStore["load"] = (handle) => (down ? Promise.reject(new Error("down")) : inner.load(handle));
  const { open } = world({ store: { ...inner, load }, breakerFailures: 1, breakerSeconds: 2, clock });
  await assert.rejects(open({ cookie: UNKNOWN }).session.load());
  down = false;
  now -= 3_600_000;
  await open({ cookie: UNKNOWN })
    .session.load()
    .catch(() => undefined);
  now += 600_000;
  await open({ cookie: UNKNOWN }).session.load();
});

test("a clock that is set back does not make a lock's waiter wait longer than waitSeconds", async () => {
  let back = 0;
  const clock: Clock = { now: () => Date.now() - back, sleep: (milliseconds) => systemClock.sleep(milliseconds) };
  const { open, cookie } = await started({ clock });
  let free = () => {};
  const holder = open({ cookie }).session.exclusive(() => new Promise<void>((resolve) => (free = resolve)));
  await pause(20);
  const waiter = open({ cookie }).session.exclusive(() => "got it", { waitSeconds: 0.2 });
  const outcome = waiter.catch((error: unknown) => (error as { code: string }).code);
  await pause(20);
  back = 3_600_000;
  const seen = await Promise.race([outcome, pause(1000).then(() => "still waiting")]);
  free();
  await Promise.allSettled([holder, waiter]);
  assert.equal(seen, "ERR_SESSION_LOCKED");
});

test("a long storeTimeoutSeconds is long", async () => {
  const inner = memoryStore();
  const load: SessionStore["load"] = (handle) => pause(20).then(() => inner.load(handle));
  const { open } = world({ store: { ...inner, load }, storeTimeoutSeconds: 10_000_000 });
  await open({ cookie: UNKNOWN }).session.load();
});

test("close waits for an action under exclusive and for what it stores", async () => {
  const inner = memoryStore();
  let closed = false;
  const save: SessionStore["save"] = (record, version) => {
    if (closed) throw new Error("closed");
    return inner.save(record, version);
  };
  const { open, sessions, cookie } = await started({ store: { ...inner, save, close: () => void (closed = true) } });
  const paying = open({ cookie }).session.exclusive(async (visit) => {
    await pause(30);
    visit["paid"] = true;
  });
  await pause(10);
  await sessions.close();
  await paying;
});

test("close waits for revokeUser", async () => {
  const inner = memoryStore();
  let closed = false;
  const sessionsOf = async (userId: string) => {
    await pause(10);
    if (closed) throw new Error("closed");
    return inner.users.sessionsOf(userId);
  };
  const users = { ...inner.users, sessionsOf };
  const { sessions } = await started({ store: { ...inner, users, close: () => void (closed = true) } });
  const revoking = sessions.revokeUser("ada");
  await sessions.close();
  await revoking;
});

test("an asynchronous function given to update is refused without an unhandled rejection", async (t) => {
  const { open, cookie } = await started();
  const unhandled: unknown[] = [];
  const note = (error: unknown) => void unhandled.push(error);
  process.prependListener("unhandledRejection", note);
  t.after(() => process.off("unhandledRejection", note));
  const change = async () => Promise.reject(new Error("broken"));
  await assert.rejects(open({ cookie }).session.update(change), { code: "ERR_SESSION_USAGE" });
  await pause(10);
  assert.deepEqual(unhandled, []);
});

test("clearExpired with a batch of 0 is refused or ends", async () => {
  const { sessions } = await started();
  const done = sessions.clearExpired({ batch: 0, signal: AbortSignal.timeout(300) }).catch(() => 0);
  assert.notEqual(await Promise.race([done, pause(150).then(() => "endless")]), "endless");
});

test("exclusive refuses a holdSeconds that is not a number", async () => {
  const { open, cookie } = await started();
  await assert.rejects(
    open({ cookie }).session.exclusive(() => 1, { holdSeconds: Number.NaN }),
    { code: "ERR_SESSION_USAGE" },
  );
});

test("a new visitor's data has the defaults of the schema", async () => {
  const validate = (value: unknown): SchemaResult<Visit> => ({ value: { cart: [], ...(value as Visit) } });
  const { open } = world({ schema: { "~standard": { version: 1, vendor: "test", validate } } });
  assert.deepEqual((await open().session.load()).cart, []);
});

test("what a schema throws reaches nobody: its words may hold data", async () => {
  const validate = (value: unknown): SchemaResult<Visit> => {
    if ((value as Visit).name !== undefined) throw new Error(`bad name ${(value as Visit).name}`);
    return { value: value as Visit };
  };
  const { request } = world({ schema: { "~standard": { version: 1, vendor: "test", validate } } });
  await assert.rejects(request({ handle: async (s) => void ((await s.load()).name = "hunter2") }), (error: Error) => {
    assert.doesNotMatch(`${error.message} ${String(error.cause)}`, /hunter2/);
    return true;
  });
});
