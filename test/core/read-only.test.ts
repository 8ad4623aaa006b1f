import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { test } from "node:test";
import { SessionError } from "../../src/core/errors.ts";
import type { SessionsOptions } from "../../src/core/options.ts";
import type { SessionStore } from "../../src/core/store.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { fakeClock } from "../../src/testing/fake-clock.ts";
import { type Visit, world } from "./support.ts";

const WRITES = ["create", "save", "touch", "rotate", "retire"] as const;
const HOUR = 3600;

/** A store that can be told to refuse writes, as a read-only replica does, or to fail reads. */
function replica(inner: SessionStore = memoryStore()) {
  const state: { writes: "work" | "refused" | "lost"; reads: boolean } = { writes: "work", reads: true };
  const calls: string[] = [];
  const fail = (): never => {
    if (state.writes === "lost") throw new Error("connection lost");
    throw new SessionError("ERR_SESSION_STORE", "The database is read-only", { applied: "no" });
  };
  const store = { ...inner } as unknown as Record<string, unknown>;
  for (const verb of WRITES) {
    store[verb] = async (...args: unknown[]): Promise<unknown> => {
      calls.push(verb);
      if (state.writes !== "work") fail();
      return (inner[verb] as (...given: unknown[]) => unknown)(...args);
    };
  }
  store["load"] = async (...args: Parameters<SessionStore["load"]>): Promise<unknown> => {
    calls.push("load");
    if (!state.reads) throw new SessionError("ERR_SESSION_STORE", "down", { applied: "no" });
    return inner.load(...args);
  };
  return { store: store as unknown as SessionStore, state, calls };
}

async function started(options: Omit<SessionsOptions<Visit>, "store"> = {}) {
  const { store, state, calls } = replica();
  const made = world({ store, breakerFailures: 0, onStoreError: "read-only", ...options });
  const first = await made.request({ handle: async (s) => void ((await s.load()).count = 1) });
  // Its cookie came back.
  const known = await made.request({ cookie: first.cookie, handle: (s) => s.load() });
  calls.length = 0;
  return { ...made, state, calls, cookie: known.cookie ?? first.cookie ?? assert.fail() };
}

const refused = { code: "ERR_SESSION_READ_ONLY", status: 503, applied: "no", retryAfterSeconds: 1 };

test("read-only: a request that changed nothing is served with what was read, and no cookie", async () => {
  const { request, state, cookie } = await started();
  state.writes = "refused";
  let seen: unknown;
  const reply = await request({ cookie, handle: async (s) => void (seen = { ...(await s.load()) }) });
  assert.deepEqual([seen, reply.setCookie], [{ count: 1 }, []]);
  assert.deepEqual((await request({ handle: (s) => s.load() })).setCookie, [], "a new visitor that stores nothing");
});

test("read-only: a request that changed its session is refused, whichever way it does, and nothing is told about the cookie", async () => {
  const { open, state, cookie, sessions } = await started();
  state.writes = "refused";
  const writes: Record<string, (s: ReturnType<typeof open>["session"]) => Promise<unknown>> = {
    data: async (s) => void ((await s.load()).count = 9),
    login: (s) => s.login("ada"),
    cycleId: (s) => s.cycleId(),
    clear: (s) => s.clear(),
    flash: (s) => s.flash.add("hello"),
    expiry: async (s) => (await s.load(), s.setExpiry(HOUR)),
    update: (s) => s.update((visit) => (visit.count = 9)),
    save: async (s) => (((await s.load()).count = 9), s.save()),
    logout: (s) => s.logout(),
    exclusive: (s) => s.exclusive((visit) => (visit.count = 9)),
  };
  for (const [name, write] of Object.entries(writes)) {
    for (const sent of [cookie, undefined]) {
      if (sent === undefined && ["logout", "clear", "cycleId", "expiry"].includes(name)) continue;
      const { session, respond } = open({ cookie: sent });
      const outcome = (async () => (await write(session), await respond()))();
      await assert.rejects(outcome, refused, `${name}, ${sent === undefined ? "new" : "known"}`);
      assert.deepEqual((await respond(503)).setCookie, [], name);
    }
  }
  state.writes = "work";
  assert.deepEqual(await open({ cookie }).session.load(), { count: 1 }, "nobody was logged out, and nothing was stored");
  let count = 0;
  for await (const each of sessions.list()) count += each.bytes > 0 ? 1 : 0;
  assert.equal(count, 1);
});

test("read-only: a deadline that cannot be moved is let go with an event, and the cookie is not moved either", async (t) => {
  const errors: unknown[] = [];
  const note = (event: unknown): void => void errors.push(event);
  subscribe("sojourn:storeError", note);
  t.after(() => unsubscribe("sojourn:storeError", note));
  for (const writes of ["refused", "lost"] as const) {
    for (const options of [{ refreshSeconds: 0 }, { saveEveryRequest: true }]) {
      const clock = fakeClock();
      const { request, state, cookie, calls } = await started({ ...options, clock });
      clock.advance(HOUR * 1000);
      state.writes = writes;
      errors.length = 0;
      const reply = await request({ cookie, handle: (s) => s.load() });
      assert.deepEqual([reply.setCookie, calls.length > 1, errors.length > 0], [[], true, true], JSON.stringify(options));
      state.writes = "work";
      assert.notDeepEqual((await request({ cookie, handle: (s) => s.load() })).setCookie, [], "the next one moves it");
    }
  }
});

