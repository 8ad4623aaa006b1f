import assert from "node:assert/strict";
import test from "node:test";
import { runStoreRule } from "../../src/testing/store-kit.ts";
import { verbRules } from "../../src/testing/store-rules.ts";
import { endFaults } from "./planted/ends.ts";
import type { Fault } from "./planted/fault.ts";
import { listFaults } from "./planted/lists.ts";
import { plainStorage } from "./planted/plain-store.ts";
import { sharingFaults } from "./planted/sharing.ts";
import { textFaults } from "./planted/texts.ts";
import { userFaults } from "./planted/users.ts";
import { writeFaults } from "./planted/writes.ts";

const faults: readonly Fault[] = [
  ...writeFaults,
  ...endFaults,
  ...userFaults,
  ...listFaults,
  ...sharingFaults,
  ...textFaults,
];

const rules = new Map(verbRules.map((rule) => [rule.name, rule]));

for (const { name, Store, caughtBy } of faults) {
  test(`the kit catches a store with this fault: ${name}`, async () => {
    assert.ok(caughtBy.length > 0, "a fault names the rules that catch it");
    for (const ruleName of caughtBy) {
      const rule = rules.get(ruleName);
      assert.ok(rule, `no rule is called "${ruleName}"`);
      const { outcome } = await runStoreRule(rule, { name, storage: () => plainStorage(Store) });
      assert.equal(outcome, "failed", ruleName);
    }
  });
}

test("every rule of the contract catches at least one planted fault, so none of them is empty", () => {
  const caught = new Set(faults.flatMap(({ caughtBy }) => caughtBy));
  assert.deepEqual(
    verbRules.map(({ name }) => name).filter((name) => !caught.has(name)),
    [],
  );
});

test("the store without a fault keeps every promise", async () => {
  for (const rule of verbRules) {
    const result = await runStoreRule(rule, { name: "plain", storage: () => plainStorage() });
    assert.equal(result.outcome, "passed", `${rule.name}: ${result.reason}`);
  }
});
