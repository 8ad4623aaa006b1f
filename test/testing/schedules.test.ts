import assert from "node:assert/strict";
import test from "node:test";
import { memoryStore } from "../../src/stores/memory.ts";
import { EveryChoice, seededChoice } from "../../src/testing/schedule/random.ts";
import { replaySchedule, runSchedules, type ScheduleLevel } from "../../src/testing/schedules.ts";
import { describeFailures } from "./schedule-failures.ts";

const memory = { name: "memory", storage: () => ({ open: () => memoryStore() }) };

test("the same seed makes the same choices, and another seed others", () => {
  const draw = (seed: number) => {
    const choose = seededChoice(seed);
    return Array.from({ length: 50 }, () => choose(10));
  };
  assert.deepEqual(draw(7), draw(7));
  assert.notDeepEqual(draw(7), draw(8));
  const counts = Array.from({ length: 10 }, () => 0);
  const choose = seededChoice(1);
  for (let round = 0; round < 10_000; round++) counts[choose(10)]!++;
  assert.ok(
    counts.every((count) => count > 800 && count < 1200),
    `evenly spread: ${counts.join(" ")}`,
  );
});

test("every sequence of choices is walked once", () => {
  const every = new EveryChoice();
  const seen: string[] = [];
  do {
    const first = every.choose(3);
    seen.push(first === 1 ? `1${every.choose(2)}` : String(first));
  } while (every.next());
  assert.deepEqual(seen, ["0", "10", "11", "2"]);
});

for (const level of ["sessions", "verbs"] as const) {
  test(`a schedule of ${level} is the same when it is replayed`, async () => {
    for (const seed of [3, 11, 42, 1000, 4711]) {
      const [first, again] = [await replaySchedule(memory, seed, level), await replaySchedule(memory, seed, level)];
      // An epoch is a time, which goes on from one run to the next.
      const steps = ({ trace }: typeof first) => trace.map((step) => step.replace(/\d{13}/, "a time"));
      assert.deepEqual(steps(again), steps(first), `seed ${seed}`);
      assert.deepEqual([again.faults, again.outcomes, again.violations], [first.faults, first.outcomes, first.violations]);
    }
  });
}

async function holds(level: ScheduleLevel): Promise<void> {
  const report = await runSchedules(memory, { level });
  assert.equal(report.schedules, 10_000);
  assert.ok(report.steps > 100_000, `${report.steps} steps`);
  for (const fault of ["crash", "fail", "lose", "repeat", "late copy"] as const) {
    assert.ok((report.faults[fault] ?? 0) > 300, `the fault "${fault}" struck ${report.faults[fault]} times`);
  }
  for (const [state, least] of Object.entries({ stored: 20_000, refused: 5000, unknown: 30, pending: 2000 })) {
    assert.ok((report.outcomes[state] ?? 0) > least, `${report.outcomes[state]} writes and ends were ${state}`);
  }
  assert.equal(report.failures.length, 0, describeFailures(report));
}

test("10,000 schedules of sessions over memory break no promise", () => holds("sessions"));
test("10,000 schedules of a reference client over memory break no promise", () => holds("verbs"));
