// node processes.mjs [--only REGEXP] [--most N] [--rounds N] [--seconds S] [--heat S] [--connections N] [--requests N]: several server
// processes over one store. What all of them answer as a multiple of what one answers, and whether increments through all are exact.
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { publish } from "../publish.mjs";
import { slice, visitors } from "./load.mjs";
import { spread } from "./report.mjs";
import { cookieOf, OTHERS, pin, pinned, startServer } from "./server.mjs";
import { startServers } from "./stores.mjs";
import { WORKLOADS } from "./workloads.mjs";

const DEFAULTS = { most: "4", rounds: "3", seconds: "1.5", heat: "6", connections: "16", requests: "200" };
const PARALLEL = 50;
/** The framework without sessions, and this library on each store that several processes can share. */
const SUBJECTS = ["express", "sojourn-express-sqlite", "sojourn-express-redis", "sojourn-express-postgres"];

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "." },
    ...Object.fromEntries(Object.entries(DEFAULTS).map(([name, value]) => [name, { type: "string", default: value }])),
  },
});
const [most, rounds, seconds, heat, connections, requests] = Object.keys(DEFAULTS).map((name) => Number(values[name]));
const counts = Array.from({ length: most }, (_, at) => at + 1);
const chosen = SUBJECTS.filter((name) => new RegExp(values.only).test(name));
const shuffled = (items) => items.toSorted(() => Math.random() - 0.5);

const folder = mkdtempSync(join(tmpdir(), "sojourn-bench-"));
const engines = await startServers(chosen);
const urls = { ...engines.urls, sqlite: join(folder, "sessions.db") };
pin(process.pid, "2");

/** What is asked of a server without sessions is the same whatever the workload. */
const workloadsOf = (name) => WORKLOADS.filter(({ name: each }) => (name === "express" ? ["A"] : ["C", "D"]).includes(each));

/** By server and workload: for each number of processes, its rounds. */
const found = {};
const exact = {};
for (let round = 1; round <= rounds; round++) {
  for (const name of shuffled(chosen)) {
    const servers = await Promise.all(counts.map(() => startServer(name, urls, OTHERS)));
    try {
      for (const workload of workloadsOf(name)) {
        const measured = await measure(servers, workload);
        const kept = ((found[name] ??= {})[workload.name] ??= {});
        for (const count of counts) (kept[count] ??= []).push(measured[count]);
      }
      if (name !== "express") (exact[name] ??= []).push(await increments(servers));
    } finally {
      await Promise.all(servers.map((server) => server.stop()));
    }
    process.stderr.write(`round ${round} of ${rounds}: ${name}\n`);
  }
}
await engines.stop();
rmSync(folder, { recursive: true });

/** What one process, two and so on answer, in an order that changes; every process has visitors of its own. */
async function measure(servers, workload) {
  const jars = await Promise.all(servers.map((server) => visitors(server.url, workload)));
  const load = (count, duration) =>
    Promise.all(servers.slice(0, count).map((server, at) => slice(server, workload, jars[at], { duration, connections })));
  await load(most, heat);
  const measured = {};
  for (const count of shuffled(counts)) {
    await load(count, seconds / 5);
    // A process that had no turn answered nothing, and has no time of a request.
    const all = (await load(count, seconds)).filter((each) => each.perSecond > 0);
    const perSecond = all.reduce((sum, each) => sum + each.perSecond, 0);
    measured[count] = { perSecond, user: all.reduce((sum, each) => sum + each.user * each.perSecond, 0) / perSecond };
  }
  return measured;
}

/** Increments of one session, each through another process than the one before; what the process counts that is farthest off. */
async function increments(servers) {
  const ask = async ({ url }, path, cookie) => {
    const answer = await fetch(url + path, { headers: { cookie } });
    const text = await answer.text();
    if (answer.status !== 200) throw new Error(`a request got ${answer.status}`);
    return { text, cookie: cookieOf(answer.headers.getSetCookie()) || cookie };
  };
  const first = await ask(servers[0], "/d", "");
  let { cookie } = first;
  let next = 0;
  await Promise.all(
    Array.from({ length: PARALLEL }, async () => {
      while (next < requests) ({ cookie } = await ask(servers[next++ % servers.length], "/u", cookie));
    }),
  );
  const seen = await Promise.all(servers.map((server) => ask(server, "/c", cookie)));
  const counted = seen.map(({ text }) => Number(text) - Number(first.text));
  return counted.toSorted((a, b) => Math.abs(b - requests) - Math.abs(a - requests))[0];
}

const range = ({ median, low, high }, digits) =>
  `${median.toFixed(digits)} (${low.toFixed(digits)}–${high.toFixed(digits)})`;
const table = (head, rows) => [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
const series = chosen.flatMap((name) =>
  Object.entries(found[name]).map(([workload, byCount]) => ({
    name: name === "express" ? ["express, without sessions", ""] : [name, workload],
    figures: counts.map((count) => {
      const of = (figure) => byCount[count].map((each) => each[figure]);
      const multiple = (figure) => spread(byCount[count].map((each, round) => each[figure] / byCount[1][round][figure]));
      const [perSecond, user] = ["perSecond", "user"].map((figure) => spread(of(figure)));
      return { count, perSecond, user, times: multiple("perSecond"), userTimes: multiple("user") };
    }),
  })),
);
const cores = cpus().length;
const where = pinned ? `; the load has one of them, and the processes share the other${cores > 2 ? `s` : ""}` : "";
const why =
  cores > 2
    ? "All load comes from one process: where the servers without sessions gain no more, it is the load that ends there, or the cores."
    : "With the load on one of them, several processes have no more processor time than one, and cannot answer more: what shows here is what they lose by sharing a store.";
const markdown = [
  `One to ${most} processes of Express over one store, on ${cores} cores${where}. ${why}`,
  `Each process has ${connections} connections and visitors of its own. Medians (lowest–highest) of ${rounds} rounds of ${seconds} s for each number of`,
  "processes, which come in random order; a multiple is of one process in the same round. C reads one value of the session, D reads and writes a counter.",
  "",
  "### Requests a second of all processes, as a multiple of one's",
  "",
  table(
    ["", "", ...counts.slice(1).map((count) => `${count} processes`), "requests a second of one"],
    series.map(({ name, figures }) => [
      ...name,
      ...figures.slice(1).map(({ times }) => range(times, 2)),
      range(figures[0].perSecond, 0),
    ]),
  ),
  "",
  "### Processor time of a request in the processes' own code, as a multiple of one's",
  "",
  table(
    ["", "", ...counts.slice(1).map((count) => `${count} processes`), "µs with one"],
    series.map(({ name, figures }) => [
      ...name,
      ...figures.slice(1).map(({ userTimes }) => range(userTimes, 2)),
      range(figures[0].user, 1),
    ]),
  ),
  "",
  "### Increments of one session through all processes",
  "",
  `${requests} requests that call \`update()\`, ${PARALLEL} at a time, each to another process than the one before; counted is what every process reads afterwards.`,
  "",
  table(
    ["", "processes", "asked", "counted", ""],
    chosen
      .filter((name) => name in exact)
      .map((name) => {
        const kept = spread(exact[name]);
        const isExact = kept.low === requests && kept.high === requests;
        return [name, most, requests, range(kept, 0), isExact ? "exact" : "**not exact**"];
      }),
  ),
].join("\n");
process.stdout.write(`${markdown}\n`);
if (values.only === "." && Object.entries(DEFAULTS).every(([name, value]) => Number(values[name]) >= Number(value))) {
  publish("processes", { title: "Several processes over one store", markdown, figures: { cores, series, exact } });
}
