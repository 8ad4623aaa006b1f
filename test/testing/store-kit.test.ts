import assert from "node:assert/strict";
import test from "node:test";
import { djangoBehaviours } from "../../src/testing/django-behaviours.ts";
import { runStoreKit, runStoreRule, storeKit } from "../../src/testing/store-kit.ts";
import type { StoreRule } from "../../src/testing/store-rule.ts";
import { sessionRules, storeRules } from "../../src/testing/store-rules.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { type Disk, plainStorage, PlainStore } from "./planted/plain-store.ts";

const target = { name: "memory", storage: () => ({ open: () => memoryStore() }) };
const passing: StoreRule = { name: "passes", run: async () => undefined };
const failing: StoreRule = { name: "fails", run: async () => assert.fail("broken") };

test("the names of the rules are unique", () => {
  const names = storeRules.map(({ name }) => name);
  assert.deepEqual(names, [...new Set(names)]);
});

test("every engine-independent behaviour of Django's session tests is a rule, departures with their reason", () => {
  const names = new Set(sessionRules.map(({ name }) => name));
  // 38 of SessionTestsMixin and 3 of SessionBaseTests.
  assert.equal(djangoBehaviours.length, 41);
  for (const { django, rule, departure } of djangoBehaviours) {
    assert.ok(names.has(rule), `${django}: no rule is called "${rule}"`);
    assert.notEqual(departure, "", django);
  }
});

test("a run gives each rule's outcome: passed, failed with the error, or skipped with the reason", async () => {
  const skipped: StoreRule = { name: "needs rotate", needs: ["rotate"], run: async () => assert.fail("must not run") };
  const without = { name: "plain", storage: () => ({ open: () => ({ ...memoryStore(), rotate: undefined }) as never }) };
  const results = [];
  for await (const result of runStoreKit([passing, failing, skipped], without)) results.push(result);
  assert.deepEqual(
    results.map(({ rule, outcome, reason }) => ({ rule, outcome, reason })),
    [
      { rule: "passes", outcome: "passed", reason: undefined },
      { rule: "fails", outcome: "failed", reason: "broken" },
      { rule: "needs rotate", outcome: "skipped", reason: "it does not declare the ability rotate" },
    ],
  );
});

test("what has to be seen at once is not asked of a store that declares how late it may be", async () => {
  const rule: StoreRule = { name: "at once", needs: ["immediate"], run: async () => undefined };
  const run = (staleSeconds: number | undefined) => {
    const open = () => ({ ...memoryStore(), ...(staleSeconds !== undefined && { staleSeconds }) });
    return runStoreRule(rule, { name: "declares", storage: () => ({ open }) });
  };
  const { outcome, reason } = await run(5);
  const skipped = "what another handle wrote may be seen up to 5 seconds later, as it declares";
  assert.deepEqual([outcome, reason], ["skipped", skipped]);
  assert.equal((await run(0)).outcome, "passed");
  assert.equal((await run(undefined)).outcome, "passed");
});

test("a run can be narrowed to one rule or to those that match", async () => {
  const names = async (only: string | RegExp) => {
    const run = [];
    for await (const { rule } of runStoreKit([passing, failing], target, { only })) run.push(rule);
    return run;
  };
  assert.deepEqual(await names("passes"), ["passes"]);
  assert.deepEqual(await names(/s$/), ["passes", "fails"]);
  assert.deepEqual(await names("none"), []);
});

test("a rule that never ends fails, and the storage is removed", async () => {
  let removed = 0;
  const storage = () => ({ open: () => memoryStore(), remove: () => void removed++ });
  const endless: StoreRule = { name: "endless", run: () => new Promise(() => undefined) };
  const { outcome, reason } = await runStoreRule(endless, { name: "memory", storage }, { ruleSeconds: 0.01 });
  assert.deepEqual([outcome, reason, removed], ["failed", "not done after 0.01 seconds", 1]);
});

test("a store that cannot be opened or closed fails, and does not end the run", async () => {
  const refuses = { name: "refuses", storage: () => ({ open: () => Promise.reject(new Error("no server")) }) };
  assert.equal((await runStoreRule(passing, refuses)).reason, "no server");
  const Sticking = class extends PlainStore {
    override async close(): Promise<void> {
      throw new Error("cannot close");
    }
  };
  const result = await runStoreRule(passing, { name: "sticks", storage: () => plainStorage(Sticking) });
  assert.deepEqual([result.outcome, result.reason], ["failed", "cannot close"]);
});

test("a restart closes every handle before the storage is opened again", async () => {
  const events: string[] = [];
  class Noting extends PlainStore {
    constructor(disk: Disk) {
      super(disk);
      events.push("open");
    }
    override async close(): Promise<void> {
      events.push("close");
    }
  }
  const rule: StoreRule = {
    name: "restarts",
    needs: ["durable", "second handle"],
    async run({ reopen, restart }) {
      await reopen();
      await restart();
    },
  };
  const { outcome } = await runStoreRule(rule, { name: "noting", storage: () => plainStorage(Noting) });
  assert.equal(outcome, "passed");
  assert.deepEqual(events, ["open", "open", "close", "close", "open", "close"]);
});

test("the binding registers one test a rule, which fails and skips as the rule does", async () => {
  const tests = new Map<string, (context: { skip(reason?: string): void }) => Promise<void>>();
  const needy: StoreRule = { name: "needy", needs: ["corrupt"], run: async () => undefined };
  storeKit((name, run) => tests.set(name, run), target, { rules: [passing, failing, needy] });
  assert.deepEqual([...tests.keys()], ["memory: passes", "memory: fails", "memory: needy"]);
  const reasons: (string | undefined)[] = [];
  const context = { skip: (reason?: string) => void reasons.push(reason) };
  await tests.get("memory: passes")?.(context);
  await assert.rejects(async () => tests.get("memory: fails")?.(context), /broken/);
  await tests.get("memory: needy")?.(context);
  assert.deepEqual(reasons, ["the target offers no way to damage a record"]);
});

test("every session rule passes on the plain store, so the kit asks nothing of a store but its contract", async () => {
  for await (const { rule, outcome, reason } of runStoreKit(sessionRules, {
    name: "plain",
    storage: () => plainStorage(),
  })) {
    assert.equal(outcome, "passed", `${rule}: ${reason}`);
  }
});

test("the session rules pass over the verbs alone, without any ability", async () => {
  const bare = { list: undefined, users: undefined, rotate: undefined, clearExpired: undefined, close: undefined };
  const storage = () => ({ open: () => ({ ...memoryStore(), ...bare }) as never });
  const outcomes = new Map<string, number>();
  for await (const { rule, outcome, reason } of runStoreKit(sessionRules, { name: "bare", storage })) {
    assert.notEqual(outcome, "failed", `${rule}: ${reason}`);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  assert.equal(outcomes.get("skipped"), 6);
});
