import assert from "node:assert/strict";
import { test } from "node:test";
import { world } from "./support.ts";

const DAY = 86_400_000;
const HOUR = 3_600_000;

async function visitor(options = {}) {
  const made = world(options);
  const first = await made.request({ handle: async (s) => void ((await s.load()).count = 1) });
  const isLive = async () => {
    const { session } = made.open({ cookie: first.cookie });
    return (await session.load()).count === 1;
  };
  const visit = () => made.request({ cookie: first.cookie, handle: (s) => s.load() });
  return { ...made, first, cookie: first.cookie!, isLive, visit };
}

test("a session whose cookie never came back expires after the first lifetime", async () => {
  const { clock, isLive } = await visitor();
  clock.advance(HOUR - 1);
  assert.equal(await isLive(), true);
  clock.advance(1);
  assert.equal(await isLive(), false);
});

test("a session expires after the idle time, to the millisecond", async () => {
  const { clock, isLive, visit } = await visitor();
  await visit();
  clock.advance(14 * DAY - 1);
  assert.equal(await isLive(), true);
  clock.advance(1);
  assert.equal(await isLive(), false);
});

test("visits move the idle deadline, and never past the absolute one", async () => {
  const { clock, isLive, visit } = await visitor();
  await visit();
  for (let day = 2; day < 30; day += 2) {
    clock.advance(2 * DAY);
    await visit();
    assert.equal(await isLive(), true, `day ${day}`);
  }
  clock.advance(2 * DAY - 1);
  assert.equal(await isLive(), true);
  clock.advance(1);
  assert.equal(await isLive(), false);
});

test("reading does not mean writing: the deadline moves only when a tenth of the idle time has passed", async () => {
  const { clock, visit } = await visitor();
  assert.equal((await visit()).setCookie.length, 1, "the first visit with the cookie ends the first lifetime");
  clock.advance(1.4 * DAY - 1);
  assert.equal((await visit()).setCookie.length, 0);
  clock.advance(1);
  assert.equal((await visit()).setCookie.length, 1);
});

test("a rotation carries the beginning over, so that it cannot prolong a session", async () => {
  const { clock, request, cookie, visit, sessions } = await visitor();
  await visit();
  clock.advance(10 * DAY);
  const turned = await request({ cookie, handle: (s) => s.cycleId() });
  const found = await sessions.find(turned.session.id!);
  assert.equal(found!.createdAt.getTime(), clock.now() - 10 * DAY);
});

test("setExpiry(seconds) is an idle time of its own; the cookie says the same", async () => {
  const { clock, request, cookie } = await visitor();
  const reply = await request({
    cookie,
    handle: async (s) => {
      await s.load();
      s.setExpiry(600);
      assert.deepEqual([s.expiryAge, s.expireAtBrowserClose, s.modified], [600, false, true]);
    },
  });
  assert.match(reply.setCookie[0]!, /; Max-Age=600;/);
  clock.advance(300_000);
  await request({ cookie, handle: (s) => s.load() });
  clock.advance(599_999);
  await request({ cookie, handle: async (s) => assert.equal((await s.load()).count, 1) });
});

test("setExpiry(0) ends the cookie with the browser and leaves the idle time", async () => {
  const { request, cookie } = await visitor();
  const reply = await request({
    cookie,
    handle: async (s) => {
      await s.load();
      s.setExpiry(0);
      assert.deepEqual([s.expiryAge, s.expireAtBrowserClose], [1_209_600, true]);
    },
  });
  assert.doesNotMatch(reply.setCookie[0]!, /Max-Age|Expires/);
});

test("setExpiry(date) is a fixed deadline that visits do not move", async () => {
  const { clock, request, cookie, isLive, visit } = await visitor();
  const date = new Date(clock.now() + 5 * DAY);
  await request({
    cookie,
    handle: async (s) => {
      await s.load();
      s.setExpiry(date);
      assert.deepEqual(s.expiryDate, date);
    },
  });
  clock.advance(4 * DAY);
  assert.equal((await visit()).setCookie.length, 0);
  clock.advance(DAY - 1);
  assert.equal(await isLive(), true);
  clock.advance(1);
  assert.equal(await isLive(), false);
});

test("setExpiry(null) goes back to the default", async () => {
  const { request, cookie } = await visitor();
  await request({ cookie, handle: async (s) => (await s.load(), s.setExpiry(60)) });
  await request({
    cookie,
    handle: async (s) => {
      await s.load();
      s.setExpiry(null);
      assert.equal(s.expiryAge, 1_209_600);
    },
  });
});

test("setExpiry beyond the absolute lifetime is refused, and so is what is no expiry", async () => {
  const { open, cookie } = await visitor();
  const { session } = open({ cookie });
  await session.load();
  for (const wrong of [31 * 86_400, Number.NaN, new Date(Number.NaN), "60" as never]) {
    assert.throws(() => session.setExpiry(wrong), { code: "ERR_SESSION_USAGE" });
  }
});

test("a past expiry ends the session at the next load", async () => {
  const { request, cookie, isLive } = await visitor();
  await request({ cookie, handle: async (s) => (await s.load(), s.setExpiry(-10)) });
  assert.equal(await isLive(), false);
});

test("of two expiries set at once the shorter wins", async () => {
  for (const [a, b] of [
    [100, 5000],
    [5000, 100],
  ] as const) {
    const { open, cookie, request } = await visitor();
    const [one, two] = [open({ cookie }), open({ cookie })];
    await one.session.load();
    await two.session.load();
    one.session.setExpiry(a);
    two.session.setExpiry(b);
    await one.respond();
    await two.respond();
    await request({ cookie, handle: async (s) => (await s.load(), assert.equal(s.expiryAge, 100)) });
  }
});

test("expireAtBrowserClose sends a cookie without Max-Age; an expiry of its own overrides it", async () => {
  const { request, first, cookie } = await visitor({ expireAtBrowserClose: true });
  assert.doesNotMatch(first.setCookie[0]!, /Max-Age/);
  const reply = await request({ cookie, handle: async (s) => (await s.load(), s.setExpiry(60)) });
  assert.match(reply.setCookie[0]!, /Max-Age=60/);
});

test("saveEveryRequest stores and sends the cookie of an untouched session, and says Vary", async () => {
  const { request, cookie } = await visitor({ saveEveryRequest: true });
  const reply = await request({ cookie });
  assert.equal(reply.setCookie.length, 1);
  assert.equal(reply.header("vary"), "Cookie");
  const nobody = await request();
  assert.deepEqual([nobody.setCookie, nobody.set], [[], []]);
});

test("clearExpired removes what expired longer ago than the clocks may differ", async () => {
  const { clock, sessions } = await visitor();
  clock.advance(HOUR);
  assert.equal(await sessions.clearExpired(), 0);
  clock.advance(5000);
  assert.equal(await sessions.clearExpired(), 1);
});
