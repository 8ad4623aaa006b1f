import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import express from "express";
import session, { MemoryStore } from "express-session";
import { expressSession } from "../../src/adapters/express.ts";
import { createSessions } from "../../src/create-sessions.ts";
import { isSessionError } from "../../src/core/errors.ts";
import { handleOf, type SessionId } from "../../src/core/id.ts";
import {
  type ExpressSessionStoreLike,
  expressSessionStore,
  type ExpressSessionStoreOptions,
} from "../../src/stores/express-session.ts";
import { needs } from "../servers/needs.ts";
import { startPostgres, type PostgresServer } from "../servers/postgres.ts";
import { startRedis, type RedisServer } from "../servers/redis.ts";
import { world } from "../core/support.ts";
import { called, connectPg, connectRedis, sessionFiles } from "./bridges/targets.ts";
import { next, outcomeOf, record, tombstone } from "./redis/support.ts";

const HOUR = 3_600_000;
const MONTH = 30 * 24 * HOUR;

test("options that cannot work are refused when the store is made", () => {
  const store = new MemoryStore();
  const wrong: object[] = [
    {},
    { store: {} },
    { store: null },
    { store: { get() {}, set() {} } },
    { store, prefix: "a:" },
    { store, prefix: "a/b" },
    { store, prefix: "x".repeat(61) },
    { store, durable: 1 },
    { store, reach: "none" },
    { store, readBack: "no" },
    { store, endedSeconds: 59 },
    { store, endedSeconds: Infinity },
    { store, slackSeconds: 0 },
    { store, slackSeconds: Number.NaN },
    { store, answerSeconds: 0 },
    { store, answerSeconds: 3601 },
    { store, ttl: 5 },
  ];
  for (const options of wrong) {
    assert.throws(
      () => expressSessionStore(options as ExpressSessionStoreOptions),
      (error) => isSessionError(error, "ERR_SESSION_CONFIG"),
      Object.keys(options).join(),
    );
  }
});

test("what a store is good for is declared: known for express-session's MemoryStore, and else as it is told", () => {
  const like = { get() {}, set() {}, destroy() {} };
  const natureOf = (options: ExpressSessionStoreOptions): unknown => {
    const { reach, durable, compareAndSwap, list, users } = expressSessionStore(options);
    return [reach, durable, compareAndSwap, list, users];
  };
  assert.deepEqual(natureOf({ store: new MemoryStore() }), ["process", false, false, undefined, undefined]);
  assert.deepEqual(natureOf({ store: like }), ["network", true, false, undefined, undefined]);
  const bare = Object.assign(Object.create(null) as object, like);
  assert.deepEqual(natureOf({ store: bare, reach: "machine", durable: false }), [
    "machine",
    false,
    false,
    undefined,
    undefined,
  ]);
});

