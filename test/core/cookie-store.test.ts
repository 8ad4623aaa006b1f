import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import type { CookieOptions } from "../../src/core/options.ts";
import { Sessions } from "../../src/core/sessions.ts";
import type { Session } from "../../src/core/session.ts";
import { processRequest, processResponse } from "../../src/middleware/exchange.ts";
import { cookieStore } from "../../src/stores/cookie.ts";
import { fakeClock } from "../../src/testing/fake-clock.ts";

const key = (seed: number) => createHash("sha256").update(`test key ${seed}`).digest("base64url");

function stateless(keys: string[] = [key(1)], clock = fakeClock(), cookie: CookieOptions = {}) {
  // Two processes take turns: what one of them remembers of its cookies must be no different from what they hold.
  const started = () => new Sessions<{ count?: number; text?: string }>({ store: cookieStore({ keys }), clock, cookie });
  const processes = [started(), started()] as const;
  const [sessions] = processes;
  let turn = 0;
  const jar = new Map<string, string>();
  async function request(handle: (session: Session<{ count?: number; text?: string }>) => unknown, status = 200) {
    const sent = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const header = (name: string) => (name === "cookie" && sent !== "" ? sent : undefined);
    const session = processRequest(processes[turn++ % 2]!, { method: "GET", secure: true, header }, {}) as Session<{
      count?: number;
    }>;
    await handle(session);
    const changes = await processResponse(session, { status, header: () => undefined });
    for (const text of changes.setCookie) {
      const pair = text.slice(0, text.indexOf(";"));
      const name = pair.slice(0, pair.indexOf("="));
      if (text.includes("Max-Age=0")) jar.delete(name);
      else jar.set(name, pair.slice(name.length + 1));
    }
    return { ...changes, session };
  }
  return { request, jar, clock, sessions };
}

test("a cookie store counts, and its session has no id to leak", async () => {
  const { request, jar } = stateless();
  for (let n = 1; n <= 3; n++) {
    const { session } = await request(async (s) => assert.equal(await s.update((d) => (d.count = (d.count ?? 0) + 1)), n));
    assert.equal(session.id, null);
  }
  assert.deepEqual([...jar.keys()], ["__Host-sid"]);
  const untouched = await request(() => undefined);
  assert.deepEqual([untouched.setCookie, untouched.set], [[], []]);
});

test("what update() stored is in the cookie even when the response fails", async () => {
  const { request } = stateless();
  await request(async (s) => void ((await s.load()).count = 1));
  await request((s) => s.update((d) => void (d.count = 2)), 500);
  await request(async (s) => assert.equal((await s.load()).count, 2));
});

test("its age is checked on the server, by the application's clock", async () => {
  const { request, clock } = stateless();
  await request(async (s) => void ((await s.load()).count = 1));
  await request((s) => s.load());
  clock.advance(1_209_600_000 - 1);
  await request(async (s) => assert.equal((await s.load()).count, 1), 500);
  clock.advance(1);
  await request(async (s) => assert.deepEqual(await s.load(), {}));
});

test("a large session is split over chunks, and stale chunks are cleared", async () => {
  const { request, jar } = stateless();
  await request(async (s) => void ((await s.load()).text = "ab¢".repeat(1000)));
  assert.ok(jar.size > 1, `${jar.size} cookies`);
  await request(async (s) => assert.equal((await s.load()).text!.length, 3000));
  await request(async (s) => void ((await s.load()).text = "short"));
  assert.equal(jar.size, 1);
  await request(async (s) => void ((await s.load()).text = "ab¢".repeat(1000)));
  await request((s) => s.logout());
  assert.equal(jar.size, 0);
});

test("beyond the limit it is a clear error before the response, and the old session stays", async () => {
  const { request } = stateless();
  await request(async (s) => void ((await s.load()).count = 1));
  await assert.rejects(
    request(async (s) => void ((await s.load()).text = "x".repeat(60_000))),
    { code: "ERR_SESSION_TOO_LARGE" },
  );
  await request(async (s) => assert.deepEqual(await s.load(), { count: 1 }));
});

test("a tampered cookie is no session, and is deleted; one of an unknown key is unreadable, and stays", async () => {
  const { request, jar } = stateless();
  await request(async (s) => void ((await s.load()).count = 1));
  const value = jar.get("__Host-sid")!;
  jar.set("__Host-sid", `${value.slice(0, -1)}${value.endsWith("A") ? "B" : "A"}`);
  await request(async (s) => assert.deepEqual(await s.load(), {}));
  assert.equal(jar.size, 0);
  const other = stateless([key(2)]);
  other.jar.set("__Host-sid", value);
  const reply = await other.request(async (s) => assert.deepEqual(await s.load(), {}));
  assert.deepEqual(reply.setCookie, []);
  const both = stateless([key(2), key(1)]);
  both.jar.set("__Host-sid", value);
  await both.request(async (s) => assert.deepEqual(await s.load(), { count: 1 }));
});