test("read-only: saving on every request is still an error for a request that changed something, and under the default policy", async () => {
  const { request, state, cookie, open } = await started({ saveEveryRequest: true });
  state.writes = "refused";
  const change = request({ cookie, handle: async (s) => void ((await s.load()).count = 2) });
  await assert.rejects(change, refused);
  const { session, respond } = open({ cookie });
  session.policy({ onStoreError: "error" });
  await assert.rejects(respond(), { code: "ERR_SESSION_STORE" });
});

test("read-only: messages that were shown and cannot be removed are shown again", async () => {
  const { request, state, cookie } = await started();
  await request({ cookie, handle: (s) => s.flash.add("hello") });
  state.writes = "refused";
  const show = async (): Promise<unknown> => {
    let shown: unknown;
    await request({ cookie, handle: async (s) => (await s.load(), (shown = s.flash.peek())) });
    return shown;
  };
  assert.deepEqual(await show(), [{ message: "hello" }]);
  assert.deepEqual(await show(), [{ message: "hello" }], "while nothing can be written");
  const both = request({ cookie, handle: async (s) => (((await s.load()).count = 2), s.flash.peek()) });
  await assert.rejects(both, refused, "a change beside it is not passed over");
  state.writes = "work";
  assert.deepEqual(await show(), [{ message: "hello" }]);
  assert.deepEqual(await show(), []);
});

test("read-only: a write of which nobody knows whether it was stored is said to be that", async () => {
  const { request, state, cookie } = await started();
  state.writes = "lost";
  const change = request({ cookie, handle: async (s) => void ((await s.load()).count = 2) });
  await assert.rejects(change, { code: "ERR_SESSION_OUTCOME_UNKNOWN", status: 503 });
});

test("read-only: where reads fail too, the request fails with 503", async () => {
  const { open, state, cookie } = await started();
  state.reads = false;
  const { session, respond } = open({ cookie });
  await assert.rejects(session.load(), { code: "ERR_SESSION_STORE", status: 503, retryAfterSeconds: 1 });
  assert.deepEqual((await respond(503)).setCookie, []);
});

test("read-only can be chosen for one request; what cannot be chosen is refused", async () => {
  const { open, state, cookie } = await started({ onStoreError: "error" });
  state.writes = "refused";
  await assert.rejects(
    open({ cookie }).session.update((v) => (v.count = 2)),
    { code: "ERR_SESSION_STORE" },
  );
  const { session } = open({ cookie });
  session.policy({ onStoreError: "read-only" });
  await assert.rejects(
    session.update((v) => (v.count = 2)),
    refused,
  );
  for (const wrong of [{ onStoreError: "readonly" }, { onStoreErrors: "error" }, { onGone: undefined }]) {
    assert.throws(() => session.policy(wrong as never), { code: "ERR_SESSION_USAGE" }, JSON.stringify(wrong));
  }
  assert.throws(() => world({ onStoreError: "readonly" as never }), { code: "ERR_SESSION_CONFIG" });
});

test("the session of a revoked user is over although its record cannot be ended", async () => {
  const { request, state, sessions, open } = await started({ onStoreError: "error" });
  const { cookie } = await request({ handle: (s) => s.login("ada") });
  const other = await request({ handle: (s) => s.login("ada") });
  state.writes = "refused";
  // The epoch stands; only the tidying up is not done.
  await assert.rejects(sessions.revokeUser("ada"), { code: "ERR_SESSION_OUTCOME_UNKNOWN" });
  for (const each of [cookie, other.cookie]) {
    const { session, respond } = open({ cookie: each });
    assert.deepEqual(await session.load(), {});
    assert.equal(session.userId, null);
    assert.deepEqual((await respond()).setCookie, []);
  }
});

test("after failed writes the store is given a rest from writes alone: reads go on, and a write is refused at once", async () => {
  const clock = fakeClock();
  const { open, request, state, cookie, calls } = await started({ breakerFailures: 3, breakerSeconds: 2, clock });
  state.writes = "refused";
  for (let tries = 0; tries < 3; tries++) {
    assert.deepEqual(await open({ cookie }).session.load(), { count: 1 });
    await assert.rejects(
      open({ cookie }).session.update((v) => (v.count = 2)),
      refused,
    );
  }
  calls.length = 0;
  await assert.rejects(
    open({ cookie }).session.update((v) => (v.count = 2)),
    { ...refused, retryAfterSeconds: 2 },
  );
  assert.deepEqual(calls, ["load"], "the write is not sent");
  await request({ cookie, handle: (s) => s.load() });
  assert.deepEqual(calls, ["load", "load"]);
  clock.advance(2000);
  state.writes = "work";
  assert.equal(await open({ cookie }).session.update((v) => (v.count = 2)), 2);
  assert.equal(await open({ cookie }).session.update((v) => (v.count = 3)), 3);
});

test("a store that cannot be read is not written to either, until its rest is over", async () => {
  const clock = fakeClock();
  const { open, request, state, cookie, calls } = await started({ breakerFailures: 2, breakerSeconds: 2, clock });
  state.reads = false;
  for (let tries = 0; tries < 2; tries++)
    await assert.rejects(open({ cookie }).session.load(), { code: "ERR_SESSION_STORE" });
  calls.length = 0;
  const create = () => request({ handle: async (s) => void ((await s.load()).count = 1) });
  await assert.rejects(create(), { ...refused, retryAfterSeconds: 2 });
  assert.deepEqual(calls, []);
  clock.advance(2000);
  assert.equal((await create()).setCookie.length, 1);
  assert.deepEqual(calls, ["create"]);
});
