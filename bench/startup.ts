// node --conditions=sojourn:source bench/startup.ts [--only REGEXP --rounds N]: what it costs to import each subpath of the built package,
// beside other libraries.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { differences, digits, must, numberOf, progress, ratios, show, shuffled, spreadOf, table } from "./measure.ts";
import { publish } from "./publish.mjs";
import { type BundleSize, bundleSize } from "./startup/bundle.ts";
import { applicationOf } from "./startup/installed.ts";
import { type Subject, subjectsOf } from "./startup/subjects.ts";

const DEFAULT_ROUNDS = "21";

const { values } = parseArgs({
  options: { only: { type: "string", default: "." }, rounds: { type: "string", default: DEFAULT_ROUNDS } },
});
const rounds = Math.floor(numberOf(values.rounds, 1));

/** What the probe says. */
interface Probed {
  /** Of the imports alone. */
  readonly milliseconds: number;
  /** Processor time of the whole process. */
  readonly processor: number;
  readonly modules: number;
  readonly bytes: number;
  /** Modules of Node.js itself. */
  readonly internal: number;
}

/** One subject's times, round by round, in milliseconds. */
interface Times {
  readonly whole: number[];
  readonly processor: number[];
  readonly imports: number[];
}

const EMPTY: Subject = { name: "nothing", specifiers: [] };
const root = join(import.meta.dirname, "..");
const subjects = subjectsOf(root).filter(({ name }) => new RegExp(values.only).test(name));
const { folder, remove } = await applicationOf(root);
const env = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(npm_.*|NODE_OPTIONS|NODE_COMPILE_CACHE)$/i.test(name)),
);

function probe(mode: "time" | "modules", { name, specifiers }: Subject): Probed & { readonly whole: number } {
  const began = performance.now();
  const ended = spawnSync(process.execPath, ["probe.mjs", mode, ...specifiers], { cwd: folder, env, encoding: "utf8" });
  const whole = performance.now() - began;
  must(ended.status === 0, `${name} cannot be loaded: ${ended.stderr}`);
  return { ...(JSON.parse(ended.stdout) as Probed), whole };
}

function measure(): ReadonlyMap<Subject, Times> {
  const all = [EMPTY, ...subjects];
  const times = new Map<Subject, Times>(all.map((subject) => [subject, { whole: [], processor: [], imports: [] }]));
  // Round 0 brings the files into the system's memory.
  for (let round = 0; round <= rounds; round++) {
    for (const subject of shuffled(all)) {
      const { whole, processor, milliseconds } = probe("time", subject);
      if (round === 0) continue;
      times.get(subject)?.whole.push(whole);
      times.get(subject)?.processor.push(processor);
      times.get(subject)?.imports.push(milliseconds);
    }
    if (round % 5 === 0) progress(`startup: round ${round} of ${rounds}`);
  }
  return times;
}

interface Row {
  readonly subject: Subject;
  readonly times: Times;
  readonly loaded: Probed;
  readonly bundle: BundleSize;
}

const kilobytes = (bytes: number): string => digits(bytes / 1000);

function cellsOf({ subject, times, loaded, bundle }: Row, empty: Times): string[] {
  return [
    subject.name,
    show(ratios(times.whole, empty.whole)),
    show(differences(times.whole, empty.whole)),
    show(differences(times.processor, empty.processor)),
    digits(spreadOf(times.imports).median),
    `${loaded.modules} (${kilobytes(loaded.bytes)})`,
    String(loaded.internal),
    `${kilobytes(bundle.minified)} (${kilobytes(bundle.gzipped)})`,
  ];
}

try {
  const times = measure();
  const timesOf = (subject: Subject): Times => times.get(subject) ?? { whole: [], processor: [], imports: [] };
  const nothing = probe("modules", EMPTY).internal;
  const rows = subjects.map((subject): Row => {
    const probed = probe("modules", subject);
    const loaded = { ...probed, internal: probed.internal - nothing };
    return { subject, times: timesOf(subject), loaded, bundle: bundleSize(root, folder, subject) };
  });
  const empty = timesOf(EMPTY);
  const head = [
    ...["", "÷ an empty process", "ms more", "processor ms more", "ms of `import()`"],
    ...["modules (KB)", "modules of Node.js", "bundle KB (gzipped)"],
  ];
  const words =
    `The time from the start to the end of a process that imports these and nothing else, as a multiple of, and less, that of a process which ` +
    `imports nothing (${show(spreadOf(empty.whole))} ms): the median of ${rounds} rounds, and the lowest and highest; all take turns. The package ` +
    "is built, packed and installed; files are in the system's memory, and nothing is in a compile cache. Processor time does not count what else the machine does. What a bundle holds is minified by Bun, " +
    "with all that is exported; the framework itself is neither in the modules that are counted nor in the bundle, unless the library imports it.";
  const markdown = [
    words,
    table(
      head,
      rows.map((row) => cellsOf(row, empty)),
    ),
  ].join("\n\n");
  process.stdout.write(`${markdown}\n`);
  if (values.only === "." && rounds >= Number(DEFAULT_ROUNDS)) {
    const figures = rows.map(({ subject, loaded, bundle, times: own }) => ({
      name: subject.name,
      ratio: ratios(own.whole, empty.whole),
      milliseconds: differences(own.whole, empty.whole),
      processorMilliseconds: differences(own.processor, empty.processor),
      importMilliseconds: spreadOf(own.imports),
      modules: loaded.modules,
      bytes: loaded.bytes,
      internal: loaded.internal,
      bundle,
    }));
    publish("startup", { title: "Loading the package", markdown, figures });
  }
} finally {
  remove();
}