test("two stores over one express-session store are one as far as races go", async () => {
  const over = new MemoryStore();
  const held: (() => void)[] = [];
  let isHeld = false;
  const set = over.set.bind(over);
  over.set = (...call) => (isHeld ? held.push(() => set(...call)) : set(...call));
  const [first, second] = [expressSessionStore({ store: over }), expressSessionStore({ store: over })];
  const counter = record({ data: "0" });
  await first.create(counter);
  isHeld = true;
  const one = next(counter, { data: "one" });
  const saves = [first.save(one, counter.version), second.save(next(counter, { data: "two" }), counter.version)];
  for (let round = 0; round < 20; round++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(held.length, 1, "the second waits for the first");
  isHeld = false;
  held[0]?.();
  assert.deepEqual(await Promise.all(saves), [{ status: "saved" }, { status: "conflict", record: one }]);
});

test("a lock of one process is to be had, and one of several is refused", async () => {
  const inMemory = world({ store: expressSessionStore({ store: new MemoryStore() }) });
  const { cookie } = await inMemory.request({ handle: async (s) => void ((await s.load()).count = 1) });
  await inMemory.request({ cookie, handle: (s) => s.exclusive((data) => void (data.count = 2)) });
  assert.equal((await inMemory.open({ cookie }).session.load()).count, 2);
  const shared = world({ store: expressSessionStore({ store: new MemoryStore(), reach: "network" }) });
  await assert.rejects(
    () => Promise.resolve(shared.request({ handle: (s) => s.exclusive(() => undefined) })),
    (error) => isSessionError(error, "ERR_SESSION_UNSUPPORTED"),
  );
});

describe("what the store is handed", () => {
  test("a session whose cookie says how long to keep it: a record past its deadline, an end for endedSeconds", async () => {
    const seen: { sid: string; cookie: Record<string, unknown> }[] = [];
    const over = new MemoryStore();
    const set = over.set.bind(over);
    over.set = (sid, value, callback) => {
      seen.push({ sid, cookie: { ...value.cookie } });
      set(sid, value, callback);
    };
    const store = expressSessionStore({ store: over, prefix: "mine_", slackSeconds: 60, endedSeconds: 3600 });
    const live = record({ expiresAt: Date.now() + 5 * HOUR });
    const overdue = record({ expiresAt: Date.now() - 5 * HOUR });
    await store.create(live);
    await store.create(overdue);
    await store.retire(live.handle, tombstone());
    const keeps = [
      [`mine_s-${live.handle}`, 5 * HOUR + 60_000],
      [`mine_s-${overdue.handle}`, 60_000],
      [`mine_e-${live.handle}`, HOUR + 60_000],
    ] as const;
    assert.deepEqual(
      seen.map(({ sid }) => sid),
      keeps.map(([sid]) => sid),
    );
    for (const [index, [, milliseconds]] of keeps.entries()) {
      const { originalMaxAge, maxAge, expires, ...rest } = seen[index]?.cookie ?? {};
      assert.equal(originalMaxAge, maxAge);
      assert.ok(expires instanceof Date);
      assert.ok(Math.abs(Number(maxAge) - milliseconds) < 5000, `${String(maxAge)} ms`);
      assert.ok(Math.abs(expires.getTime() - Date.now() - milliseconds) < 5000);
      assert.deepEqual(rest, { httpOnly: true, path: "/" });
    }
  });

  describe("connect-redis", { skip: needs("redis") }, () => {
    let server: RedisServer;
    before(async () => (server = await startRedis()));
    after(() => server.stop());
    test("Redis removes a record slackSeconds after its deadline, and an end after endedSeconds", async (t) => {
      const { over, end } = await connectRedis(server.port);
      t.after(end);
      const store = expressSessionStore({ store: over });
      const live = record({ expiresAt: Date.now() + 5 * HOUR });
      const left = async (kind: string) =>
        Number((await server.command("PTTL", `app:sojourn-${kind}-${live.handle}`)).slice(1));
      await store.create(live);
      assert.ok(Math.abs((await left("s")) - 6 * HOUR) < 5000);
      await store.touch(live.handle, live.version, live.expiresAt + HOUR);
      assert.ok(Math.abs((await left("s")) - 7 * HOUR) < 5000);
      await store.retire(live.handle, tombstone());
      assert.ok(Math.abs((await left("e")) - MONTH - HOUR) < 5000);
      assert.equal(await server.command("DBSIZE"), ":1\r\n");
    });
  });

  describe("connect-pg-simple", { skip: needs("postgres") }, () => {
    let server: PostgresServer;
    before(async () => (server = await startPostgres()));
    after(() => server.stop());
    test("its own sweep removes a record slackSeconds after its deadline, and not before", async (t) => {
      const { over, end } = connectPg(server.url);
      t.after(end);
      const store = expressSessionStore({ store: over });
      const prune = () =>
        called((callback) => (over as unknown as { pruneSessions(fn: typeof callback): void }).pruneSessions(callback));
      const [fresh, old] = [record({ expiresAt: Date.now() - 1000 }), record()];
      await store.create(fresh);
      await store.create(old);
      await prune();
      assert.equal((await store.load(fresh.handle)).status, "live");
      const stored = (await called((callback) => over.get(`sojourn-s-${old.handle}`, callback))) as object;
      const cookie = { originalMaxAge: 1, maxAge: 1, expires: new Date(Date.now() - 2000) };
      await called((callback) => over.set(`sojourn-s-${old.handle}`, { ...stored, cookie }, callback));
      await prune();
      assert.equal((await store.load(old.handle)).status, "missing");
    });
  });

  test("session-file-store's ids are file names, and nothing but the record and the end is left", async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "sojourn-bridge-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const { over } = sessionFiles(folder);
    const store = expressSessionStore({ store: over });
    const [one, two] = [record(), record()];
    for (const each of [one, two]) await store.create(each);
    await store.retire(one.handle, tombstone());
    const names = [`sojourn-e-${one.handle}.json`, `sojourn-s-${two.handle}.json`];
    assert.deepEqual(readdirSync(folder).toSorted(), names.toSorted());
  });
});

