import assert from "node:assert/strict";
import { test } from "node:test";
import { richCodec } from "../../src/codec/rich.ts";
import { systemClock } from "../../src/core/clock.ts";
import type { SessionsOptions } from "../../src/core/options.ts";
import { union } from "../../src/core/merge.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { type Visit, world } from "./support.ts";

async function started(data: object, options: SessionsOptions<Visit> = {}) {
  const made = world({ ...options, store: memoryStore() });
  const first = await made.request({ handle: async (s) => void Object.assign(await s.load(), data) });
  const cookie = first.cookie!;
  const stored = async (of = cookie) => structuredClone({ ...(await made.open({ cookie: of }).session.load()) });
  return { ...made, cookie, stored };
}

const tagged = { list: union } as NonNullable<SessionsOptions<Visit>["merge"]>;
const push = (id: string) => (data: Visit) => void (data["list"] as object[]).push({ id });

test("an update that leaves a new session empty also empties the loaded data", async () => {
  const { request } = world();
  const reply = await request({
    handle: async (s) => {
      const data = await s.load();
      data.count = 1;
      await s.update((visit) => void delete visit.count);
      assert.equal(data.count, undefined);
    },
  });
  assert.deepEqual(reply.setCookie, []);
});

test("an update that was stored does not reject because the loaded data holds a frozen value", async () => {
  const { open, cookie, stored } = await started({ cart: ["a"] });
  const { session } = open({ cookie });
  (await session.load()).cart = Object.freeze(["a"]) as string[];
  await session.update((visit) => void visit.cart!.push("b"));
  assert.deepEqual(await stored(), { cart: ["a", "b"] });
});

test("an update that was stored does not reject because a list is long", async () => {
  const { open, cookie } = await started({ list: Array.from({ length: 200_000 }, () => 1) });
  const { session } = open({ cookie });
  await session.load();
  await session.update((visit) => void (visit["list"] as number[]).push(2));
});

test("an update of one of two keys that the handler gave the same object changes that key alone", async () => {
  const { request, stored, cookie } = await started({ count: 1 });
  await request({
    cookie,
    handle: async (s) => {
      const data = await s.load();
      data["billing"] = data["shipping"] = { city: "A" };
      await s.update((visit) => void ((visit["shipping"] as { city: string }).city = "B"));
    },
  });
  assert.deepEqual(await stored(), { count: 1, billing: { city: "A" }, shipping: { city: "B" } });
});

test("a fresh load keeps the pending entry of a list that merges as a set", async () => {
  const { open, request, cookie, stored } = await started({ list: [] }, { merge: tagged });
  const { session, respond } = open({ cookie });
  push("ours")(await session.load());
  await request({ cookie, handle: (s) => s.update(push("theirs")) });
  await session.load({ fresh: true });
  await respond();
  assert.deepEqual((await stored())["list"], [{ id: "theirs" }, { id: "ours" }]);
});

test("exclusive keeps the pending entry of a list that merges as a set", async () => {
  const { open, request, cookie, stored } = await started({ list: [] }, { merge: tagged, clock: systemClock });
  const { session, respond } = open({ cookie });
  push("ours")(await session.load());
  await request({ cookie, handle: (s) => s.update(push("theirs")) });
  await session.exclusive(() => undefined);
  await respond();
  assert.deepEqual((await stored())["list"], [{ id: "theirs" }, { id: "ours" }]);
});

test("an update of an ArrayBuffer on a loaded session is not undone by its own response", async () => {
  const { request, cookie, stored } = await started({ bytes: new ArrayBuffer(1) }, { codec: richCodec() });
  await request({
    cookie,
    handle: async (s) => {
      await s.load();
      await s.update((visit) => void (visit["bytes"] = new Uint8Array([7]).buffer));
    },
  });
  assert.deepEqual([...new Uint8Array((await stored())["bytes"] as ArrayBuffer)], [7]);
});

test("a session is not modified once its update is stored, whatever the order of its keys", async () => {
  const { open, cookie } = await started({ a: 1, b: 2 });
  const { session } = open({ cookie });
  await session.load();
  await session.update((visit) => {
    delete visit["a"];
    visit["a"] = 5;
  });
  assert.equal(session.modified, false);
});

test("a session is not modified once a merged save is stored, so that a later end does not fail the response", async () => {
  const { open, request, cookie } = await started({ z: 1 });
  const { session } = open({ cookie });
  (await session.load())["x"] = 1;
  await request({ cookie, handle: (s) => s.update((visit) => void (visit["y"] = 1)) });
  await session.save();
  assert.equal(session.modified, false);
});

test("what an action under exclusive changed before it threw is not stored", async () => {
  const { request, cookie, stored } = await started({ count: 1 });
  const refused = (visit: Visit) => {
    visit["paid"] = true;
    throw new Error("refused");
  };
  await request({ cookie, handle: (s) => assert.rejects(s.exclusive(refused), /refused/) });
  assert.deepEqual(await stored(), { count: 1 });
});

test("after exclusive found the session ended, neither its user nor its data are shown", async () => {
  const { open, request, sessions, cookie } = await started({ count: 1 });
  const login = await request({ cookie, handle: (s) => s.login("ada") });
  const { session, respond } = open({ cookie: login.cookie });
  const action = async (visit: Visit) => {
    visit.count = 2;
    await sessions.revoke(session.handle!);
  };
  await assert.rejects(session.exclusive(action), { code: "ERR_SESSION_GONE" });
  assert.deepEqual([session.userId, { ...session.data }], [null, {}]);
  await respond();
});

test("save stores a new session also where the visitor brought an unknown id", async () => {
  const { request } = world();
  const reply = await request({ cookie: `__Host-sid=${"A".repeat(32)}`, handle: (s) => s.save() });
  assert.equal(reply.session.isNew, false);
});
