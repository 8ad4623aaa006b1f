import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { test } from "node:test";
import type { SessionEventName } from "../../src/core/events.ts";
import { world } from "./support.ts";

function heard(name: SessionEventName, run: () => Promise<unknown>): Promise<unknown[]> {
  const events: unknown[] = [];
  const listener = (event: unknown) => void events.push(event);
  subscribe(`sojourn:${name}`, listener);
  return run()
    .finally(() => unsubscribe(`sojourn:${name}`, listener))
    .then(() => events);
}

const start = (s: { load(): Promise<{ count?: number }> }) => s.load().then((data) => void (data.count = 1));

test("the cookie is __Host-, HttpOnly, Secure and SameSite=Lax by default", async () => {
  const { request } = world();
  const { setCookie } = await request({ handle: start });
  assert.match(setCookie[0]!, /^__Host-sid=[A-Za-z0-9_-]{32}; Path=\/; Max-Age=1209600; HttpOnly; Secure; SameSite=Lax$/);
});

test("a shared parent domain, SameSite=None and Partitioned are options", async () => {
  const shared = await world({ cookie: { domain: "example.com", path: "/app" } }).request({ handle: start });
  assert.match(
    shared.setCookie[0]!,
    /^sid=[^;]+; Path=\/app; Domain=example.com; Max-Age=\d+; HttpOnly; Secure; SameSite=Lax$/,
  );
  const embedded = await world({ cookie: { sameSite: "none", partitioned: true } }).request({ handle: start });
  assert.match(embedded.setCookie[0]!, /; SameSite=None; Partitioned$/);
});

test("deleting a cookie repeats its path and domain", async () => {
  const { request } = world({ cookie: { domain: "example.com", path: "/app" } });
  const first = await request({ handle: start });
  const over = await request({ cookie: first.cookie, handle: (s) => s.flush() });
  assert.match(over.setCookie[0]!, /^sid=; Path=\/app; Domain=example.com; Max-Age=0; /);
});

test("two differing cookies of one name are nobody's, and an event says so; equal ones are one", async () => {
  const { request, open } = world({ cookie: { domain: "example.com" } });
  const [one, two] = [await request({ handle: start }), await request({ handle: start })];
  const events = await heard("duplicateCookie", async () => {
    const { session } = open({ cookie: `${one.cookie}; ${two.cookie}` });
    assert.deepEqual(await session.load(), {});
  });
  assert.equal(events.length, 1);
  assert.deepEqual(await open({ cookie: `${one.cookie}; ${one.cookie}` }).session.load(), { count: 1 });
});

test("behind a shared domain, a host-only twin that hides the session is deleted when a new one is set", async () => {
  const { request } = world({ cookie: { domain: "example.com" } });
  const [one, two] = [await request({ handle: start }), await request({ handle: start })];
  const login = await request({ cookie: `${one.cookie}; ${two.cookie}`, handle: (s) => s.login("ada") });
  assert.equal(login.setCookie.length, 2);
  assert.match(login.setCookie[1]!, /^sid=; Path=\/; Max-Age=0/);
  assert.doesNotMatch(login.setCookie[1]!, /Domain/);
});

test("a renamed cookie is read under its old name, and moves to the new one", async () => {
  const old = world({ cookie: { name: "old" } });
  const first = await old.request({ handle: start });
  const renamed = world({ cookie: { readAlso: ["old"] }, store: old.store });
  const reply = await renamed.request({
    cookie: first.cookie,
    handle: async (s) => assert.equal((await s.load()).count, 1),
  });
  assert.match(reply.setCookie[0]!, /^__Host-sid=/);
  assert.match(reply.setCookie[1]!, /^old=;.*Max-Age=0/);
  assert.match(reply.cookie!, /^__Host-sid=/);
  await renamed.request({ cookie: reply.cookie, handle: async (s) => assert.equal((await s.load()).count, 1) });
});

test("logging out ends the session under both names", async () => {
  const renamed = world({ cookie: { readAlso: ["old"] } });
  const first = await renamed.request({ handle: start });
  const reply = await renamed.request({ cookie: `${first.cookie}; old=${"A".repeat(32)}`, handle: (s) => s.flush() });
  assert.equal(reply.cookie, undefined);
});

test("a header can carry the id in place of a cookie", async () => {
  const { request } = world({ header: { name: "Authorization", scheme: "Bearer" } });
  const first = await request({ handle: start });
  const id = first.header("x-session-id")!;
  assert.match(id, /^[A-Za-z0-9_-]{32}$/);
  assert.deepEqual([first.setCookie, first.header("vary")], [[], "authorization"]);
  const headers = { authorization: `bearer ${id}` };
  await request({ headers, handle: async (s) => assert.equal((await s.load()).count, 1) });
  await request({ headers: { authorization: `Basic ${id}` }, handle: async (s) => assert.deepEqual(await s.load(), {}) });
  const turned = await request({ headers, handle: (s) => s.login("ada") });
  assert.notEqual(turned.header("x-session-id"), id);
  const over = await request({
    headers: { authorization: `Bearer ${turned.header("x-session-id")}` },
    handle: (s) => s.logout(),
  });
  assert.equal(over.header("x-session-id"), "");
});

