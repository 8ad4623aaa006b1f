import { run } from "node:test";
import { join, relative } from "node:path";
import type { TestProof } from "./cell.ts";

/** What became of a test: the names of the suites around it and its own, one after another. */
export interface TestOutcome {
  readonly file: string;
  readonly path: string;
  readonly outcome: "passed" | "failed" | "skipped";
}

/** As much of the events of `node:test` as is looked at; only those named below have all of it. */
interface TestEvent {
  readonly type: string;
  readonly data: {
    readonly name: string;
    readonly nesting: number;
    readonly file?: string;
    readonly skip?: string | boolean;
  };
}

const ROOT = join(import.meta.dirname, "../..");
/** Longer than any of the suites takes. */
const FILE_MS = 600_000;

/**
 * Runs test files, two at once, and gives what became of each test. A file with a failure is run once more by itself, as the time limits
 * in some do not hold on a machine that is busy; what fails then has failed.
 *
 * @param say is told of each file that begins
 */
export async function runTests(files: readonly string[], say: (line: string) => void): Promise<readonly TestOutcome[]> {
  const first = await runOnce(files, 2, say);
  const failed = files.filter((file) => first.some((each) => each.file === file && each.outcome === "failed"));
  if (failed.length === 0) return first;
  say(`once more: ${failed.join(", ")}`);
  return [...first.filter(({ file }) => !failed.includes(file)), ...(await runOnce(failed, 1, say))];
}

async function runOnce(
  files: readonly string[],
  concurrency: number,
  say: (line: string) => void,
): Promise<readonly TestOutcome[]> {
  const outcomes: TestOutcome[] = [];
  const around = new Map<string, string[]>();
  const stream = run({
    files: files.map((file) => join(ROOT, file)),
    cwd: ROOT,
    concurrency,
    timeout: FILE_MS,
    execArgv: ["--conditions=sojourn:source"],
  });
  for await (const { type, data } of stream as AsyncIterable<TestEvent>) {
    if (type !== "test:start" && type !== "test:pass" && type !== "test:fail") continue;
    const { name, nesting, file: path } = data;
    if (path === undefined) continue;
    const file = relative(ROOT, path).replaceAll("\\", "/");
    if (type === "test:start") {
      if (!around.has(file)) say(`${file} …`);
      const names = around.get(file) ?? [];
      names.length = nesting;
      names.push(name);
      around.set(file, names);
      continue;
    }
    const full = [...(around.get(file) ?? []).slice(0, nesting), name].join(" > ");
    const left = data.skip !== undefined && data.skip !== false;
    outcomes.push({ file, path: full, outcome: type === "test:fail" ? "failed" : left ? "skipped" : "passed" });
  }
  return outcomes;
}

/** Why a test proves nothing, by what became of the tests; undefined when it passed, and every one of its kind. */
export function failureOf({ file, test, under }: TestProof, outcomes: readonly TestOutcome[]): string | undefined {
  const matching = outcomes.filter((each) => each.file === file && each.path.includes(test) && each.path.includes(under));
  // A suite passes with its tests, and is called as it is.
  const own = matching.filter(({ path }) => path.split(" > ").at(-1)?.includes(test));
  if (own.length === 0) return `${file} ran no test “${test}”`;
  const bad = own.find(({ outcome }) => outcome !== "passed");
  return bad === undefined ? undefined : `${file}: “${bad.path}” ${bad.outcome}`;
}
