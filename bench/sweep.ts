/**
 * What requests notice of a sweep: fills a store with expired sessions, and some that were renewed, and sweeps it with the real
 * `clearExpired` while visitors come at a steady rate, whose answers are timed from when they were due.
 *
 *     npx node --conditions=sojourn:source bench/sweep.ts [sqlite|postgres|mariadb …] [--rows N] [--renewed N] [--rate PER_SECOND]
 *       [--quiet SECONDS] [--longest SECONDS] [--batch N] [--duty SHARE] [--elsewhere]
 *
 * Without a name it is SQLite and PostgreSQL. A sweep that takes longer than the longest is stopped then. With `--elsewhere` it is
 * `sojourn clear-expired` that sweeps, in a process of its own.
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { createSessions } from "../src/index.ts";
import { digits, numberOf, progress, type Spread, show, spreadOf, table, verdict } from "./measure.ts";
import { publish } from "./publish.mjs";
import { type Ground, GROUNDS } from "./sweep/grounds.ts";
import { percentile, type Took, type Visit, visit } from "./sweep/visits.ts";

const VISITORS = 1000;
const AT_ONCE = 500_000;
/** So many times what it is when nothing is swept the slowest hundredth of the requests may take. */
const GOAL = 2;
const PUBLISHED = ["sqlite", "postgres"];
const DEFAULTS = { rows: "1000000", rate: "400", quiet: "20", longest: "180", batch: "1000" };

const { values: given, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rows: { type: "string", default: DEFAULTS.rows },
    renewed: { type: "string", default: "" },
    rate: { type: "string", default: DEFAULTS.rate },
    quiet: { type: "string", default: DEFAULTS.quiet },
    longest: { type: "string", default: DEFAULTS.longest },
    batch: { type: "string", default: DEFAULTS.batch },
    duty: { type: "string", default: "" },
    elsewhere: { type: "boolean", default: false },
  },
});
const rows = numberOf(given.rows, 1);
const renewed = given.renewed === "" ? Math.round(rows / 10) : numberOf(given.renewed, 0);
const rate = numberOf(given.rate, 1);
const quietSeconds = numberOf(given.quiet, 0.1);
const longestSeconds = numberOf(given.longest, 0.1);

/** What became of one engine. */
interface Swept {
  readonly phases: Readonly<Record<"quiet" | "while it sweeps" | "quiet again", Took>>;
  readonly removed: number;
  readonly seconds: number;
  /** How far the sweep is behind when it is over. */
  readonly lagSeconds: number;
}

/** `sojourn clear-expired`, as from a timer. */
async function sweepElsewhere(url: string): Promise<number> {
  const program = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url));
  const args = ["--conditions=sojourn:source", program, "clear-expired", "--json", "--store", url, "--batch", given.batch];
  args.push("--max-seconds", String(longestSeconds));
  if (given.duty !== "") args.push("--duty", given.duty);
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return (JSON.parse(stdout) as { removed: number }).removed;
}

async function fill(ground: Ground): Promise<void> {
  for (const [count, isRenewed, first] of [
    [rows, false, 1],
    [renewed, true, rows + 1],
  ] as const) {
    for (let from = 0; from < count; from += AT_ONCE) {
      await ground.fill(first + from, Math.min(AT_ONCE, count - from), isRenewed);
    }
  }
  await ground.settle();
}

async function measure(kind: string, ground: Ground): Promise<Swept> {
  const sessions = createSessions<Visit>({ store: ground.store });
  try {
    const cookies: string[] = [];
    for (let number = 0; number < VISITORS; number++) {
      cookies.push((await sessions.create({ data: { count: 0, name: "a visitor" } })).cookie);
    }
    await fill(ground);
    progress(`${kind}: ${rows} expired, ${renewed} renewed, ${VISITORS} visitors; ${rate} requests a second`);
    const visitors = { sessions, cookies, rate };
    const visitFor = async (name: string, seconds: number): Promise<Took> => {
      const end = performance.now() + seconds * 1000;
      return told(name, await visit(visitors, () => performance.now() > end));
    };
    await visitFor("heating", 3);
    const quiet = await visitFor("quiet", quietSeconds);
    let swept = false;
    const started = performance.now();
    let last = started;
    const here = (): Promise<number> =>
      sessions.clearExpired({
        batch: Number(given.batch),
        duty: given.duty === "" ? undefined : Number(given.duty),
        signal: AbortSignal.timeout(longestSeconds * 1000),
        onProgress(removed) {
          const now = performance.now();
          if (now - last < 10_000) return;
          last = now;
          progress(`  ${removed} removed, ${Math.round((removed / (now - started)) * 1000)} a second so far`);
        },
      });
    const sweeping = (given.elsewhere ? sweepElsewhere(ground.url) : here()).finally(() => (swept = true));
    const during = told("while it sweeps", await visit(visitors, () => swept));
    const seconds = (performance.now() - started) / 1000;
    const removed = await sweeping;
    const after = await visitFor("quiet again", quietSeconds);
    const { lagSeconds } = await sessions.sweepState();
    return {
      phases: { quiet, "while it sweeps": during, "quiet again": after },
      removed,
      seconds,
      lagSeconds: lagSeconds ?? Number.NaN,
    };
  } finally {
    await sessions.close();
  }
}

