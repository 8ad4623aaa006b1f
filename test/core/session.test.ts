import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../src/core/clock.ts";
import { isSessionError } from "../../src/core/errors.ts";
import type { SessionStore } from "../../src/core/store.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { sum, union, max, min, reject } from "../../src/core/merge.ts";
import { fakeClock } from "../../src/testing/fake-clock.ts";
import { type Visit, world } from "./support.ts";

const coded = (code: string) => (error: unknown) => isSessionError(error) && error.code === code;

test("what a handler changes at any depth is stored with the response", async () => {
  const { request } = world();
  const first = await request({ handle: async (s) => void ((await s.load()).nested = { a: 1 }) });
  const second = await request({
    cookie: first.cookie,
    handle: async (s) => void ((await s.load()).nested!.b = 2),
  });
  await request({
    cookie: second.cookie,
    handle: async (s) => assert.deepEqual(await s.load(), { nested: { a: 1, b: 2 } }),
  });
});

test("data throws until load was awaited, for a new visitor too", async () => {
  const { open } = world();
  const { session } = open();
  assert.throws(() => session.data, coded("ERR_SESSION_NOT_LOADED"));
  const data = await session.load();
  assert.equal(session.data, data);
});

test("reading marks accessed and sets Vary and Cache-Control, and nothing else", async () => {
  const { request } = world();
  const reply = await request({ handle: (s) => s.load() });
  assert.equal(reply.header("vary"), "Cookie");
  assert.equal(reply.header("cache-control"), "private, no-store");
  assert.deepEqual(reply.setCookie, []);
});

test("two writers of different keys both survive, nested ones too", async () => {
  const { request, open } = world();
  const { cookie } = await request({ handle: async (s) => void Object.assign(await s.load(), { nested: { deep: {} } }) });
  const one = open({ cookie });
  const two = open({ cookie });
  (await one.session.load()).nested!.deep!.x = 1;
  (await two.session.load()).nested!.deep!.y = 2;
  (await two.session.load()).name = "two";
  await one.respond();
  await two.respond();
  await request({
    cookie,
    handle: async (s) => assert.deepEqual(await s.load(), { nested: { deep: { x: 1, y: 2 } }, name: "two" }),
  });
});

test("update() counts exactly, and hands back its value", async () => {
  const { request, open } = world();
  const { cookie } = await request({ handle: async (s) => void ((await s.load()).count = 0) });
  const results = await Promise.all(
    Array.from({ length: 50 }, () => open({ cookie }).session.update((d) => (d.count = (d.count ?? 0) + 1))),
  );
  assert.deepEqual(
    results.toSorted((a, b) => a - b),
    Array.from({ length: 50 }, (_, i) => i + 1),
  );
});

test("update() commits what is pending on the loaded data, and shows the outcome in place", async () => {
  const { request, open } = world();
  const { cookie } = await request({ handle: async (s) => void Object.assign(await s.load(), { cart: ["a"], count: 1 }) });
  const mine = open({ cookie });
  const data = await mine.session.load();
  const cart = data.cart!;
  data.name = "pending";
  await open({ cookie }).session.update((d) => (d.count = 10));
  await mine.session.update((d) => (d.count = (d.count ?? 0) + 1));
  assert.deepEqual(data, { cart: ["a"], count: 11, name: "pending" });
  assert.equal(data.cart, cart, "a reference that the handler kept stays part of the session");
  cart.push("b");
  await mine.respond();
  await request({
    cookie,
    handle: async (s) => assert.deepEqual(await s.load(), { cart: ["a", "b"], count: 11, name: "pending" }),
  });
});

test("update() refuses a function that returns a promise, and stores nothing", async () => {
  const { request, open } = world();
  const { cookie } = await request({ handle: async (s) => void ((await s.load()).count = 1) });
  await assert.rejects(
    open({ cookie }).session.update(async (d) => void (d.count = 5)),
    coded("ERR_SESSION_USAGE"),
  );
  await request({ cookie, handle: async (s) => assert.equal((await s.load()).count, 1) });
});

