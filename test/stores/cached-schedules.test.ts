import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { runPairs, runSchedules } from "../../src/testing/schedules.ts";
import { describeFailures } from "../testing/schedule-failures.ts";
import { BEGINNINGS, DEEDS, play, type Report, type Scene } from "./cached/orders.ts";
import { plantedFaults } from "./cached/planted.ts";
import type { Beginning, Deed } from "./cached/schedules.ts";
import { cachedTargets } from "./cached/targets.ts";

function holds({ orders, failures }: Report, least: number): void {
  assert.ok(orders >= least, `${orders} orders`);
  assert.equal(failures.length, 0, `${failures.length} of ${orders} orders\n${failures.slice(0, 3).join("\n\n")}`);
}

/** Each of these deeds with each of these beginnings. */
const scenes = (beginnings: readonly Beginning[], deeds: readonly (readonly Deed[])[]): Scene[] =>
  beginnings.flatMap((beginning) => deeds.map((each) => ({ beginning, deeds: each })));

describe("whoever reads sees every write that was acknowledged, and never a session that was ended", () => {
  test("in every order of the calls of any two, whatever the cache has at first", async () => {
    // Readers alone change nothing.
    const isReading = (deed: Deed): boolean => deed.startsWith("read");
    const pairs = DEEDS.flatMap((one, index) =>
      DEEDS.slice(index).flatMap((other) => (isReading(one) && isReading(other) ? [] : [[one, other]])),
    );
    holds(await play({ scenes: scenes(BEGINNINGS, [...pairs, ["create", "end of the new"]]) }), 4000);
  });

  test("in every order of the calls of a reader, a writer and whoever ends the session", async () => {
    const trios = scenes(
      ["stale copy", "free place"],
      [
        ["read", "save", "end"],
        ["read", "read", "end"],
        ["read", "touch", "end"],
        ["read", "save", "rotate"],
        ["read", "end", "evict"],
        ["read", "save", "evict"],
      ],
    );
    holds(await play({ scenes: [...trios, { beginning: "stale copy", deeds: ["read", "read", "save"] }] }), 10_000);
  });

  test("in many orders of the calls of four", async () => {
    holds(await play({ seeds: 2000 }), 2000);
  });
});

describe("with a cache that fails, whoever wrote sees it at once, and everybody once copies have run out", () => {
  test("in every order of the calls of any two, with a fault at each call of the cache in turn", async () => {
    const pairs: Deed[][] = [
      ["read", "save"],
      ["read", "touch"],
      ["read", "end"],
      ["read", "end of its version"],
      ["read", "rotate"],
      ["read", "revoke user"],
      ["save", "save"],
      ["save", "end"],
      ["touch", "end"],
    ];
    const report = await play({ scenes: scenes(["stale copy", "fresh copy", "free place"], pairs), strikes: "cache" });
    holds(report, 4000);
    assert.deepEqual([...report.struck.keys()].toSorted(), ["crash", "fail", "late copy", "lose", "repeat"]);
  });

  test("and when the store's replies are lost, its calls repeated and its callers crash", async () => {
    const pairs: Deed[][] = [
      ["read", "save"],
      ["read", "end"],
      ["read", "rotate"],
      ["read", "touch"],
    ];
    holds(await play({ scenes: scenes(["stale copy"], pairs), strikes: "both" }), 1000);
  });
});

describe("a fault in how the cache is kept is noticed", () => {
  for (const { name, deeds } of plantedFaults) {
    test(name, async () => {
      const report = await play({ scenes: scenes(BEGINNINGS, [deeds]), planted: name });
      assert.notEqual(report.failures.length, 0, `${report.orders} orders, and none failed`);
    });
  }
});

describe("the schedules of every store hold with a cache in front", () => {
  for (const target of cachedTargets.filter(({ name }) => name.includes("memory, memory"))) {
    test(`every order of two requests of one session: ${target.name}`, async () => {
      const report = await runPairs(target, {
        level: "verbs",
        deeds: ["read", "put", "cycle", "login", "logout", "revoke user"],
      });
      assert.ok(report.schedules > 500, `${report.schedules} orders`);
      assert.equal(report.failures.length, 0, describeFailures(report));
    });

    test(`seeded schedules with faults: ${target.name}`, async () => {
      const report = await runSchedules(target, { count: 200 });
      assert.equal(report.failures.length, 0, describeFailures(report));
    });
  }
});
