import assert from "node:assert/strict";
import { test } from "node:test";
import { isStateless } from "../../src/core/store.ts";
import { parsePage } from "../../scripts/check/markdown.ts";
import { cellOf, ruleText, testsOf } from "../../scripts/guarantees/cell.ts";
import { differencesOf } from "../../scripts/guarantees/differences.ts";
import { PAGE, keyOf, readPage } from "../../scripts/guarantees/page.ts";
import { fileOfRule } from "../../scripts/guarantees/rule-files.ts";
import { faultsOfRows, guarantees, ruleNames } from "../../scripts/guarantees/rows/index.ts";
import type { KitResult } from "../../scripts/guarantees/run-part.ts";
import { failureOf } from "../../scripts/guarantees/run-tests.ts";
import { statelessProofs } from "../../scripts/guarantees/stateless.ts";
import { suites } from "../../scripts/guarantees/suites.ts";
import type { StoreFamily } from "../stores/families/family.ts";
import { storeFamilies } from "../stores/families/index.ts";
import { filesUnder, textOf } from "./pages.ts";

const page = textOf(PAGE);
const stores = storeFamilies.map(({ name }) => name);
const titles = guarantees.map(({ title }) => title);

test("every rule of the store kit proves exactly one guarantee, and every guarantee has a rule", () => {
  assert.deepEqual(faultsOfRows(guarantees, ruleNames), []);
  for (const rule of ruleNames) assert.match(fileOfRule(rule), /^src\/testing\/rules\//);
});

test("a rule that proves nothing, or twice, and a guarantee without a rule are found", () => {
  const rows = [
    { title: "a", rules: ["one", "two"] },
    { title: "a", rules: ["two", "four"] },
    { title: "b", rules: [] },
  ];
  assert.deepEqual(faultsOfRows(rows, ["one", "two", "three"]), [
    'the rule "three" proves no guarantee',
    'there is no rule "four"',
    'the rule "two" proves two guarantees',
    'the guarantee "a" is there twice',
    'the guarantee "b" has no rule',
  ]);
});

test("the page has a row for every store under every guarantee, and no cell is empty", () => {
  const rows = readPage(page);
  assert.deepEqual(
    [...rows.keys()].toSorted(),
    titles.flatMap((title) => stores.map((store) => keyOf(store, title))).toSorted(),
  );
  for (const { cells, line } of parsePage(page).rows) {
    for (const cell of cells) assert.notEqual(cell, "", `${PAGE}:${line}`);
  }
  for (const [key, { kept, proof }] of rows) {
    assert.match(kept, /^(yes|in part: .+|no: .+|not needed: .+|yes: .+)$/s, key);
    if (/^(yes|in part)/.test(kept)) assert.match(proof, /rule|\]\(/, key);
  }
});

test("the page's first table has every guarantee and every store, and says what the tables below it say", () => {
  const rows = readPage(page);
  const matrix = parsePage(page).rows.filter(({ head }) => head[0] === "guarantee");
  assert.deepEqual(matrix[0]?.head, ["guarantee", ...stores, "proved by"]);
  assert.deepEqual(
    matrix.map(({ cells }) => /\[(?<title>.*)\]/.exec(cells[0] ?? "")?.groups?.["title"]),
    titles,
  );
  for (const [index, { cells }] of matrix.entries()) {
    for (const [column, store] of stores.entries()) {
      const mark = cells[column + 1] ?? "";
      const kept = rows.get(keyOf(store, titles[index] ?? ""))?.kept ?? "";
      assert.ok(kept === mark || kept.startsWith(`${mark}: `), `${store}: ${titles[index]}: ${mark}, and ${kept}`);
    }
  }
});

test("the page names every rule of the kit, every target of every store and every package", () => {
  const plain = page.replaceAll("\\", "");
  for (const rule of ruleNames) assert.ok(plain.includes(`. ${rule}\n`), rule);
  for (const { name, page: own, parts, packages = [] } of storeFamilies) {
    assert.ok(plain.includes(`[${name}](../../${own})`.replace("../../docs", "..")), own);
    for (const target of parts.flatMap(({ targets }) => targets)) assert.ok(plain.includes(target.name), target.name);
    for (const each of packages) assert.match(plain, new RegExp(`[ ,]${each} \\d`), each);
  }
});

test("the page names every test beside the kit, under its guarantee and with its store, and no others", () => {
  const rows = readPage(page);
  const linked = (text: string): string[] => [...text.matchAll(/\[(?<name>[^\]]*)\]\(/g)].map(([, name = ""]) => name);
  for (const guarantee of guarantees) {
    for (const each of storeFamilies) {
      const names = new Map(testsOf(each, guarantee).map(({ file, test: name }) => [`${file} ${name}`, name]));
      const { proof } = rows.get(keyOf(each.name, guarantee.title)) ?? assert.fail();
      assert.deepEqual(linked(proof.replaceAll("\\", "")), [...names.values()], keyOf(each.name, guarantee.title));
    }
  }
});

test("every test beside the kit that is named exists, and belongs to a guarantee and a store that exist", () => {
  for (const { guarantee, file, written = file, test: name, stores: of } of suites) {
    assert.ok(titles.includes(guarantee), guarantee);
    assert.ok(textOf(written).includes(name), `${written}: ${name}`);
    if (written !== file) assert.ok(textOf(file).includes(written.slice("test/stores/".length)), `${file} uses ${written}`);
    for (const store of Object.keys(of)) assert.ok(stores.includes(store), store);
  }
  for (const { guarantee, kept, why, tests = {} } of statelessProofs) {
    assert.ok(titles.includes(guarantee), guarantee);
    assert.equal(why === undefined, kept === "yes", guarantee);
    for (const [file, names] of Object.entries(tests)) {
      for (const name of names) assert.ok(textOf(file).includes(name), `${file}: ${name}`);
    }
  }
});

test("every list of targets is in a family, and the suites of the kit run on every family that has targets", () => {
  const tests = filesUnder("test/stores", "kit.test.ts").map(textOf).join("\n");
  const index = textOf("test/stores/families/index.ts");
  for (const path of filesUnder("test/stores/families", ".ts")) {
    for (const [, name] of textOf(path).matchAll(/^export const (\w+): StoreFamily = /gm)) {
      assert.match(index, new RegExp(`^  ${name},$`, "m"), `${path}: ${name} is not in the list`);
      if (name !== "cookie") assert.match(tests, new RegExp(`kitOf\\(${name}\\b`), `no suite runs the kit on ${name}`);
    }
  }
  const families = filesUnder("test/stores/families", ".ts").map(textOf).join("\n");
  for (const path of filesUnder("test/stores", "targets.ts").map((each) => each.slice("test/stores/".length))) {
    assert.ok(families.includes(`"../${path}"`), `no family is made of test/stores/${path}`);
  }
});

test("stores have one name each, and a store without targets declares that it keeps nothing", () => {
  assert.equal(new Set(stores).size, stores.length);
  const targets = storeFamilies.flatMap(({ parts }) => parts.flatMap((part) => part.targets.map(({ name }) => name)));
  assert.equal(new Set(targets).size, targets.length);
  for (const { name, parts, stateless } of storeFamilies) {
    const store = stateless?.();
    assert.equal(parts.length === 0, store !== undefined && isStateless(store), name);
  }
});

const row = guarantees.find(({ rules }) => rules.length === 3) ?? assert.fail();
const family: StoreFamily = { name: "made up", page: "docs/stores/memory.md", parts: [] };
const passing = (): undefined => undefined;

/** @param each `passed`, `failed`, or why a rule was left out; what is not said passed */
function outcomes(target: string, ...each: readonly string[]): KitResult[] {
  return row.rules.map((rule, index) => {
    const outcome = each[index] ?? "passed";
    const common = { store: family.name, target, rule };
    return outcome === "passed" || outcome === "failed"
      ? { ...common, outcome }
      : { ...common, outcome: "skipped", reason: outcome };
  });
}

test("a cell says yes, in part or no by what became of every rule on every target", () => {
  const cell = (...results: readonly KitResult[][]) => {
    const { kept, why, rules } = cellOf(family, row, results.flat(), passing);
    return { kept, why, rules };
  };
  assert.deepEqual(cell(outcomes("a"), outcomes("b")), { kept: "yes", why: [], rules: [1, 2, 3] });
  assert.deepEqual(cell(outcomes("a", "r", "r", "r"), outcomes("b", "r", "r", "r")), { kept: "no", why: ["r"], rules: [] });
  assert.deepEqual(cell(outcomes("a", "r"), outcomes("b", "r")), {
    kept: "in part",
    why: ["without rule 1: r"],
    rules: [2, 3],
  });
  assert.deepEqual(cell(outcomes("a", "r", "r", "r"), outcomes("b")), {
    kept: "in part",
    why: ["“a”: r"],
    rules: [1, 2, 3],
  });
  assert.deepEqual(cell(outcomes("a", "r", "s"), outcomes("b")).why, ["“a”: without rule 1: r", "“a”: without rule 2: s"]);
  assert.equal(cell(outcomes("a"), outcomes("b", "passed", "failed")).kept, "broken");
  assert.throws(() => cell(), /was not asked/);
});

test("rules are named by number, in runs", () => {
  assert.equal(ruleText([2]), "rule 2");
  assert.equal(ruleText([1, 2]), "rules 1 and 2");
  assert.equal(ruleText([3, 4, 5]), "rules 3 to 5");
  assert.equal(ruleText([1, 2, 3, 5, 7, 8, 9]), "rules 1 to 3, 5 and 7 to 9");
});

test("what cannot be damaged keeps the rules about damage, and says so; a store that does not say why is refused", () => {
  const undamaged = outcomes("a", "the target offers no way to damage a record");
  assert.throws(() => cellOf(family, row, undamaged, passing), /does not say why/);
  const { kept, why } = cellOf({ ...family, undamageable: "it has none" }, row, undamaged, passing);
  assert.deepEqual([kept, why], ["yes", ["without rule 1: it has none"]]);
});

test("a test that failed, was left out or is not there breaks a cell", () => {
  const redis = storeFamilies.find(({ name }) => name === "Redis") ?? assert.fail();
  const restart = guarantees.find(({ title }) => title === "Sessions survive a restart") ?? assert.fail();
  const [proof = assert.fail()] = testsOf(redis, restart);
  const { file } = proof;
  const path = `redis > ${proof.test}`;
  assert.equal(failureOf(proof, [{ file, path, outcome: "passed" }]), undefined);
  assert.match(failureOf(proof, [{ file, path, outcome: "failed" }]) ?? "", /failed$/);
  assert.match(failureOf(proof, [{ file, path, outcome: "skipped" }]) ?? "", /skipped$/);
  assert.match(failureOf(proof, [{ file, path: "another", outcome: "passed" }]) ?? "", /ran no test/);
  const results = restart.rules.map((rule) => ({ store: "Redis", target: "redis", rule, outcome: "passed" as const }));
  assert.equal(cellOf(redis, restart, results, (each) => failureOf(each, [])).kept, "broken");
  assert.equal(cellOf(redis, restart, results, passing).kept, "yes");
});

test("a run that found something else than the page says is told, cell by cell", () => {
  const memory = storeFamilies.find(({ name }) => name === "memory") ?? assert.fail();
  const all = row.rules.map((rule) => ({ store: "memory", target: "memory", rule, outcome: "passed" as const }));
  const same = cellOf(memory, row, all, passing);
  assert.deepEqual(differencesOf(page, [same], stores), []);
  const [difference = "", ...others] = differencesOf(page, [{ ...same, kept: "no", why: ["it was | changed"] }], stores);
  assert.match(difference, /memory: .* says “yes”, and the run “no: it was \| changed”/);
  assert.equal(others.length, 0);
  assert.match(differencesOf("", [same], stores)[0] ?? "", /has no row/);
  assert.match(differencesOf(page, [], stores.slice(1))[0] ?? "", /there is no memory/);
});
