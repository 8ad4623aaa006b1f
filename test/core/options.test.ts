import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { createSessions, jsonCodec, memoryStore, storeFromUrl, sum } from "../../src/index.ts";
import { cookieStore } from "../../src/stores/cookie.ts";
import { world } from "./support.ts";
import * as z from "zod";
import * as v from "valibot";

const fresh = () => memoryStore();
const KEY = createHash("sha256").update("test key").digest("base64url");

test("what cannot work is refused when it is configured, naming the option", () => {
  const wrong: [object, RegExp][] = [
    [{ idle: 5 }, /no option `idle`/],
    [{ cookie: { httponly: true } }, /no option `cookie.httponly`/],
    [{ idleSeconds: 0 }, /`idleSeconds`/],
    [{ idleSeconds: "60" }, /`idleSeconds`/],
    [{ idleSeconds: Number.NaN }, /`idleSeconds`/],
    [{ absoluteSeconds: 60 }, /shorter than `idleSeconds`/],
    [{ refreshSeconds: 1_209_600 }, /`refreshSeconds`/],
    [{ load: "eager" }, /`load`/],
    [{ onGone: "ignore" }, /`onGone`/],
    [{ saveEveryRequest: "yes" }, /`saveEveryRequest`/],
    [{ merge: { count: "sum" } }, /merge of `count`/],
    [{ together: [["a"]] }, /two keys/],
    [
      {
        together: [
          ["a", "b"],
          ["b", "c"],
        ],
      },
      /two groups/,
    ],
    [{ cookie: { name: "a b" } }, /name/],
    [{ cookie: { name: "__Host-x", domain: "example.com" } }, /__Host-/],
    [{ cookie: { name: "__Host-x", secure: false } }, /__Host-/],
    [{ cookie: { sameSite: "none", secure: false } }, /sameSite/i],
    [{ cookie: { path: "/a;b" } }, /path/],
    [{ cookie: { readAlso: ["__Host-sid"] } }, /readAlso/],
    [{ header: { name: "x y" } }, /header/],
  ];
  for (const [options, message] of wrong) {
    assert.throws(
      () => createSessions({ store: fresh(), ...options }),
      { code: "ERR_SESSION_CONFIG", message },
      JSON.stringify(options),
    );
  }
});

test("an option that is undefined is the default", () => {
  const { options } = createSessions({ store: fresh(), idleSeconds: undefined, cookie: undefined });
  assert.deepEqual([options.idleSeconds, options.absoluteSeconds, options.firstSeconds], [1_209_600, 2_592_000, 3600]);
});

test("options are copied and frozen", () => {
  const given = { store: fresh(), cookie: { name: "one" }, merge: { count: sum } };
  const { options } = createSessions<{ count: number }>(given);
  given.cookie.name = "two";
  assert.equal(options.cookieName, "one");
  assert.throws(() => void ((options as { idleSeconds: number }).idleSeconds = 1), TypeError);
});

test("a cookie store refuses what needs shared state", async () => {
  const stateless = cookieStore({ keys: KEY });
  assert.throws(() => createSessions<{ count: number }>({ store: stateless, merge: { count: sum } }), {
    code: "ERR_SESSION_CONFIG",
  });
  assert.throws(() => createSessions({ store: stateless, header: { name: "x-id" } }), { code: "ERR_SESSION_CONFIG" });
  const sessions = createSessions({ store: stateless });
  for (const call of [
    () => sessions.ofUser("ada"),
    () => sessions.revokeUser("ada"),
    () => sessions.revoke("A".repeat(32)),
    () => sessions.clearExpired(),
  ]) {
    await assert.rejects(call(), { code: "ERR_SESSION_UNSUPPORTED" });
  }
});

test("a store is chosen by URL, and a URL that names none is refused", () => {
  assert.equal(storeFromUrl("memory:").name, "memory");
  assert.equal(storeFromUrl("cookie:", { SOJOURN_KEYS: KEY }).name, "cookie");
  for (const url of ["", "redis", "nothing:x", "sqlite:", "file:", "cookie:"]) {
    assert.throws(() => storeFromUrl(url, {}), { code: "ERR_SESSION_CONFIG" }, url);
  }
});

test("data that cannot be stored is a clear error, and nothing is stored or lost", async () => {
  const { request, open } = world();
  const { cookie } = await request({ handle: async (s) => void ((await s.load()).count = 1) });
  const cyclic: Record<string, unknown> = {};
  cyclic["self"] = cyclic;
  let deep: unknown = 1;
  for (let level = 0; level < 10_000; level++) deep = { deep };
  for (const bad of [
    cyclic,
    deep,
    () => 1,
    Symbol("x"),
    10n,
    Number.NaN,
    Infinity,
    new Date(0),
    new Map(),
    [undefined],
    Object.create({ x: 1 }),
  ]) {
    const { session, respond } = open({ cookie });
    (await session.load())["bad"] = bad;
    await assert.rejects(respond(), { code: "ERR_SESSION_DATA" });
    await assert.rejects(
      session.update((d) => void (d["bad"] = bad)),
      { code: "ERR_SESSION_DATA" },
    );
  }
  const { session, respond } = open({ cookie });
  (await session.load())["_"] = 1;
  await assert.rejects(respond(), { code: "ERR_SESSION_DATA" });
  assert.deepEqual(await open({ cookie }).session.load(), { count: 1 });
});

