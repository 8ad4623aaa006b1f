import { join } from "node:path";
import { parseArgs } from "node:util";
import { boundaries } from "./check/boundaries.ts";
import { bundles } from "./check/bundles.ts";
import { docsCode } from "./check/docs-code.ts";
import { exports } from "./check/exports.ts";
import { links } from "./check/links.ts";
import { lockfile } from "./check/lockfile.ts";
import { builtPackage } from "./check/package.ts";
import { reference } from "./check/reference.ts";
import type { Step } from "./check/step.ts";
import { deadCode, format, lint, types } from "./check/tools.ts";
import { words } from "./check/words.ts";

// `npm run check`: everything that is not a test of behaviour. `npm run check -- lint types` runs only these;
// `npm run check -- format exports --update` writes anew what can be written.
const STEPS: readonly Step[] = [
  format,
  lint,
  types,
  boundaries,
  bundles,
  deadCode,
  words,
  lockfile,
  links,
  reference,
  docsCode,
  exports,
  builtPackage,
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { update: { type: "boolean", default: false } },
});
const root = join(import.meta.dirname, "..");
const strangers = positionals.filter((name) => STEPS.every((step) => step.name !== name));
if (strangers.length > 0) {
  console.error(`There is no check ${strangers.join(", ")}. There are: ${STEPS.map(({ name }) => name).join(", ")}.`);
  process.exitCode = 2;
} else {
  const chosen = positionals.length === 0 ? STEPS : STEPS.filter(({ name }) => positionals.includes(name));
  const failed: string[] = [];
  for (const step of chosen) if (!(await holds(step))) failed.push(step.name);
  console.log(
    failed.length === 0
      ? `Everything holds: ${chosen.map(({ name }) => name).join(", ")}.`
      : `Checks that do not hold: ${failed.join(", ")}.`,
  );
  process.exitCode = failed.length === 0 ? 0 : 1;
}

/** Runs a step, prints its line and what it found, and says whether it found nothing. */
async function holds({ name, title, run }: Step): Promise<boolean> {
  const start = performance.now();
  const problems = await attempt(() => run({ root, update: values.update }));
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${problems.length === 0 ? "ok  " : "FAIL"}  ${name.padEnd(10)}  ${seconds.padStart(5)} s  ${title}`);
  for (const problem of problems) console.log(problem.replaceAll(/^/gm, "        "));
  return problems.length === 0;
}

/** A step that throws has found a problem too. */
async function attempt(work: () => ReturnType<Step["run"]>): Promise<readonly string[]> {
  try {
    return await work();
  } catch (error) {
    return [error instanceof Error ? (error.stack ?? error.message) : String(error)];
  }
}
