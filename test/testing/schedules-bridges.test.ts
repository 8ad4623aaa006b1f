import assert from "node:assert/strict";
import test from "node:test";
import { runSchedules } from "../../src/testing/schedules.ts";
import { bridgeTargets } from "../stores/bridges/targets.ts";
import { describeFailures } from "./schedule-failures.ts";

const SECONDS = 2;

for (const target of bridgeTargets.filter(({ name }) => /MemoryStore|unstorage: memory/.test(name))) {
  for (const level of ["sessions", "verbs"] as const) {
    test(`schedules of ${level} over ${target.name} break no promise`, async (context) => {
      // Other seeds than the ones that memory was run with.
      const report = await runSchedules(target, { level, from: 40_001, count: 2000, seconds: SECONDS });
      context.diagnostic(`${report.schedules} schedules, ${report.steps} steps`);
      assert.ok(report.schedules >= 20, `${report.schedules} schedules in ${SECONDS} seconds`);
      assert.equal(report.failures.length, 0, describeFailures(report));
    });
  }
}