function told(name: string, all: Took): Took {
  progress(`  ${name}: ${figuresOf(all).join(", ")} ms`);
  return all;
}

/** Requests, how many of them failed, and the latencies of the middle one, of a hundredth, and of the slowest. */
function figuresOf(all: Took): string[] {
  return [String(all.took.length), String(all.failed), ...[0.5, 0.99, 1].map((share) => digits(percentile(all, share)))];
}

/** What it takes while it sweeps as a multiple of what it takes else; the outermost are those of the two quiet times alone. */
function ratioOf({ phases }: Swept, share: number): Spread {
  const { quiet, "while it sweeps": during, "quiet again": after } = phases;
  const both = { took: [...quiet.took, ...after.took], failed: 0 };
  const { low, high } = spreadOf([quiet, after].map((each) => percentile(during, share) / percentile(each, share)));
  return { median: percentile(during, share) / percentile(both, share), low, high };
}

const chosen = positionals.length > 0 ? positionals : PUBLISHED;
const found: [name: string, swept: Swept][] = [];
for (const kind of chosen) {
  const open = Object.entries(GROUNDS).find(([name]) => name === kind)?.[1];
  if (open === undefined) throw new TypeError(`There is no ${kind} here: ${Object.keys(GROUNDS).join(", ")}`);
  const ground = await open();
  try {
    found.push([kind, await measure(kind, ground)]);
  } finally {
    await ground.end();
  }
}

const words =
  `${rows.toLocaleString("en-US")} expired sessions, and ${renewed.toLocaleString("en-US")} that were renewed and are only looked at, are swept ` +
  `in batches of ${given.batch} ${given.elsewhere ? "by `sojourn clear-expired` in a process of its own" : "by the process that answers"}, while ` +
  `${rate} requests a second come to ${VISITORS} other sessions; every second one writes. Their answers are timed from when they were due. The ` +
  `quiet times, of ${quietSeconds} s each, are before the sweep and after it: the multiple is that of both together, and in brackets those of each. ` +
  `A sweep is stopped after ${longestSeconds} s.`;
const markdown = [
  words,
  table(
    ["", "goal", "measured (of each quiet time)", ""],
    found.map(([kind, swept]) => {
      const ratio = ratioOf(swept, 0.99);
      return [`${kind}: p99 while it sweeps ÷ quiet`, `≤ ${GOAL}`, show(ratio), verdict(ratio, GOAL)];
    }),
  ),
  table(
    ["", "p50 ÷ quiet", "p99 ÷ quiet", "rows removed", "a second", "seconds", "lag afterwards in s"],
    found.map(([kind, swept]) => {
      const { removed, seconds, lagSeconds } = swept;
      const ratios = [0.5, 0.99].map((share) => show(ratioOf(swept, share)));
      const sizes = [removed, removed / seconds].map((count) => Math.round(count).toLocaleString("en-US"));
      return [kind, ...ratios, ...sizes, digits(seconds), Number.isNaN(lagSeconds) ? "–" : digits(lagSeconds)];
    }),
  ),
  table(
    ["", "", "requests", "failed", "p50 ms", "p99 ms", "worst ms"],
    found.flatMap(([kind, { phases }]) => Object.entries(phases).map(([name, all]) => [kind, name, ...figuresOf(all)])),
  ),
].join("\n\n");
process.stdout.write(`${markdown}\n`);

const plain = given.batch === DEFAULTS.batch && given.rate === DEFAULTS.rate && given.duty === "" && given.renewed === "";
const whole = plain && !given.elsewhere && PUBLISHED.every((kind) => chosen.includes(kind));
const long = longestSeconds >= Number(DEFAULTS.longest);
if (whole && long && rows >= Number(DEFAULTS.rows) && quietSeconds >= Number(DEFAULTS.quiet)) {
  const figures = found.map(([engine, swept]) => ({
    engine,
    p50: ratioOf(swept, 0.5),
    p99: ratioOf(swept, 0.99),
    phases: Object.entries(swept.phases).map(([name, all]) => ({
      name,
      requests: all.took.length,
      failed: all.failed,
      milliseconds: { p50: percentile(all, 0.5), p99: percentile(all, 0.99), worst: percentile(all, 1) },
    })),
    removed: swept.removed,
    seconds: swept.seconds,
  }));
  publish("sweep", { title: "Sweeping while requests are served", markdown, figures });
}