test("an update() whose function throws leaves data and store alone", async () => {
  const { request, open } = world();
  const { cookie } = await request({ handle: async (s) => void ((await s.load()).count = 1) });
  const { session, respond } = open({ cookie });
  const failing = session.update((d) => {
    d.count = 99;
    throw new RangeError("no");
  });
  await assert.rejects(failing, RangeError);
  assert.deepEqual([(await session.load()).count, session.modified], [1, false]);
  await respond();
  await request({ cookie, handle: async (s) => assert.equal((await s.load()).count, 1) });
});

test("declared merges: sum, union, max, min and a function", async () => {
  const merge = {
    count: sum,
    cart: union,
    seen: max,
    low: min,
    name: ({ theirs, ours }: { theirs?: string; ours?: string }) => `${theirs}+${ours}`,
  };
  const { request, open } = world({ merge } as never);
  const { cookie } = await request({
    handle: async (s) => void Object.assign(await s.load(), { count: 1, cart: ["a", "b"], seen: 5, low: 5, name: "x" }),
  });
  const [one, two] = [open({ cookie }), open({ cookie })];
  Object.assign(await one.session.load(), { count: 3, cart: ["a", "c"], seen: 9, low: 4, name: "one" });
  Object.assign(await two.session.load(), { count: 11, cart: ["a", "b", "d"], seen: 7, low: 3, name: "two" });
  await one.respond();
  await two.respond();
  await request({
    cookie,
    handle: async (s) =>
      assert.deepEqual(await s.load(), { count: 13, cart: ["a", "c", "d"], seen: 9, low: 3, name: "one+two" }),
  });
});

test("merge reject fails the later request with a conflict and stores nothing of it", async () => {
  const { request, open } = world({ merge: { count: reject } });
  const { cookie } = await request({ handle: async (s) => void ((await s.load()).count = 1) });
  const [one, two] = [open({ cookie }), open({ cookie })];
  (await one.session.load()).count = 2;
  Object.assign(await two.session.load(), { count: 3, name: "lost" });
  await one.respond();
  await assert.rejects(two.respond(), coded("ERR_SESSION_CONFLICT"));
  await request({ cookie, handle: async (s) => assert.deepEqual(await s.load(), { count: 2 }) });
});

test("keys declared together come from one request", async () => {
  const { request, open } = world({ together: [["cart", "count"]] });
  const { cookie } = await request({ handle: async (s) => void Object.assign(await s.load(), { cart: ["a"], count: 1 }) });
  const [one, two] = [open({ cookie }), open({ cookie })];
  (await one.session.load()).cart = ["a", "b"];
  (await two.session.load()).count = 7;
  await one.respond();
  await two.respond();
  await request({ cookie, handle: async (s) => assert.deepEqual(await s.load(), { cart: ["a"], count: 7 }) });
});

test("clear() wins over keys that were added meanwhile", async () => {
  const { request, open } = world();
  const { cookie } = await request({ handle: async (s) => void ((await s.load()).count = 1) });
  const [one, two] = [open({ cookie }), open({ cookie })];
  await one.session.clear();
  (await one.session.load()).name = "after";
  (await two.session.load()).cart = ["meanwhile"];
  await two.respond();
  await one.respond();
  await request({ cookie, handle: async (s) => assert.deepEqual(await s.load(), { name: "after" }) });
});

test("clear() alone empties a session to which others added meanwhile", async () => {
  const { request, open } = world();
  const { cookie } = await request({ handle: async (s) => void (await s.save()) });
  const one = open({ cookie });
  await one.session.clear();
  await request({ cookie, handle: async (s) => void ((await s.load()).cart = ["meanwhile"]) });
  await one.respond();
  await request({ cookie, handle: async (s) => assert.deepEqual(await s.load(), {}) });
});

test("a write that arrives after logout does not bring the session back, and answers 400", async () => {
  const { request, open } = world();
  const { cookie } = await request({ handle: async (s) => void ((await s.load()).count = 1) });
  const slow = open({ cookie });
  (await slow.session.load()).count = 2;
  await request({ cookie, handle: (s) => s.logout() });
  await assert.rejects(
    slow.respond(),
    (error) => coded("ERR_SESSION_GONE")(error) && (error as { status: number }).status === 400,
  );
  const after = await request({ cookie, handle: async (s) => assert.deepEqual(await s.load(), {}) });
  assert.deepEqual(after.setCookie, [], "a late request says nothing about the cookie");
});

