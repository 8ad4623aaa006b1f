/** The middle of some figures, with the lowest and the highest. */
export function spread(figures) {
  const sorted = figures.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) / 2;
  return { median: (sorted[Math.floor(at)] + sorted[Math.ceil(at)]) / 2, low: sorted[0], high: sorted.at(-1) };
}

const row = (cells) => `| ${cells.join(" | ")} |`;
const table = (head, rows) => [row(head), row(head.map(() => "---")), ...rows.map(row)];
const text = (figure, digits) =>
  figure === undefined
    ? "–"
    : `${figure.median.toFixed(digits)} (${figure.low.toFixed(digits)}–${figure.high.toFixed(digits)})`;

/** The results as tables: the goals, throughput as a share of the bare server's, the processor time that the session layer adds, latency. */
export function markdown(results, { workloads, how, goals, absent }) {
  const names = workloads.map(({ name }) => name);
  const rows = (cell) =>
    Object.entries(results).map(([config, figures]) => [config, ...names.map((name) => cell(figures[name]))]);
  const head = ["library and store", ...names];
  return [
    how,
    "",
    ...workloads.map(({ name, title }) => `- ${name}: ${title}`),
    "",
    "### What it is to show",
    "",
    "The last column is what a floor reaches: a handler written by hand that reads and writes a text with the same driver and promises",
    "nothing (for cookies: one AES-256-GCM of `node:crypto` under one key), or, for A and B, a middleware that does nothing.",
    "",
    ...table(["", "goal", "measured (lowest–highest)", "", "a floor"], goals.map(goalRow)),
    "",
    "### Processor time that the session layer adds to a request, in µs",
    "",
    "The process's time in its own code (not in the kernel, whose part depends on how busy the load is), less that of the bare server of",
    "the same framework, measured right after, and scaled by how much slower or faster than usual that one was at that moment. Median",
    "(lowest–highest) of all slices.",
    "",
    ...table(
      head,
      rows((each) => text(each?.added, 1)),
    ),
    "",
    "### Throughput, as a share of the bare server's",
    "",
    ...table(
      head,
      rows((each) => text(each?.share, 2)),
    ),
    "",
    "### Requests a second, and the time of an answer in ms (median / 99 % / 99.9 %)",
    "",
    ...table(
      head,
      rows((each) =>
        each === undefined
          ? "–"
          : `${Math.round(each.perSecond.median)} · ${each.p50.median} / ${each.p99.median} / ${each.p999.median}`,
      ),
    ),
    "",
    ...notes(absent),
  ].join("\n");
}

function goalRow({ goal, limit, atMost, ratio, floor }) {
  const met = atMost ? ratio.median <= limit : ratio.median >= limit;
  const within = atMost ? ratio.low <= limit : ratio.high >= limit;
  return [
    goal,
    `${atMost ? "≤" : "≥"} ${Number(limit.toFixed(3))}`,
    text(ratio, 3),
    met ? "met" : within ? "within the noise" : "**not met**",
    floor === undefined ? "" : text(floor, 3),
  ];
}

function notes(absent) {
  const lines = Object.entries(absent).map(
    ([name, each]) =>
      `- ${name}: ${Object.entries(each)
        .map(([workload, reason]) => `${workload} (${reason})`)
        .join(", ")}`,
  );
  return lines.length === 0 ? [] : ["Not measured, because it failed:", "", ...lines, ""];
}
