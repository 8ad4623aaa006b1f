// npm run guarantees [-- --json | --check] [--store NAME] [--only TEXT] [--tests]: what each store keeps of each guarantee, from a run.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { storeFamilies } from "../test/stores/families/index.ts";
import { cellOf, testsOf, type Cell } from "./guarantees/cell.ts";
import { differencesOf } from "./guarantees/differences.ts";
import { PAGE, keptText, pageOf } from "./guarantees/page.ts";
import { missingServers, runKit } from "./guarantees/run-kit.ts";
import { failureOf, runTests } from "./guarantees/run-tests.ts";
import { faultsOfRows, guarantees, ruleNames, sections } from "./guarantees/rows/index.ts";
import { fileOfRule } from "./guarantees/rule-files.ts";
import { versionsOf } from "./guarantees/versions.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    check: { type: "boolean", default: false },
    tests: { type: "boolean", default: false },
    store: { type: "string", multiple: true },
    only: { type: "string", default: "" },
  },
});
const started = performance.now();
const say = (line: string): void => console.error(line);
process.exitCode = await main();
say(`${((performance.now() - started) / 1000).toFixed(0)} s`);

async function main(): Promise<number> {
  const faults = faultsOfRows(guarantees, ruleNames);
  if (faults.length > 0) return ended(faults);
  const { store: wanted, only } = values;
  const strangers = (wanted ?? []).filter((each) => storeFamilies.every(({ name }) => name !== each));
  if (strangers.length > 0) {
    return ended([
      `there is no store ${strangers.join(", ")}; there are ${storeFamilies.map(({ name }) => name).join(", ")}`,
    ]);
  }
  const asked = storeFamilies.filter(({ name }) => wanted?.includes(name) ?? true);
  const absent = asked.filter((family) => missingServers(family).length > 0);
  for (const family of absent) say(`${family.name} is left out: ${missingServers(family).join(", ")} not installed`);
  const families = asked.filter((family) => !absent.includes(family));
  const rows = guarantees.filter(({ title, rules }) => [title, ...rules].some((text) => text.includes(only)));

  // The tests beside the kit are run by `npm test` already, but for a store on which the kit cannot be run.
  const beside = values.tests ? families : families.filter(({ stateless }) => stateless !== undefined);
  const chosen = rows.flatMap(({ rules }) => rules);
  const results = await runKit(families, chosen, say);
  const files = new Set(beside.flatMap((family) => rows.flatMap((row) => testsOf(family, row).map(({ file }) => file))));
  const outcomes = files.size === 0 ? [] : await runTests([...files], say);
  const cells = families.flatMap((family) =>
    rows.map((row) =>
      cellOf(family, row, results, (proof) => (files.has(proof.file) ? failureOf(proof, outcomes) : undefined)),
    ),
  );

  const broken = cells.filter(({ kept }) => kept === "broken");
  if (values.json) {
    const stores = families.map(({ name, page }) => ({ name, page }));
    const tests = outcomes.map(({ file, path, outcome }) => ({ file, test: path, outcome }));
    print({ versions: versionsOf(families), stores, sections, cells, rules: results, tests });
  }
  if (broken.length > 0) return ended(broken.map(textOf));
  const whole = families.length === storeFamilies.length && rows.length === guarantees.length;
  if (values.check)
    return ended(
      differencesOf(
        committed(),
        cells,
        storeFamilies.map(({ name }) => name),
      ),
    );
  if (whole && !values.json) {
    const report = { sections, families, cells, versions: versionsOf(families), fileOfRule };
    writeFileSync(pathOf(PAGE), pageOf(report));
    say(`${PAGE} written: ${families.length} stores, ${guarantees.length} guarantees, ${ruleNames.length} rules`);
    return 0;
  }
  if (!values.json) console.log(cells.map(textOf).join("\n"));
  return ended(absent.length > 0 ? ["nothing was published, as servers are missing; `npm run servers` installs them"] : []);
}

function textOf(cell: Cell): string {
  return `${cell.store}: ${cell.guarantee}: ${keptText(cell)}`;
}

function pathOf(path: string): string {
  return join(import.meta.dirname, "..", path);
}

function committed(): string {
  return existsSync(pathOf(PAGE)) ? readFileSync(pathOf(PAGE), "utf8") : "";
}

function print(report: object): void {
  process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
}

/** Says what is wrong, if anything is, and gives the exit code. */
function ended(faults: readonly string[]): number {
  for (const fault of faults) say(fault);
  return faults.length === 0 ? 0 : 1;
}
