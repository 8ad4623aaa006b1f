import assert from "node:assert/strict";
import test from "node:test";
import { memoryStore } from "../../src/stores/memory.ts";
import type { SessionStore } from "../../src/core/store.ts";
import { runPairs } from "../../src/testing/schedules.ts";
import { describeFailures } from "./schedule-failures.ts";

const memory = { name: "memory", storage: () => ({ open: () => memoryStore() }) };

/** A store of the verbs alone, for which rotating takes several steps. */
function withoutRotate(): SessionStore {
  const { rotate: _, ...rest } = memoryStore();
  return rest;
}

for (const level of ["sessions", "verbs"] as const) {
  test(`every order of two requests of one session holds: ${level}`, async () => {
    const report = await runPairs(memory, { level });
    assert.ok(report.schedules > 5000, `${report.schedules} orders`);
    assert.equal(report.failures.length, 0, describeFailures(report));
  });
}

test("every order of two requests holds over a store that cannot rotate in one step", async () => {
  const report = await runPairs({ name: "memory without rotate", storage: () => ({ open: withoutRotate }) });
  assert.ok(report.schedules > 5000, `${report.schedules} orders`);
  assert.equal(report.failures.length, 0, describeFailures(report));
});

test("every order of two requests holds with a fault at every step in turn", async () => {
  const report = await runPairs(memory, { faults: true, deeds: ["put", "cycle", "logout"] });
  assert.ok(report.schedules > 5000, `${report.schedules} orders`);
  assert.ok(Object.keys(report.faults).length === 5, `all faults struck: ${Object.keys(report.faults).join(", ")}`);
  assert.equal(report.failures.length, 0, describeFailures(report));
});