test('onGone "drop" lets the response pass, without a cookie and without the write', async () => {
  const { request, open } = world({ onGone: "drop" });
  const { cookie } = await request({ handle: async (s) => void ((await s.load()).count = 1) });
  const slow = open({ cookie });
  (await slow.session.load()).count = 2;
  await request({ cookie, handle: (s) => s.logout() });
  assert.deepEqual((await slow.respond()).setCookie, []);
});

test("a late request with a retired id cannot undo a login", async () => {
  const { request, open } = world();
  const { cookie } = await request({ handle: async (s) => void ((await s.load()).count = 1) });
  const login = await request({ cookie, handle: (s) => s.login("ada") });
  const late = open({ cookie });
  assert.deepEqual(await late.session.load(), {});
  assert.deepEqual((await late.respond()).setCookie, []);
  const writer = open({ cookie });
  (await writer.session.load()).count = 9;
  await assert.rejects(writer.respond(), coded("ERR_SESSION_GONE"));
  await request({
    cookie: login.cookie,
    handle: async (s) => assert.deepEqual([(await s.load()).count, s.userId], [1, "ada"]),
  });
});

test("a write between a rotation's read and its commit is merged, not lost", async () => {
  const { request, open } = world();
  const { cookie } = await request({ handle: async (s) => void ((await s.load()).count = 1) });
  const rotating = open({ cookie });
  await rotating.session.cycleId();
  await request({ cookie, handle: async (s) => void ((await s.load()).name = "between") });
  const reply = await rotating.respond();
  assert.notEqual(reply.cookie, cookie);
  await request({
    cookie: reply.cookie,
    handle: async (s) => assert.deepEqual(await s.load(), { count: 1, name: "between" }),
  });
});

test("login over another user's session flushes first; keep carries only the named keys", async () => {
  const { request, sessions } = world();
  const first = await request({ handle: async (s) => void Object.assign(await s.load(), { cart: ["a"], name: "x" }) });
  const ada = await request({ cookie: first.cookie, handle: (s) => s.login("ada", { keep: ["cart"] }) });
  await request({
    cookie: ada.cookie,
    handle: async (s) => assert.deepEqual([await s.load(), s.userId], [{ cart: ["a"] }, "ada"]),
  });
  const bob = await request({ cookie: ada.cookie, handle: (s) => s.login("bob") });
  await request({ cookie: bob.cookie, handle: async (s) => assert.deepEqual([await s.load(), s.userId], [{}, "bob"]) });
  assert.equal((await sessions.ofUser("ada")).length, 0);
  assert.equal((await sessions.ofUser("bob")).length, 1);
});

test("a changed credential is seen, and a login with it flushes the old session", async () => {
  const { request } = world();
  const login = await request({ handle: (s) => s.login("ada", { credential: "hash 1" }) });
  await request({
    cookie: login.cookie,
    handle: async (s) => {
      await s.load();
      assert.deepEqual([s.matchesCredential("hash 1"), s.matchesCredential("hash 2")], [true, false]);
      s.set("name", "kept?");
    },
  });
  const again = await request({ cookie: login.cookie, handle: (s) => s.login("ada", { credential: "hash 2" }) });
  await request({ cookie: again.cookie, handle: async (s) => assert.deepEqual(await s.load(), {}) });
});

test("revokeUser ends every session but the one named, and a login that is on its way", async () => {
  const { request, open, sessions } = world();
  const logins = await Promise.all([1, 2, 3].map(() => request({ handle: (s) => s.login("ada") })));
  const inFlight = open();
  await inFlight.session.login("ada");
  const kept = logins[0]!.session.handle!;
  assert.equal(await sessions.revokeUser("ada", { except: kept }), 2);
  await assert.rejects(inFlight.respond(), coded("ERR_SESSION_GONE"));
  for (const [index, { cookie }] of logins.entries()) {
    await request({
      cookie,
      handle: async (s) => {
        await s.load();
        assert.equal(s.userId, index === 0 ? "ada" : null);
      },
    });
  }
  assert.deepEqual(
    (await sessions.ofUser("ada")).map(({ handle }) => handle),
    [kept],
  );
});