describe("a store that misbehaves", () => {
  const tamper = (change: Partial<ExpressSessionStoreLike>): { over: MemoryStore; store: ExpressSessionStoreLike } => {
    const over = new MemoryStore();
    const store: ExpressSessionStoreLike = {
      get: (sid, callback) => over.get(sid, callback),
      set: (sid, value, callback) => over.set(sid, value as session.SessionData, callback),
      destroy: (sid, callback) => over.destroy(sid, callback),
      ...change,
    };
    return { over, store };
  };
  const never = (): void => {};

  test("may call back at once, twice, with nothing, and after an error", async () => {
    const values = new Map<string, object>();
    const store = expressSessionStore({
      store: {
        get(sid, callback) {
          callback(null, values.get(sid) ?? "");
          callback(new Error("late"));
          callback();
        },
        set(sid, value, callback) {
          values.set(sid, structuredClone(value));
          callback("");
          callback(new Error("late"));
        },
        destroy(sid, callback) {
          values.delete(sid);
          callback(undefined);
          callback(null, "again");
        },
      },
    });
    const one = record();
    assert.equal(await outcomeOf(() => store.create(one)), "created");
    assert.deepEqual(await store.load(one.handle), { status: "live", record: one });
    assert.equal(await outcomeOf(() => store.save(next(one), one.version)), "saved");
    assert.equal(await outcomeOf(() => store.retire(one.handle, tombstone())), "retired");
    assert.equal(await outcomeOf(() => store.load(one.handle)), "retired");
  });

  test("fails in each way that a store can: a read stored nothing, and of a write nobody knows", async () => {
    const trouble = new Error("trouble");
    const failures: Record<string, (callback: (error?: unknown) => void) => unknown> = {
      "calls back with an error": (callback) => callback(trouble),
      "calls back later": (callback) => setImmediate(callback, trouble),
      throws: () => {
        throw trouble;
      },
      "rejects the promise that it gives": () => Promise.reject(trouble),
      "calls back with text": (callback) => callback("trouble"),
    };
    for (const [what, fail] of Object.entries(failures)) {
      const one = record();
      const reading = expressSessionStore({ store: tamper({ get: (_sid, callback) => fail(callback) }).store });
      for (const call of [
        () => reading.load(one.handle),
        () => reading.create(one),
        () => reading.save(one, "v"),
        () => reading.touch(one.handle, "v", 1),
        () => reading.retire(one.handle, tombstone()),
      ]) {
        assert.equal(await outcomeOf(call), "ERR_SESSION_STORE no", what);
      }
      const writing = expressSessionStore({ store: tamper({ set: (_sid, _value, callback) => fail(callback) }).store });
      assert.equal(await outcomeOf(() => writing.create(one)), "driver error", what);
    }
  });

  test("a file that is not there is nothing, as for express-session", async () => {
    const missing = Object.assign(new Error("no such file"), { code: "ENOENT" });
    const { store } = tamper({ get: (_sid, callback) => callback(missing) });
    assert.deepEqual(await expressSessionStore({ store }).load(record().handle), { status: "missing" });
  });

  test("never calls back: the call ends in time, and nobody after it is kept waiting", async () => {
    const one = record();
    let hangs: "get" | "set" | undefined;
    const { over, store } = tamper({
      get: (sid, callback) => (hangs === "get" ? never() : over.get(sid, callback)),
      set: (sid, value, callback) => (hangs === "set" ? never() : over.set(sid, value as session.SessionData, callback)),
    });
    const bridge = expressSessionStore({ store, answerSeconds: 0.05 });
    await bridge.create(one);
    for (const [verb, outcome] of [
      ["get", "ERR_SESSION_STORE no"],
      ["set", "ERR_SESSION_STORE unknown"],
    ] as const) {
      hangs = verb;
      const calls = Array.from({ length: 20 }, () => outcomeOf(() => bridge.save(next(one), one.version)));
      const started = performance.now();
      const outcomes = await Promise.all(calls);
      assert.ok(performance.now() - started < 1000);
      assert.equal(outcomes[0], outcome);
      // Most of those that waited had no time left to write anything.
      assert.ok(outcomes.every((each) => each === outcome || each === "ERR_SESSION_STORE no"));
      hangs = undefined;
      assert.equal(await outcomeOf(() => bridge.touch(one.handle, one.version, one.expiresAt + 1)), "touched");
    }
  });

  test("a call that nobody waits for any more ends at once before it wrote, and is done to its end after", async () => {
    const one = record();
    const held: (() => void)[] = [];
    let holds: "get" | "set" | undefined;
    const { over, store } = tamper({
      get: (sid, callback) => (holds === "get" ? held.push(() => over.get(sid, callback)) : over.get(sid, callback)),
      set(sid, value, callback) {
        const set = () => over.set(sid, value as session.SessionData, callback);
        if (holds === "set") held.push(set);
        else set();
      },
    });
    const bridge = expressSessionStore({ store });
    await bridge.create(one);
    const gone = new AbortController();
    holds = "get";
    const reading = outcomeOf(() => bridge.save(next(one), one.version, { signal: gone.signal }));
    const waiting = outcomeOf(() => bridge.save(next(one), one.version, { signal: gone.signal }));
    gone.abort();
    assert.deepEqual(await Promise.all([reading, waiting]), ["ERR_SESSION_STORE no", "ERR_SESSION_STORE no"]);
    assert.equal(await outcomeOf(() => bridge.load(one.handle, { signal: gone.signal })), "ERR_SESSION_STORE no");
    holds = "set";
    const late = new AbortController();
    const second = next(one);
    const writing = outcomeOf(() => bridge.save(second, one.version, { signal: late.signal }));
    while (!held.some((each) => each.name === "set")) await new Promise((resolve) => setImmediate(resolve));
    late.abort();
    holds = undefined;
    for (const each of held) each();
    assert.equal(await writing, "saved");
    assert.deepEqual(await bridge.load(one.handle), { status: "live", record: second });
  });

  test("a store that keeps nothing, or something else, is found out by the first write", async () => {
    type Given = { readonly cookie: object; readonly sojourn: string };
    const put = (sid: string, value: object, callback: (error?: unknown) => void): void =>
      keeper.over.set(sid, value as session.SessionData, callback);
    const keepers: Record<string, ExpressSessionStoreLike["set"]> = {
      nothing: (_sid, _value, callback) => callback(),
      "only the cookie": (sid, { cookie }: Given, callback) => put(sid, { cookie }, callback),
      "100 characters": (sid, value: Given, callback) =>
        put(sid, { ...value, sojourn: value.sojourn.slice(0, 100) }, callback),
    };
    let keeper = tamper({});
    for (const [what, set] of Object.entries(keepers)) {
      keeper = tamper({ set });
      const store = expressSessionStore({ store: keeper.store });
      assert.equal(await outcomeOf(() => store.create(record())), "ERR_SESSION_STORE unknown", what);
      // An end that is not kept is no end, and nobody is told that it is one.
      keeper = tamper({});
      const one = record();
      const good = expressSessionStore({ store: keeper.store });
      await good.create(one);
      const bad = expressSessionStore({ store: { ...keeper.store, set } });
      const outcome = await outcomeOf(() => bad.retire(one.handle, tombstone()));
      assert.match(outcome, /^ERR_SESSION_(?:STORE unknown|UNREADABLE)$/, what);
    }
  });
});

