import assert from "node:assert/strict";
import { test } from "node:test";
import { isSessionError } from "../../src/core/errors.ts";
import type { Session } from "../../src/core/session.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { later } from "./later.ts";
import { counting, type Visit, world, type World } from "./support.ts";

async function costWorld(options = {}): Promise<World & ReturnType<typeof counting> & { cookie: string }> {
  const counted = counting(memoryStore());
  const made = world({ store: counted.store, ...options });
  const first = await made.request({ handle: async (session) => void ((await session.load()).count = 1) });
  // The cookie came back once, so that the first lifetime is over.
  await made.request({ cookie: first.cookie, handle: (session) => session.load() });
  counted.reset();
  return { ...made, ...counted, store: counted.store, cookie: first.cookie! };
}

test("no cookie, a malformed id, or a session that is never asked for costs no round trip", async () => {
  const { request, trips, cookie } = await costWorld();
  const plain = await request();
  assert.deepEqual([plain.setCookie, plain.set], [[], []]);
  await request({ handle: (session) => session.load() });
  await request({ cookie: "__Host-sid=short", handle: (session) => session.load() });
  const untouched = await request({ cookie });
  assert.deepEqual([untouched.setCookie, untouched.set], [[], []]);
  assert.equal(trips(), 0);
});

test("a new visitor's first write costs 1 round trip", async () => {
  const { request, trips } = await costWorld();
  await request({ handle: async (session) => void ((await session.load()).count = 1) });
  assert.equal(trips(), 1);
});

test("a read costs 1 round trip, the user's epoch included", async () => {
  const { request, trips, cookie, reset } = await costWorld();
  await request({ cookie, handle: (session) => session.load() });
  assert.equal(trips(), 1);
  const login = await request({ cookie, handle: (session) => session.login("ada") });
  reset();
  await request({ cookie: login.cookie, handle: (session) => session.load() });
  assert.equal(trips(), 1);
});

test("a read with the idle refresh due costs at most 2 round trips", async () => {
  const { request, verbs, cookie, clock } = await costWorld();
  clock.advance(3 * 86_400_000);
  const reply = await request({ cookie, handle: (session) => session.load() });
  assert.deepEqual(verbs(), ["load", "touch"]);
  assert.equal(reply.setCookie.length, 1);
});

test("a read and change without a race costs 2 round trips", async () => {
  const { request, verbs, cookie } = await costWorld();
  await request({ cookie, handle: async (session) => void ((await session.load()).count = 2) });
  assert.deepEqual(verbs(), ["load", "save"]);
});

test("update() costs 2 round trips without a loaded session, 1 with", async () => {
  const { open, verbs, reset, cookie } = await costWorld();
  const { session } = open({ cookie });
  await session.update((data) => (data.count = 7));
  assert.deepEqual(verbs(), ["load", "save"]);
  reset();
  await session.update((data) => (data.count = 8));
  assert.deepEqual(verbs(), ["save"]);
});

test("a login costs at most 3 round trips, a logout 1", async () => {
  const { request, trips, reset, cookie, verbs } = await costWorld();
  const login = await request({ cookie, handle: (session) => session.login("ada") });
  assert.ok(trips() <= 3, verbs().join());
  reset();
  await request({ cookie: login.cookie, handle: (session) => session.logout() });
  assert.deepEqual(verbs(), ["retire"]);
});

test("updates of one session at once cost 1 load and 1 save each, in one process", async () => {
  const { store: engine, cookie } = await costWorld();
  const reached = later(engine);
  const counted = counting(reached);
  const { request } = world({ store: counted.store });
  const handle = (session: Session<Visit>) => session.update((data) => (data.count = (data.count ?? 0) + 1));
  await Promise.all(Array.from({ length: 10 }, () => request({ cookie, handle })));
  assert.deepEqual(counted.verbs().toSorted(), [...Array(10).fill("load"), ...Array(10).fill("save")]);
  await request({ cookie, handle: async (session) => assert.equal((await session.load()).count, 11) });
});

test("who waits behind a change of the user or the id meets it in the store", async () => {
  const { store: engine, cookie } = await costWorld();
  const { request } = world({ store: later(engine) });
  const handle = (session: Session<Visit>) => session.update((data) => (data.count = (data.count ?? 0) + 1));
  const outcomes = await Promise.allSettled([
    request({ cookie, handle }),
    request({ cookie, handle: (session) => session.login("ada") }),
    request({ cookie, handle }),
    request({ cookie, handle }),
  ]);
  const [, login, ...others] = outcomes;
  assert.equal(login?.status, "fulfilled");
  for (const other of others) assert.ok(other.status === "fulfilled" || isSessionError(other.reason, "ERR_SESSION_GONE"));
  const stored = outcomes.filter(({ status }) => status === "fulfilled").length - 1;
  const after = login.value.cookie;
  const seen = await request({ cookie: after, handle: (session) => session.load() });
  assert.ok((seen.session.data.count ?? 0) <= 1 + stored);
  assert.equal(seen.session.userId, "ada");
});