test("flush forgets data and id and deletes the cookie, whatever the status", async () => {
  const { request, sessions } = world();
  const first = await request({ handle: async (s) => void ((await s.load()).count = 1) });
  const reply = await request({ cookie: first.cookie, status: 500, handle: (s) => s.flush() });
  assert.equal(reply.cookie, undefined);
  assert.equal(await sessions.find(first.session.id!), null);
});

test("nothing is saved on 5xx", async () => {
  const { request } = world();
  const first = await request({ handle: async (s) => void ((await s.load()).count = 1) });
  const reply = await request({ cookie: first.cookie, status: 503, handle: async (s) => void ((await s.load()).count = 2) });
  assert.deepEqual(reply.setCookie, []);
  await request({ cookie: first.cookie, handle: async (s) => assert.equal((await s.load()).count, 1) });
});

test("a new session that update() stored keeps its cookie even when the response fails", async () => {
  const { request } = world();
  const reply = await request({ status: 500, handle: (s) => s.update((d) => (d.count = 1)) });
  await request({ cookie: reply.cookie, handle: async (s) => assert.equal((await s.load()).count, 1) });
});

test("an unknown id is never adopted: read, the cookie is deleted; written, a new id is made", async () => {
  const { request } = world();
  const cookie = `__Host-sid=${"A".repeat(32)}`;
  const read = await request({ cookie, handle: (s) => s.load() });
  assert.equal(read.cookie, undefined);
  const written = await request({ cookie, handle: async (s) => void ((await s.load()).count = 1) });
  assert.ok(written.cookie !== undefined && written.cookie !== cookie);
});

test("exclusive() runs one at a time, on fresh data, and stores what it changed", async () => {
  const { request, open } = world({ clock: systemClock });
  const { cookie } = await request({ handle: async (s) => void ((await s.load()).count = 0) });
  let inside = 0;
  const runs = Array.from({ length: 5 }, () =>
    open({ cookie }).session.exclusive(async (data: Visit) => {
      assert.equal(++inside, 1);
      await new Promise((resolve) => setImmediate(resolve));
      data.count = (data.count ?? 0) + 1;
      inside--;
    }),
  );
  await Promise.all(runs);
  await request({ cookie, handle: async (s) => assert.equal((await s.load()).count, 5) });
});

test("a lock holder whose time ran out can store nothing, not even with its response", async () => {
  const { request, open, clock } = world({ clock: fakeClock(undefined, { sleep: "advance" }) });
  const { cookie } = await request({ handle: async (s) => void ((await s.load()).count = 0) });
  const slow = open({ cookie });
  const holding = slow.session.exclusive(
    async (data) => {
      data.count = 1000;
      await open({ cookie }).session.exclusive((other) => void (other.count = (other.count ?? 0) + 1), { waitSeconds: 60 });
    },
    { holdSeconds: 1 },
  );
  await assert.rejects(holding, coded("ERR_SESSION_LOCK_LOST"));
  await slow.respond();
  assert.ok(clock.now() > 0);
  await request({ cookie, handle: async (s) => assert.equal((await s.load()).count, 1) });
});

test("update() under a lock that was lost is refused too", async () => {
  const { request, open } = world({ clock: fakeClock(undefined, { sleep: "advance" }) });
  const { cookie } = await request({ handle: async (s) => void ((await s.load()).count = 0) });
  const { session } = open({ cookie });
  const holding = session.exclusive(
    async () => {
      await open({ cookie }).session.exclusive((other) => void (other.count = 1), { waitSeconds: 60 });
      await session.update((data) => (data.count = 1000));
    },
    { holdSeconds: 1 },
  );
  await assert.rejects(holding, coded("ERR_SESSION_LOCK_LOST"));
  await request({ cookie, handle: async (s) => assert.equal((await s.load()).count, 1) });
});

