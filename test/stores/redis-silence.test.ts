import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Silence } from "../../src/stores/redis/silence.ts";

function watched(t: TestContext) {
  t.mock.timers.enable({ apis: ["setInterval"] });
  let told = 0;
  const silence = new Silence(() => told++);
  return {
    silence,
    told: () => told,
    seconds: (count: number) => {
      for (let at = 0; at < count; at++) t.mock.timers.tick(1000);
    },
  };
}

test("a call without a reply is told of after ten seconds, eleven at most, and each second from then on", (t) => {
  const { silence, told, seconds } = watched(t);
  silence.asked();
  seconds(10);
  assert.equal(told(), 0);
  seconds(1);
  assert.equal(told(), 1);
  seconds(4);
  assert.equal(told(), 5);
});

test("a call that never gets a reply is not forgotten, however long it takes", (t) => {
  const { silence, told, seconds } = watched(t);
  silence.asked();
  seconds(100);
  const before = told();
  seconds(32);
  assert.ok(told() > before);
});

test("calls that are answered in time tell of nothing, however many there are and whenever they began", (t) => {
  const { silence, told, seconds } = watched(t);
  for (let at = 0; at < 100; at++) {
    const calls = [silence.asked(), silence.asked()];
    seconds(9);
    for (const call of calls) silence.answered(call);
  }
  assert.equal(told(), 0);
});

test("one silent call among many that are answered is told of", (t) => {
  const { silence, told, seconds } = watched(t);
  silence.asked();
  for (let at = 0; at < 11; at++) {
    const call = silence.asked();
    seconds(1);
    silence.answered(call);
  }
  assert.equal(told(), 1);
});

test("when all are answered the clock stops, and begins anew with the next call", (t) => {
  const { silence, told, seconds } = watched(t);
  silence.answered(silence.asked());
  seconds(50);
  silence.asked();
  seconds(10);
  assert.equal(told(), 0);
  seconds(1);
  assert.equal(told(), 1);
  silence.stop();
  seconds(20);
  assert.equal(told(), 1);
});