test("login, rotation and logout work on the browser's own copy", async () => {
  const { request } = stateless();
  await request(async (s) => void ((await s.load()).count = 1));
  await request((s) => s.login("ada"));
  await request(async (s) => (await s.load(), assert.deepEqual([s.userId, s.data.count], ["ada", 1])));
  await request((s) => s.logout());
  await request(async (s) => (await s.load(), assert.equal(s.userId, null)));
});

test("a renamed cookie of a cookie store is read under its old name, and moves", async () => {
  const old = stateless();
  await old.request(async (s) => void ((await s.load()).count = 1));
  const renamed = stateless([key(1)], old.clock, { name: "new", readAlso: ["__Host-sid"] });
  for (const [name, value] of old.jar) renamed.jar.set(name, value);
  await renamed.request(async (s) => assert.equal((await s.load()).count, 1));
  assert.deepEqual([...renamed.jar.keys()], ["new"]);
  await renamed.request(async (s) => assert.equal((await s.load()).count, 1));
});

test("after the headers left nothing can be stored in a cookie", async () => {
  const { request } = stateless();
  const { session } = await request(async (s) => void ((await s.load()).count = 1));
  await assert.rejects(
    session.update((d) => void (d.count = 2)),
    { code: "ERR_SESSION_HEADERS_SENT" },
  );
  await assert.rejects(
    session.exclusive(() => 1),
    { code: "ERR_SESSION_UNSUPPORTED" },
  );
});

test("sessions.create gives the cookie text of a sealed session", async () => {
  const { sessions, request, jar } = stateless();
  const made = await sessions.create({ data: { count: 4 }, userId: "ada" });
  assert.equal(made.id, null);
  const [name, value] = made.cookie.split("=") as [string, string];
  jar.set(name, value);
  await request(async (s) => assert.deepEqual([(await s.load()).count, s.userId], [4, "ada"]));
});

test("a cookie store's session is a dictionary, and is sent only when it changed", async () => {
  const { request } = stateless();
  const written = await request(async (s) => {
    await s.load();
    s.set("count", 1);
    s.set("text", "a");
    assert.equal(s.pop("text"), "a");
    assert.equal(s.setDefault("text", "b"), "b");
  });
  assert.equal(written.setCookie.length, 1);
  // The first return moves the deadline, from the first lifetime's to the idle one.
  await request((s) => s.load());
  const read = await request(async (s) => {
    assert.deepEqual(await s.load(), { count: 1, text: "b" });
    assert.deepEqual([s.get("count"), s.has("count"), s.pop("absent" as "text", "fallback")], [1, true, "fallback"]);
  });
  assert.deepEqual(read.setCookie, []);
  await request((s) => s.clear());
  await request(async (s) => assert.deepEqual(await s.load(), {}));
});

test("a message in a cookie is shown once to requests that come one after another", async () => {
  const { request } = stateless();
  const shown = async (status = 200) => {
    let entries: readonly unknown[] = [];
    await request(async (s) => {
      await s.load();
      entries = s.flash.peek();
    }, status);
    return entries;
  };
  await request((s) => s.flash.add("saved", "info"));
  assert.deepEqual(await shown(500), [{ message: "saved", level: "info" }]);
  assert.deepEqual(await shown(), [{ message: "saved", level: "info" }]);
  assert.deepEqual(await shown(), []);
});

test("a write seals the cookie once, a read not at all", async () => {
  const store = cookieStore({ keys: [key(1)] });
  let sealings = 0;
  const counted = {
    ...store,
    seal(...args: Parameters<typeof store.seal>) {
      sealings++;
      return store.seal(...args);
    },
  };
  const sessions = new Sessions<{ count?: number }>({ store: counted, clock: fakeClock() });
  let cookie = (await sessions.create({ data: { count: 1 } })).cookie;
  const visit = async (handle: (data: { count?: number }) => unknown): Promise<number> => {
    sealings = 0;
    const header = (name: string) => (name === "cookie" ? cookie : undefined);
    const session = processRequest(sessions, { method: "GET", secure: true, header }, {}) as Session<{ count?: number }>;
    await handle(await session.load());
    const { setCookie } = await processResponse(session, { status: 200, header: () => undefined });
    cookie = setCookie[0]?.slice(0, setCookie[0].indexOf(";")) ?? cookie;
    return sealings;
  };
  assert.equal(await visit((data) => (data.count = 2)), 1);
  assert.equal(await visit((data) => assert.equal(data.count, 2)), 0);
});