// What cannot be read is read a few times: at once, so that it does not add up.
describe("what comes back changed", { concurrency: true }, () => {
  type Stored = { cookie: session.Cookie; sojourn?: string };
  const damages: Record<string, (stored: Stored) => object> = {
    "without the text": ({ cookie }) => ({ cookie }),
    "with something else for it": (stored) => ({ ...stored, sojourn: 5 }),
    "cut off": (stored) => ({ ...stored, sojourn: stored.sojourn?.slice(0, 200) }),
    trimmed: (stored) => ({ ...stored, sojourn: stored.sojourn?.slice(0, -1) }),
    "in another character set": (stored) => ({ ...stored, sojourn: stored.sojourn?.replace("ž", "?") }),
    "with another version": (stored) => ({ ...stored, sojourn: stored.sojourn?.replace('"version":"', '"version":"x') }),
    "of a newer release": (stored) => ({ ...stored, sojourn: stored.sojourn?.replace("sojourn1", "sojourn2") }),
    "of express-session": ({ cookie }) => ({ cookie, user: "ann" }),
  };

  for (const [what, damage] of Object.entries(damages)) {
    test(`a record that comes back ${what} is unreadable to every verb, and stays as it is`, async () => {
      const over = new MemoryStore();
      const store = expressSessionStore({ store: over });
      const one = record({ data: "žluťoučký kůň" });
      await store.create(one);
      const sid = `sojourn-s-${one.handle}`;
      const stored = (await called((callback) => over.get(sid, callback))) as Stored;
      await called((callback) => over.set(sid, damage(stored) as session.SessionData, callback));
      const damaged = await called((callback) => over.get(sid, callback));
      assert.equal(await outcomeOf(() => store.load(one.handle)), "ERR_SESSION_UNREADABLE");
      assert.equal(await outcomeOf(() => store.create(one)), "exists");
      assert.equal(await outcomeOf(() => store.save(next(one), one.version)), "ERR_SESSION_UNREADABLE");
      const later = one.expiresAt + 1;
      assert.equal(await outcomeOf(() => store.touch(one.handle, one.version, later)), "ERR_SESSION_UNREADABLE");
      assert.equal(await outcomeOf(() => store.retire(one.handle, tombstone(), one.version)), "ERR_SESSION_UNREADABLE");
      assert.deepEqual(await called((callback) => over.get(sid, callback)), damaged);
      assert.equal(await outcomeOf(() => store.retire(one.handle, tombstone())), "retired");
      assert.equal(await outcomeOf(() => store.load(one.handle)), "retired");
    });
  }

  test("a record under another's key is nobody's", async () => {
    const over = new MemoryStore();
    const store = expressSessionStore({ store: over });
    const [one, two] = [record(), record()];
    await store.create(one);
    const stored = await called((callback) => over.get(`sojourn-s-${one.handle}`, callback));
    await called((callback) => over.set(`sojourn-s-${two.handle}`, stored as session.SessionData, callback));
    assert.equal(await outcomeOf(() => store.load(two.handle)), "ERR_SESSION_UNREADABLE");
  });

  test("an end that comes back damaged opens nothing, and can be made anew", async () => {
    const over = new MemoryStore();
    const store = expressSessionStore({ store: over });
    const one = record();
    await store.create(one);
    await store.retire(one.handle, tombstone());
    const sid = `sojourn-e-${one.handle}`;
    await called((callback) => over.set(sid, { sojourn: "sojourn1" } as unknown as session.SessionData, callback));
    assert.equal(await outcomeOf(() => store.load(one.handle)), "ERR_SESSION_UNREADABLE");
    assert.equal(await outcomeOf(() => store.create(one)), "exists");
    assert.equal(await outcomeOf(() => store.retire(one.handle, tombstone(), "v")), "ERR_SESSION_UNREADABLE");
    assert.equal(await outcomeOf(() => store.retire(one.handle, tombstone())), "retired");
    assert.equal(await outcomeOf(() => store.load(one.handle)), "retired");
  });
});

