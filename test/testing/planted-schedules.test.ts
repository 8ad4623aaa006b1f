import assert from "node:assert/strict";
import test from "node:test";
import type { Level } from "../../src/testing/schedule/level.ts";
import { verbLevel } from "../../src/testing/schedule/level.ts";
import { referenceApplication } from "../../src/testing/schedule/reference-driver.ts";
import { runSeed } from "../../src/testing/schedules.ts";
import { plainStorage } from "./planted/plain-store.ts";
import { clientFaults, scheduledFaults } from "./planted/scheduled.ts";
import type { StoreTarget } from "../../src/testing/store-rule.ts";

const MOST_SEEDS = 3000;

/** Runs seed after seed until one says what is expected. */
async function firstToSay(target: StoreTarget, level: Level, says: RegExp): Promise<number> {
  for (let seed = 1; seed <= MOST_SEEDS; seed++) {
    const { violations } = await runSeed(target, seed, level);
    if (violations.some((violation) => says.test(violation))) return seed;
  }
  throw new assert.AssertionError({ message: `${MOST_SEEDS} schedules found nothing of ${says}` });
}

for (const { name, Store, says } of scheduledFaults) {
  test(`schedules catch a store with this fault: ${name}`, async () => {
    const target = { name, storage: () => plainStorage(Store) };
    const seed = await firstToSay(target, verbLevel, says);
    const again = await runSeed(target, seed, verbLevel);
    assert.ok(
      again.violations.some((violation) => says.test(violation)),
      "the seed finds it again",
    );
  });
}

for (const { name, choices, says } of clientFaults) {
  test(`schedules catch a client with this fault: ${name}`, async () => {
    const level = {
      ...verbLevel,
      application: (store, clock) => referenceApplication(store, clock, choices),
    } satisfies Level;
    await firstToSay({ name, storage: () => plainStorage() }, level, says);
  });
}
