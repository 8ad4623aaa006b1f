import assert from "node:assert/strict";
import { test } from "node:test";
import { SessionError } from "../../src/core/errors.ts";
import type { SessionStore } from "../../src/core/store.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { fakeClock } from "../../src/testing/fake-clock.ts";
import { type Visit, world } from "./support.ts";

type Verb = "load" | "create" | "save" | "touch" | "rotate" | "retire";

/** A store whose replies can be lost, before or after the call was applied. */
function lossy(inner: SessionStore = memoryStore()) {
  const plan: { verb: Verb; when: "before" | "after" | "refused" }[] = [];
  const wrap =
    (verb: Verb) =>
    async (...args: unknown[]): Promise<unknown> => {
      const next = plan[0]?.verb === verb ? plan.shift() : undefined;
      if (next?.when === "refused") throw new SessionError("ERR_SESSION_STORE", "refused", { applied: "no" });
      if (next?.when === "before") throw new Error("connection lost");
      const outcome: unknown = await (inner[verb] as (...given: unknown[]) => unknown)(...args);
      if (next?.when === "after") throw new Error("connection lost");
      return outcome;
    };
  const store = { ...inner, users: inner.users, list: inner.list?.bind(inner) } as unknown as Record<string, unknown>;
  for (const verb of ["load", "create", "save", "touch", "rotate", "retire"] as const) store[verb] = wrap(verb);
  return {
    store: store as unknown as SessionStore,
    lose: (verb: Verb, when: "before" | "after" | "refused") => plan.push({ verb, when }),
  };
}

async function started(options = {}) {
  const { store, lose } = lossy();
  const made = world({ store, ...options });
  const first = await made.request({ handle: async (s) => void ((await s.load()).count = 1) });
  const count = async (cookie = first.cookie) => (await made.open({ cookie }).session.load()).count;
  return { ...made, lose, cookie: first.cookie!, count };
}

const plus = (data: Visit) => (data.count = (data.count ?? 0) + 1);

for (const when of ["before", "after"] as const) {
  test(`a save whose reply is lost ${when} it was applied counts once`, async () => {
    const { open, lose, cookie, count } = await started();
    lose("save", when);
    assert.equal(await open({ cookie }).session.update(plus), 2);
    assert.equal(await count(), 2);
  });

  test(`a create whose reply is lost ${when} it was applied gives one session`, async () => {
    const { request, lose, count, sessions } = await started();
    lose("create", when);
    const reply = await request({ handle: async (s) => void ((await s.load()).count = 5) });
    assert.equal(await count(reply.cookie), 5);
    const all = [];
    for await (const found of sessions.list()) all.push(found);
    assert.equal(all.length, 2);
  });

  test(`a rotation whose reply is lost ${when} it was applied gives one session`, async () => {
    const { request, lose, cookie, count } = await started();
    lose("rotate", when);
    const reply = await request({ cookie, handle: (s) => s.cycleId() });
    assert.notEqual(reply.cookie, cookie);
    assert.deepEqual([await count(reply.cookie), await count(cookie)], [1, undefined]);
  });

  test(`a logout whose reply is lost ${when} it was applied holds`, async () => {
    const { request, lose, cookie, count } = await started();
    lose("retire", when);
    await request({ cookie, handle: (s) => s.logout() });
    assert.equal(await count(), undefined);
  });
}

test("an outcome that cannot be known is an error of its own, and is never applied twice", async () => {
  const { open, lose, cookie, count } = await started();
  lose("save", "after");
  lose("save", "before");
  await assert.rejects(open({ cookie }).session.update(plus), { code: "ERR_SESSION_OUTCOME_UNKNOWN" });
  assert.equal(await count(), 2);
});

test("a lost reply behind which another request wrote is an unknown outcome", async () => {
  const inner = memoryStore();
  let meddle: (() => Promise<unknown>) | undefined;
  const store: SessionStore = {
    ...inner,
    async save(record, version) {
      const outcome = await inner.save(record, version);
      const now = meddle;
      meddle = undefined;
      if (now === undefined) return outcome;
      await now();
      throw new Error("connection lost");
    },
  };
  const { request, open } = world({ store });
  const { cookie } = await request({ handle: async (s) => void ((await s.load()).count = 1) });
  // Another process: its own queue.
  const elsewhere = world({ store });
  meddle = () => elsewhere.open({ cookie }).session.update(plus);
  await assert.rejects(open({ cookie }).session.update(plus), { code: "ERR_SESSION_OUTCOME_UNKNOWN" });
  assert.equal((await open({ cookie }).session.load()).count, 3);
});

