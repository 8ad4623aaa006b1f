import assert from "node:assert/strict";
import test from "node:test";
import { fakeClock } from "../../src/testing/fake-clock.ts";

test("the clock stands still until it is advanced", () => {
  const clock = fakeClock(1000);
  assert.equal(clock.now(), 1000);
  clock.advance(250);
  assert.equal(clock.now(), 1250);
  assert.equal(fakeClock().now(), Date.UTC(2026, 0, 1));
});

test("sleepers wake when the clock reaches them, in the order of their times", async () => {
  const clock = fakeClock(0);
  const woken: string[] = [];
  void clock.sleep(20).then(() => woken.push("later"));
  void clock.sleep(10).then(() => woken.push("sooner"));
  assert.equal(clock.sleeping, 2);
  clock.advance(9);
  await Promise.resolve();
  assert.deepEqual([woken, clock.sleeping], [[], 2]);
  clock.advance(11);
  await new Promise((resume) => setImmediate(resume));
  assert.deepEqual([woken, clock.sleeping], [["sooner", "later"], 0]);
});

test("a sleep can move the clock by itself, and lets others run", async () => {
  const clock = fakeClock(0, { sleep: "advance" });
  let other = false;
  setImmediate(() => (other = true));
  await clock.sleep(500);
  assert.deepEqual([clock.now(), other, clock.sleeping], [500, true, 0]);
  await clock.sleep(-5);
  assert.equal(clock.now(), 500);
});

test("the clock never goes back", () => {
  const clock = fakeClock(0);
  assert.throws(() => clock.advance(-1), RangeError);
  assert.throws(() => clock.advance(Number.NaN), RangeError);
});