test("after close every call is refused, and what was under way is waited for; the store stays open", async () => {
  const over = new MemoryStore();
  const set = over.set.bind(over);
  const [asked, letGo] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  over.set = (...call) => {
    asked.resolve();
    void letGo.promise.then(() => set(...call));
  };
  const store = expressSessionStore({ store: over });
  const one = record();
  const steps: string[] = [];
  const creating = (async () => steps.push((await store.create(one)).status))();
  await asked.promise;
  const closing = store.close().then(() => steps.push("closed"));
  for (let round = 0; round < 20; round++) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(steps, []);
  letGo.resolve();
  await Promise.all([creating, closing]);
  assert.deepEqual(steps, ["created", "closed"]);
  assert.equal(await outcomeOf(() => store.load(one.handle)), "ERR_SESSION_USAGE");
  assert.equal(await outcomeOf(() => store.save(next(one), one.version)), "ERR_SESSION_USAGE");
  await store.close();
  assert.equal(await outcomeOf(() => expressSessionStore({ store: over }).load(one.handle)), "live");
});

test("sessions of express-session and of sojourn live beside each other in one store, and neither reads the other's", async (t) => {
  const over = new MemoryStore();
  const sessions = createSessions<{ count?: number }>({
    store: expressSessionStore({ store: over }),
    cookie: { secure: false },
  });
  const old = session({ store: over, secret: "s", resave: false, saveUninitialized: false, name: "connect.sid" });
  const app = express();
  app.get("/old", old, (req, res) => {
    const visit = req.session as typeof req.session & { count?: number };
    visit.count = (visit.count ?? 0) + 1;
    res.send(String(visit.count));
  });
  app.get("/new", expressSession(sessions, { property: false }), async (req, res) => {
    res.send(String(await sessions.of(req).update((visit) => (visit.count = (visit.count ?? 0) + 1))));
  });
  const server = createServer(app).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const cookies = new Map<string, string>();
  const ask = async (path: string): Promise<string> => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { cookie } });
    for (const text of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]*)=([^;]*)/.exec(text) ?? [];
      cookies.set(name, value);
    }
    return response.text();
  };
  const answers = [];
  for (const path of ["/old", "/old", "/new", "/new", "/old", "/new"]) answers.push(await ask(path));
  assert.deepEqual(answers, ["1", "2", "1", "2", "3", "3"]);
  assert.deepEqual([...cookies.keys()], ["connect.sid", "sid"]);
  const all = (await called((callback) => over.all(callback))) as Record<string, unknown>;
  assert.equal(Object.keys(all).length, 2);
  assert.ok(Object.keys(all).includes(`sojourn-s-${handleOf(cookies.get("sid") as SessionId)}`));
});