test("a write that the store surely refused is an error, and may be tried again", async () => {
  const { open, lose, cookie } = await started();
  const { session } = open({ cookie });
  lose("save", "refused");
  await assert.rejects(session.update(plus), { code: "ERR_SESSION_STORE", applied: "no" });
  assert.equal(await session.update(plus), 2);
});

test("a store that is down is an error, and the response says nothing about the cookie", async () => {
  const { open, lose, cookie } = await started();
  const { session, respond } = open({ cookie });
  lose("load", "before");
  await assert.rejects(session.load(), { code: "ERR_SESSION_STORE", status: 503 });
  assert.deepEqual((await respond(503)).setCookie, []);
});

test('onStoreError "anonymous": reading goes on without a session, writing fails, the cookie stays', async () => {
  const { open, lose, cookie, count } = await started({ onStoreError: "anonymous" });
  lose("load", "before");
  const reader = open({ cookie });
  assert.deepEqual(await reader.session.load(), {});
  assert.deepEqual((await reader.respond()).setCookie, []);
  lose("load", "before");
  const writer = open({ cookie });
  (await writer.session.load()).count = 9;
  await assert.rejects(writer.respond(), { code: "ERR_SESSION_STORE" });
  assert.equal(await count(), 1);
});

test("an unreadable session is not missing: anonymous to read, refused to write, never overwritten, its cookie never deleted", async () => {
  const { open, cookie, store, sessions } = await started();
  const handle = (await sessions.find(cookie.split("=")[1]!))!.handle;
  const found = await store.load(handle);
  assert.ok(found.status === "live");
  await store.save({ ...found.record, data: "q9:from the future", version: "v" }, found.record.version);
  const reader = open({ cookie });
  assert.deepEqual(await reader.session.load(), {});
  assert.deepEqual((await reader.respond()).setCookie, []);
  const writer = open({ cookie });
  (await writer.session.load()).count = 9;
  await assert.rejects(writer.respond(), { code: "ERR_SESSION_UNREADABLE", status: 503 });
  await assert.rejects(open({ cookie }).session.login("ada"), { code: "ERR_SESSION_UNREADABLE" });
  assert.deepEqual(await store.load(handle), {
    status: "live",
    record: { ...found.record, data: "q9:from the future", version: "v" },
  });
  await store.save({ ...found.record, version: "w" }, "v");
  assert.equal((await open({ cookie }).session.load()).count, 1, "a rollback restores it");
});

test('onUnreadable "error" fails the load with 503', async () => {
  const { open, cookie, store, sessions } = await started({ onUnreadable: "error" });
  const handle = (await sessions.find(cookie.split("=")[1]!))!.handle;
  const found = await store.load(handle);
  assert.ok(found.status === "live");
  await store.save({ ...found.record, data: "", version: "v" }, found.record.version);
  await assert.rejects(open({ cookie }).session.load(), { code: "ERR_SESSION_UNREADABLE" });
});

test("contention ends at a deadline with an error, never with a loss", async () => {
  const inner = memoryStore();
  const elsewhere = world({ store: inner });
  let meddling = false;
  const store: SessionStore = {
    ...inner,
    async save(record, version) {
      if (meddling) await elsewhere.open({ cookie: cookie! }).session.update(plus);
      return inner.save(record, version);
    },
  };
  const clock = fakeClock(undefined, { sleep: "advance" });
  const { request, open } = world({ store, clock });
  const { cookie } = await request({ handle: async (s) => void ((await s.load()).count = 0) });
  meddling = true;
  const before = clock.now();
  await assert.rejects(
    open({ cookie }).session.update((d) => void (d.name = "x")),
    { code: "ERR_SESSION_CONTENTION" },
  );
  assert.ok(clock.now() - before >= 5000);
  meddling = false;
  assert.equal((await open({ cookie }).session.load()).name, undefined);
});