test("hostile keys are data, also where they merge, and touch no prototype", async () => {
  const { request, open } = world();
  const hostile = JSON.parse(
    '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":2}},"a b":{"\\u0000":"\\ud83d"}}',
  ) as object;
  const { cookie } = await request({
    handle: async (s) => {
      const data = await s.load();
      for (const key of Object.keys(hostile)) s.set(key, (hostile as Record<string, unknown>)[key]);
      assert.equal(Object.getPrototypeOf(data), Object.prototype);
    },
  });
  const [one, two] = [open({ cookie }), open({ cookie })];
  (await one.session.load()).count = 1;
  (await two.session.load()).name = "x";
  await one.respond();
  await two.respond();
  const data = await open({ cookie }).session.load();
  assert.deepEqual(Object.keys(data).toSorted(), ["__proto__", "a b", "constructor", "count", "name"]);
  assert.equal(Object.getPrototypeOf(data), Object.prototype);
  assert.equal(({} as { polluted?: number }).polluted, undefined);
});

test("a session beyond maxBytes is refused, one of 1 MB is not", async () => {
  const { request, open } = world();
  const { cookie } = await request({ handle: async (s) => void ((await s.load()).name = "x".repeat(1_000_000)) });
  assert.equal((await open({ cookie }).session.load()).name!.length, 1_000_000);
  await assert.rejects(
    open({ cookie }).session.update((d) => void (d.name = "x".repeat(3_000_000))),
    { code: "ERR_SESSION_TOO_LARGE" },
  );
});

test("a schema validates and migrates what was loaded, and refuses what would be stored", async () => {
  const plain = world();
  const { cookie } = await plain.request({ handle: async (s) => void Object.assign(await s.load(), { old: "5" }) });
  const schema = z
    .object({ old: z.string().optional(), count: z.number().optional() })
    .transform(({ old, count }) => (old === undefined ? { count } : { count: Number(old) }));
  const typed = world({ store: plain.store, schema: schema as never });
  const { session, respond } = typed.open({ cookie });
  const data = await session.load();
  assert.deepEqual([data, session.modified], [{ count: 5 }, false]);
  data.count = 6;
  await respond();
  assert.deepEqual(await plain.open({ cookie }).session.load(), { count: 6 });
  await assert.rejects(
    typed.open({ cookie }).session.update((d) => void (d.count = "x" as never)),
    { code: "ERR_SESSION_INVALID" },
  );
});

test("a session that does not match its schema is unreadable: kept, not overwritten", async () => {
  const plain = world();
  const { cookie } = await plain.request({ handle: async (s) => void ((await s.load()).count = 1) });
  const typed = world({ store: plain.store, schema: v.object({ count: v.string() }) as never, onUnreadable: "error" });
  await assert.rejects(typed.open({ cookie }).session.load(), { code: "ERR_SESSION_UNREADABLE" });
  assert.deepEqual(await plain.open({ cookie }).session.load(), { count: 1 });
});

test("a merge's result is validated again", async () => {
  const schema = z.object({ count: z.number().max(10).optional(), name: z.string().optional() });
  const { request, open } = world({ schema: schema as never, merge: { count: sum } });
  const { cookie } = await request({ handle: async (s) => void ((await s.load()).count = 0) });
  const [one, two] = [open({ cookie }), open({ cookie })];
  (await one.session.load()).count = 6;
  (await two.session.load()).count = 6;
  await one.respond();
  await assert.rejects(two.respond(), { code: "ERR_SESSION_INVALID" });
  assert.deepEqual(await open({ cookie }).session.load(), { count: 6 });
});

test("load: always loads before the handler", async () => {
  const { sessions } = world({ load: "always" });
  const { processRequest } = await import("../../src/middleware/exchange.ts");
  const opened = processRequest(sessions, { method: "GET", secure: true, header: () => undefined }, {});
  assert.ok(opened instanceof Promise);
  assert.deepEqual((await opened).data, {});
});

test("a codec of one's own choice encodes every record", async () => {
  const { request, store } = world({ codec: jsonCodec({ maxDepth: 3 }) });
  const reply = await request({ handle: async (s) => void ((await s.load()).count = 1) });
  const found = await store.load(reply.session.handle!);
  assert.ok(found.status === "live" && found.record.data === 'j1:{"count":1}');
  await assert.rejects(request({ handle: async (s) => void ((await s.load())["a"] = { b: { c: {} } }) }), {
    code: "ERR_SESSION_DATA",
  });
});
