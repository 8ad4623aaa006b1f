import assert from "node:assert/strict";
import { test } from "node:test";
import { world } from "./support.ts";

async function flashed(options = {}) {
  const made = world(options);
  const first = await made.request({
    handle: async (s) => {
      await s.flash.add("saved", "info");
      await s.flash.add({ text: "careful" });
    },
  });
  return { ...made, cookie: first.cookie! };
}

const BOTH = [{ message: "saved", level: "info" }, { message: { text: "careful" } }];

test("peek shows the entries in order and removes them with the response", async () => {
  const { request, cookie } = await flashed();
  await request({ cookie, handle: async (s) => (await s.load(), assert.deepEqual(s.flash.peek(), BOTH)) });
  await request({ cookie, handle: async (s) => (await s.load(), assert.deepEqual(s.flash.peek(), [])) });
});

test("flash entries are no part of the data", async () => {
  const { request, cookie } = await flashed();
  await request({ cookie, handle: async (s) => assert.deepEqual(await s.load(), {}) });
});

test("take gives each entry to exactly one request", async () => {
  const { open, cookie } = await flashed();
  const taken = await Promise.all(Array.from({ length: 10 }, () => open({ cookie }).session.flash.take()));
  assert.deepEqual(
    taken.filter(({ length }) => length > 0),
    [BOTH],
  );
});

test("a 5xx consumes nothing, neither peeked nor taken", async () => {
  const { request, cookie } = await flashed();
  await request({ cookie, status: 500, handle: async (s) => (await s.load(), s.flash.peek()) });
  await request({ cookie, status: 502, handle: async (s) => assert.deepEqual(await s.flash.take(), BOTH) });
  await request({ cookie, handle: async (s) => assert.deepEqual(await s.flash.take(), BOTH) });
});

test("a prefetch consumes nothing", async () => {
  const { request, cookie } = await flashed();
  const headers = { "sec-purpose": "prefetch;prerender" };
  await request({ cookie, headers, handle: async (s) => (await s.load(), assert.deepEqual(s.flash.peek(), BOTH)) });
  await request({ cookie, headers, handle: async (s) => assert.deepEqual(await s.flash.take(), BOTH) });
  await request({ cookie, handle: async (s) => assert.deepEqual(await s.flash.take(), BOTH) });
});

test("entries that parallel requests add all survive, and one that was shown stays gone", async () => {
  const { open, request, cookie } = await flashed();
  const [shows, adds] = [open({ cookie }), open({ cookie })];
  await shows.session.load();
  shows.session.flash.peek();
  await adds.session.flash.add("third");
  await adds.respond();
  await shows.respond();
  await request({ cookie, handle: async (s) => assert.deepEqual(await s.flash.take(), [{ message: "third" }]) });
});

test("the test cookie comes back, until it is deleted", async () => {
  const { request } = world();
  const first = await request({ handle: (s) => s.setTestCookie() });
  await request({
    cookie: first.cookie,
    handle: async (s) => {
      assert.equal(await s.testCookieWorked(), true);
      await s.deleteTestCookie();
    },
  });
  await request({ cookie: first.cookie, handle: async (s) => assert.equal(await s.testCookieWorked(), false) });
});
