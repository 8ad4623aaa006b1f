// node --conditions=sojourn:source bench/micro.ts [--only REGEXP --rounds N --slice-ms N]: nanoseconds of the parts of a request, and the
// bytes that a whole one allocates.
import { execFileSync } from "node:child_process";
import { parseArgs } from "node:util";
import { differences, digits, numberOf, progress, ratios, show, spreadOf, table } from "./measure.ts";
import { type Case, type Group, timeAll, type Times } from "./micro/harness.ts";
import { partCases } from "./micro/parts.ts";
import { requestCases } from "./micro/requests.ts";
import { publish } from "./publish.mjs";

const DEFAULTS = { rounds: "25", "slice-ms": "20" };
const HEAP_ROUNDS = 3;

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "." },
    rounds: { type: "string", default: DEFAULTS.rounds },
    "slice-ms": { type: "string", default: DEFAULTS["slice-ms"] },
  },
});
const rounds = Math.floor(numberOf(values.rounds, 1));
const sliceMs = numberOf(values["slice-ms"], 1);

/** What a process of its own, whose young generation is too large to be collected, says of whole requests. */
function measureHeap(): { bytes: Record<string, number[]>; disturbed: number; requests: number } {
  const flags = ["--conditions=sojourn:source", "--expose-gc", "--min-semi-space-size=256", "--max-semi-space-size=256"];
  const program = new URL("micro/heap.ts", import.meta.url).pathname;
  const said = execFileSync(process.execPath, [...flags, program, String(HEAP_ROUNDS)], { encoding: "utf8" });
  return JSON.parse(said) as ReturnType<typeof measureHeap>;
}

function timesTable({ cases }: Group, times: Times): string {
  const rows = cases.map((each) => {
    const own = times.get(each) ?? [];
    const baseline = baselineOf(each, cases);
    const base = baseline === undefined ? undefined : times.get(baseline);
    const share = base === undefined ? "baseline" : show(ratios(own, base));
    return [each.name, share, show(spreadOf(own)), base === undefined ? "" : digits(differences(own, base).median)];
  });
  return table(["", "÷ baseline", "ns", "ns more"], rows);
}

function baselineOf({ baseline }: Case, cases: readonly Case[]): Case | undefined {
  return cases.find(({ name }) => name === baseline);
}

function heapTable({ cases }: Group, bytes: Readonly<Record<string, readonly number[]>>): string {
  const rows = cases.map((each) => {
    const own = spreadOf(bytes[each.name] ?? []);
    const baseline = baselineOf(each, cases);
    const base = baseline === undefined ? undefined : spreadOf(bytes[baseline.name] ?? []);
    const more = base === undefined ? "" : digits(own.median - base.median);
    return [each.name, base === undefined ? "baseline" : digits(own.median / base.median), show(own), more];
  });
  return table(["", "÷ baseline", "bytes", "bytes more"], rows);
}

const only = new RegExp(values.only);
const requests = await requestCases();
const empty: Group = { title: "The measurement itself", cases: [{ name: "a call of nothing", call: () => undefined }] };
const groups = [empty, ...(await partCases()), requests].filter(({ title }) => only.test(title));
progress(`${groups.flatMap(({ cases }) => cases).length} cases`);
const times = await timeAll(
  groups.flatMap(({ cases }) => cases),
  rounds,
  sliceMs,
);
const heap = only.test("heap") ? measureHeap() : undefined;

const sections = groups.map(({ title, words, ...group }) =>
  [`### ${title}`, words, timesTable({ title, ...group }, times)].filter((text) => text !== undefined).join("\n\n"),
);
if (heap !== undefined) {
  const words =
    `Bytes of the JavaScript heap that one request allocates, whether they are kept or not: the growth of the used heap over ${heap.requests} ` +
    `requests after a forced collection, in a process whose young generation holds 256 MB, so that nothing is collected meanwhile ` +
    `(batches that met a collection are left out: ${heap.disturbed}). Memory outside of the heap, as of buffers, is not in it.`;
  sections.push(`### What a request allocates\n\n${words}\n\n${heapTable(requests, heap.bytes)}`);
}
const words =
  `Nanoseconds of the main thread's processor time for one call, in which neither waiting nor what else the machine does is counted: the ` +
  `median of ${rounds} slices of ${sliceMs} ms, and the lowest and highest; all cases take turns. The baseline is what something of the ` +
  "kind costs with what Node.js has, or with the package that others use; the quotient is of the two slices of one round.";
const markdown = [words, ...sections].join("\n\n");
process.stdout.write(`${markdown}\n`);
if (values.only === "." && rounds >= Number(DEFAULTS.rounds) && sliceMs >= Number(DEFAULTS["slice-ms"])) {
  const figures = groups.flatMap(({ title, cases }) =>
    cases.map((each) => ({
      group: title,
      name: each.name,
      baseline: each.baseline,
      nanoseconds: spreadOf(times.get(each) ?? []),
    })),
  );
  const allocated = Object.entries(heap?.bytes ?? {}).map(([name, list]) => ({ name, bytes: spreadOf(list) }));
  publish("micro", { title: "The parts of a request", markdown, figures: { figures, allocated } });
}