test("a Secure cookie about to leave over plain http is an event with the fix", async () => {
  const { request } = world();
  const events = await heard("insecure", () => request({ secure: false, handle: start }));
  assert.match((events[0] as { fix: string }).fix, /https|proxy/);
  assert.deepEqual(await heard("insecure", () => request({ secure: true, handle: start })), []);
});

test("Vary is merged with what the handler set, and a handler's Cache-Control stays", async () => {
  const { request } = world();
  const vary = async (given: Record<string, string>) =>
    (await request({ responseHeaders: given, handle: (s) => s.load() })).set;
  assert.deepEqual(await vary({ vary: "Accept, cookie" }), [
    ["Vary", "Accept, cookie"],
    ["Cache-Control", "private, no-store"],
  ]);
  assert.deepEqual(await vary({ vary: "*", "cache-control": "private" }), [["Vary", "*"]]);
  assert.deepEqual(await vary({ vary: "Accept", "cache-control": "x" }), [["Vary", "Accept, Cookie"]]);
});

test("a malformed id is nobody's and costs nothing; its cookie is deleted when the session is asked for", async () => {
  const { request } = world();
  for (const bad of [
    "",
    "short",
    "A".repeat(33),
    "../../etc/passwd",
    "a\u0000".repeat(16),
    "é".repeat(32),
    "%41".repeat(16),
  ]) {
    assert.deepEqual((await request({ cookie: `__Host-sid=${bad}` })).setCookie, [], "nobody asked");
    const reply = await request({ cookie: `__Host-sid=${bad}`, handle: (session) => session.load() });
    assert.equal(reply.cookie, undefined, bad);
    assert.match(reply.setCookie[0]!, /Max-Age=0/);
  }
});

test("several sessions in one app live under different names, and the same name twice is refused", async () => {
  const { processRequest } = await import("../../src/middleware/exchange.ts");
  const [one, two, three] = [world(), world({ cookie: { name: "other" } }), world()];
  const carrier = {};
  const ask = { method: "GET", secure: true, header: () => undefined };
  const first = processRequest(one.sessions, ask, carrier);
  assert.notEqual(processRequest(two.sessions, ask, carrier), first);
  assert.equal(processRequest(one.sessions, ask, carrier), first, "mounted twice is one");
  assert.throws(() => processRequest(three.sessions, ask, carrier), { code: "ERR_SESSION_CONFIG" });
});

test("a second application finds its session on a request that was frozen after the first had attached its own", async () => {
  const { processRequest } = await import("../../src/middleware/exchange.ts");
  const [one, two] = [world({ cookie: { name: "one" } }), world({ cookie: { name: "two" } })];
  const ask = { method: "GET", secure: true, header: () => undefined };
  const carrier = {};
  const first = processRequest(one.sessions, ask, carrier);
  Object.freeze(carrier);
  const second = processRequest(two.sessions, ask, carrier);
  assert.equal(one.sessions.of(carrier), first);
  assert.equal(two.sessions.of(carrier), second);
});

test("neither id, handle, user nor data is in an event, an error, or what a session prints", async () => {
  const { inspect } = await import("node:util");
  const { SESSION_EVENTS } = await import("../../src/core/events.ts");
  const seen: string[] = [];
  const listener = (event: unknown) => void seen.push(inspect(event, { depth: 9, showHidden: true }));
  for (const name of SESSION_EVENTS) subscribe(`sojourn:${name}`, listener);
  const { request, open, sessions, store } = world();
  const secret = "the-secret-value";
  const first = await request({
    handle: async (s) => (await s.login("user-secret"), void ((await s.load()).name = secret)),
  });
  const { session } = open({ cookie: first.cookie });
  await session.load();
  seen.push(
    inspect(session, { depth: 9, showHidden: true }),
    JSON.stringify(session),
    String(session),
    inspect(sessions, { depth: 9 }).slice(0, 0),
  );
  const caught = async (run: () => Promise<unknown>) => {
    await run().catch((error: unknown) => seen.push(inspect(error, { depth: 9, showHidden: true })));
  };
  await caught(async () => session.update((d) => (d[secret] = () => secret)));
  await caught(async () => session.update((d) => (d.name = secret.repeat(200_000))));
  const found = await store.load(session.handle!);
  assert.ok(found.status === "live");
  await store.save({ ...found.record, data: `j1:{"name":"${secret}"`, version: "v" }, found.record.version);
  await caught(() => sessions.find(session.handle!));
  await caught(() => session.update((d) => (d.count = 1)));
  await caught(() => sessions.find(secret));
  await request({ cookie: first.cookie, handle: (s) => s.logout() });
  await caught(() => session.update((d) => (d.count = 1)));
  for (const name of SESSION_EVENTS) unsubscribe(`sojourn:${name}`, listener);
  assert.ok(seen.length > 10);
  const all = seen.join("\n");
  for (const word of [secret, "user-secret", first.session.id ?? first.cookie!.split("=")[1]!, session.handle!]) {
    assert.ok(!all.includes(word), all.slice(Math.max(0, all.indexOf(word) - 400), all.indexOf(word) + 100));
  }
});