test("a store without rotate gets it from create, conditional retire and compensation", async () => {
  const { rotate, ...inner } = memoryStore();
  void rotate;
  const store = inner as SessionStore;
  const { request, open } = world({ store });
  const { cookie } = await request({ handle: async (s) => void ((await s.load()).count = 1) });
  const [one, two] = [open({ cookie }), open({ cookie })];
  await one.session.cycleId();
  await two.session.cycleId();
  await request({ cookie, handle: async (s) => void ((await s.load()).name = "between") });
  const turned = await one.respond();
  await assert.rejects(two.respond(), { code: "ERR_SESSION_GONE", reason: "rotated" });
  assert.deepEqual(await open({ cookie: turned.cookie }).session.load(), { count: 1, name: "between" });
  assert.deepEqual(await open({ cookie }).session.load(), {});
  assert.equal((await store.list!({ limit: 10 })).length, 1, "no second descendant");
});

test("a client that went away: an existing session is committed, a new one is not created", async () => {
  const { open, cookie, count, store } = await started();
  const existing = open({ cookie });
  (await existing.session.load()).count = 2;
  await existing.respond(200, { aborted: true });
  assert.equal(await count(), 2);
  const fresh = open();
  (await fresh.session.load()).count = 1;
  assert.deepEqual((await fresh.respond(200, { aborted: true })).setCookie, []);
  assert.equal((await store.list!({ limit: 10 })).length, 1);
});

test("after the headers left, what needs a cookie throws before it touches the store; an existing session goes on", async () => {
  const { open, cookie, count, store } = await started();
  const fresh = open();
  await fresh.respond();
  await assert.rejects(fresh.session.update(plus), { code: "ERR_SESSION_HEADERS_SENT" });
  await assert.rejects(fresh.session.save(), { code: "ERR_SESSION_HEADERS_SENT" });
  await assert.rejects(fresh.session.login("ada"), { code: "ERR_SESSION_HEADERS_SENT" });
  assert.equal((await store.list!({ limit: 10 })).length, 1);
  const existing = open({ cookie });
  await existing.respond();
  assert.equal(await existing.session.update(plus), 2);
  await assert.rejects(existing.session.cycleId(), { code: "ERR_SESSION_HEADERS_SENT" });
  assert.equal(await count(), 2);
});

test("a store that does not answer in time is an error: for a read surely nothing, for a write unknown", async () => {
  const inner = memoryStore();
  const hung = new Set<string>();
  const store: SessionStore = {
    ...inner,
    load: (handle) => (hung.has("load") ? new Promise(() => undefined) : inner.load(handle)),
    save: (record, version) => (hung.has("save") ? new Promise(() => undefined) : inner.save(record, version)),
  };
  const { request, open } = world({ store, storeTimeoutSeconds: 0.02 });
  const { cookie } = await request({ handle: async (s) => void ((await s.load()).count = 1) });
  hung.add("save");
  await assert.rejects(open({ cookie }).session.update(plus), { code: "ERR_SESSION_OUTCOME_UNKNOWN" });
  hung.add("load");
  await assert.rejects(open({ cookie }).session.load(), { code: "ERR_SESSION_STORE", applied: "no", retryAfterSeconds: 1 });
});

test("a store that failed five times in a row is given a rest; then one call goes ahead and decides", async () => {
  let asked = 0;
  let down = true;
  const inner = memoryStore();
  const store: SessionStore = {
    ...inner,
    load(handle) {
      asked++;
      if (down) throw new Error("connection refused");
      return inner.load(handle);
    },
  };
  const { open, clock } = world({ store });
  const cookie = `__Host-sid=${"A".repeat(32)}`;
  const load = () => open({ cookie }).session.load();
  for (let n = 0; n < 8; n++) await assert.rejects(load(), { code: "ERR_SESSION_STORE" });
  assert.equal(asked, 5);
  clock.advance(2000);
  await assert.rejects(load(), { code: "ERR_SESSION_STORE" });
  await assert.rejects(load(), { code: "ERR_SESSION_STORE", retryAfterSeconds: 2 });
  assert.equal(asked, 6);
  down = false;
  clock.advance(2000);
  assert.deepEqual(await load(), {});
  assert.deepEqual(await load(), {});
  assert.equal(asked, 8);
});