test("a lock that is held is waited for until a deadline, by at most so many", async () => {
  const { request, open } = world({ clock: fakeClock(undefined, { sleep: "advance" }) });
  const { cookie } = await request({ handle: async (s) => void ((await s.load()).count = 0) });
  await open({ cookie }).session.exclusive(async () => {
    const other = open({ cookie }).session;
    await assert.rejects(
      other.exclusive(() => 1, { waitSeconds: 2 }),
      coded("ERR_SESSION_LOCKED"),
    );
    await assert.rejects(
      other.exclusive(() => 1, { maxWaiting: 0 }),
      coded("ERR_SESSION_LOCKED"),
    );
  });
  assert.equal(await open({ cookie }).session.exclusive(() => 7), 7);
});

test("a late response does not undo a login: after update() its cookie is not sent over the new one", async () => {
  const { request, open, clock } = world();
  const { cookie } = await request({ handle: async (s) => void ((await s.load()).count = 1) });
  clock.advance(1000);
  const late = open({ cookie });
  await late.session.update((d) => (d.count = 2));
  const login = await request({ cookie, handle: (s) => s.login("ada") });
  assert.equal(login.setCookie.length, 1);
  assert.deepEqual((await late.respond()).setCookie, []);
});

test("a logout with the old id ends the session that a rotation just gave a new one", async () => {
  for (const rotates of [true, false]) {
    const { rotate, ...rest } = memoryStore();
    const store = (rotates ? { ...rest, rotate } : rest) as SessionStore;
    const { request, open, sessions } = world({ store });
    const { cookie } = await request({ handle: async (s) => void ((await s.load()).count = 1) });
    let newest = cookie;
    for (let turns = 0; turns < 3; turns++) newest = (await request({ cookie: newest, handle: (s) => s.cycleId() })).cookie;
    assert.equal((await open({ cookie: newest }).session.load()).count, 1);
    await request({ cookie, handle: (s) => s.logout() });
    assert.deepEqual(await open({ cookie: newest }).session.load(), {});
    const left = [];
    for await (const found of sessions.list()) left.push(found);
    assert.deepEqual(left, []);
  }
});

test("an ended id counts as unknown after tombstoneSeconds, swept or not", async () => {
  const { request, clock, sessions } = world();
  const first = await request({ handle: async (s) => void ((await s.load()).count = 1) });
  await sessions.revoke(first.session.id!);
  clock.advance(60_000);
  const reply = await request({ cookie: first.cookie, handle: async (s) => void ((await s.load()).count = 2) });
  assert.notEqual(reply.cookie, first.cookie);
});

test("who was logged out elsewhere can log in again at once, as a new session", async () => {
  const { request, sessions } = world();
  const first = await request({ handle: (s) => s.login("ada") });
  await sessions.revokeUser("ada");
  const again = await request({ cookie: first.cookie, handle: (s) => s.login("ada") });
  await request({ cookie: again.cookie, handle: async (s) => (await s.load(), assert.equal(s.userId, "ada")) });
  assert.notEqual(again.cookie, first.cookie);
});

test("a session stored past its absolute deadline is gone, not lost in silence", async () => {
  const { request, open, clock } = world();
  const { cookie } = await request({ handle: async (s) => void ((await s.load()).count = 1) });
  for (let day = 2; day < 30; day += 2) {
    await request({ cookie, handle: (s) => s.load() });
    clock.advance(2 * 86_400_000);
  }
  const { session, respond } = open({ cookie });
  (await session.load()).count = 2;
  clock.advance(2 * 86_400_000);
  await assert.rejects(respond(), { code: "ERR_SESSION_GONE", reason: "expired" });
});

test("renewCredential keeps the session under a new id, and tells old logins apart", async () => {
  const { request } = world();
  const mine = await request({ handle: async (s) => (await s.login("ada", { credential: "old" }), s.set("name", "kept")) });
  const turned = await request({ cookie: mine.cookie, handle: (s) => s.renewCredential("new") });
  assert.notEqual(turned.cookie, mine.cookie);
  await request({
    cookie: turned.cookie,
    handle: async (s) => {
      await s.load();
      assert.deepEqual(
        [s.userId, s.get("name"), s.matchesCredential("new"), s.matchesCredential("old")],
        ["ada", "kept", true, false],
      );
    },
  });
  await assert.rejects(request({ handle: (s) => s.renewCredential("x") }), { code: "ERR_SESSION_USAGE" });
});
