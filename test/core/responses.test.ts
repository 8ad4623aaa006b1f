import assert from "node:assert/strict";
import { test } from "node:test";
import { fetchSession } from "../../src/adapters/fetch.ts";
import type { SessionsOptions } from "../../src/core/options.ts";
import { createApp } from "../../src/middleware/app.ts";
import { type MemoryStore, memoryStore } from "../../src/stores/memory.ts";
import { type Visit, world } from "./support.ts";

async function started(options: SessionsOptions<Visit> = {}) {
  const made = world({ ...options, store: memoryStore() });
  const first = await made.request({ handle: async (s) => void ((await s.load()).count = 1) });
  const cookie = first.cookie!;
  await made.request({ cookie, handle: (s) => s.load() });
  return { ...made, cookie };
}

const flash = async (made: Awaited<ReturnType<typeof started>>) => {
  await made.request({ cookie: made.cookie, handle: (s) => s.flash.add("message") });
  return async () => {
    const { session } = made.open({ cookie: made.cookie });
    await session.load();
    return session.flash.peek().map(({ message }) => message);
  };
};

test("a 500 after flash.take stores nothing that was pending, and logs nobody in", async () => {
  const made = await started();
  await flash(made);
  const reply = await made.request({
    cookie: made.cookie,
    status: 500,
    handle: async (s) => {
      await s.flash.take();
      (await s.load()).name = "pending";
      await s.login("ada");
    },
  });
  assert.deepEqual(reply.setCookie, []);
  const { session } = made.open({ cookie: made.cookie });
  assert.deepEqual({ ...(await session.load()) }, { count: 1 });
});

test("a 500 after flash.take and logout makes no new session with the old user's messages", async () => {
  const made = await started();
  await flash(made);
  const reply = await made.request({
    cookie: made.cookie,
    status: 500,
    handle: async (s) => {
      await s.flash.take();
      await s.logout();
    },
  });
  assert.equal(reply.cookie, undefined);
});

test("a message that was taken is given back when the commit fails", async () => {
  const made = await started();
  const messages = await flash(made);
  const { session, respond } = made.open({ cookie: made.cookie });
  await session.flash.take();
  (await session.load())["bad"] = () => undefined;
  await assert.rejects(respond(), { code: "ERR_SESSION_DATA" });
  assert.deepEqual(await messages(), ["message"]);
});

test("a message that was taken is given back with a 500, whatever the handler left in the data", async () => {
  const made = await started();
  const messages = await flash(made);
  await made.request({
    cookie: made.cookie,
    status: 500,
    handle: async (s) => {
      await s.flash.take();
      (await s.load())["bad"] = () => undefined;
    },
  });
  assert.deepEqual(await messages(), ["message"]);
});

test("a message of a new visitor is taken once", async () => {
  const { request } = world();
  const reply = await request({
    handle: async (s) => {
      await s.flash.add("message");
      assert.equal((await s.flash.take()).length, 1);
      assert.equal((await s.flash.take()).length, 0);
    },
  });
  assert.deepEqual(reply.setCookie, []);
});

test("a late read of a session that moves to a new cookie name undoes no login", async () => {
  const store = memoryStore();
  const old = world({ store, cookie: { name: "old", secure: false } });
  const { cookie } = await old.request({ handle: async (s) => void ((await s.load()).count = 1) });
  await old.request({ cookie, handle: (s) => s.load() });
  const made = world({ store, clock: old.clock, cookie: { name: "new", secure: false, readAlso: ["old"] } });
  const late = made.open({ cookie });
  await late.session.load();
  await made.request({ cookie, handle: (s) => s.login("ada") });
  assert.deepEqual((await late.respond()).setCookie, []);
});

test("a late write that is dropped undoes no login, though an update of its request moved the deadline", async () => {
  const { open, request, clock, cookie } = await started({ onGone: "drop" });
  clock.advance(5 * 86_400_000);
  const late = open({ cookie });
  await late.session.update((visit) => void (visit.count = 2));
  await request({ cookie, handle: (s) => s.login("ada") });
  (await late.session.load()).name = "late";
  assert.deepEqual((await late.respond()).setCookie, []);
});

test("a cookie is not sent for a session that was ended after it got its new id", async () => {
  const { open, request, cookie } = await started();
  const login = open({ cookie });
  await login.session.login("ada");
  await login.session.save();
  await request({ cookie, handle: (s) => s.logout() });
  assert.deepEqual((await login.respond()).setCookie, []);
});

test("the cookie follows a setExpiry that was saved, also where the deadline stays the same", async () => {
  const { request, cookie } = await started({ idleSeconds: 1000, absoluteSeconds: 1000 });
  const reply = await request({
    cookie,
    handle: async (s) => {
      await s.load();
      s.setExpiry(0);
      await s.save();
    },
  });
  assert.equal(reply.setCookie.length, 1);
});

test("a visitor whose new id was final keeps the session when a fetch handler throws", async () => {
  const { sessions, open, cookie } = await started();
  const handler = fetchSession(sessions, async (_request, session) => {
    await session.login("ada");
    await session.save();
    throw new Error("broken");
  });
  const answer = await handler(new Request("https://site.test/", { headers: { cookie } })).catch(() => undefined);
  const sent = answer?.headers.getSetCookie()[0]?.split(";")[0];
  const { session } = open({ cookie: sent ?? cookie });
  await session.load();
  assert.equal(session.userId, "ada");
});

const appOf = ({ sessions }: ReturnType<typeof world>, answer: () => Response) =>
  createApp({
    sessions,
    view: async (request) => {
      (await sessions.of(request).load()).count = 1;
      return answer();
    },
  });

test("an app of middleware makes no session for a client that has gone", async () => {
  const made = world({ store: memoryStore() });
  await appOf(made, () => new Response("x"))(new Request("https://site.test/", { signal: AbortSignal.abort() }));
  assert.equal((made.store as MemoryStore).size, 0);
});

test("an app of middleware makes no session for Response.error()", async () => {
  const made = world({ store: memoryStore() });
  await appOf(made, () => Response.error())(new Request("https://site.test/"));
  assert.equal((made.store as MemoryStore).size, 0);
});
