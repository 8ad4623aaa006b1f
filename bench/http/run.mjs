// npm run bench [-- --only REGEXP --workloads REGEXP --rounds N --slices N --seconds S --heat S --connections N]: sessions over HTTP,
// beside other libraries.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { removeServerFolder, serverFolder } from "../../test/servers/process.ts";
import { publish } from "../publish.mjs";
import { configs } from "./configs.mjs";
import { startable } from "./django.mjs";
import { goals } from "./goals.mjs";
import { slice, visitors } from "./load.mjs";
import { markdown, spread } from "./report.mjs";
import { pin, pinned, startServer } from "./server.mjs";
import { startServers } from "./stores.mjs";
import { plot } from "./svg.mjs";
import { WORKLOADS } from "./workloads.mjs";

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "." },
    workloads: { type: "string", default: "." },
    rounds: { type: "string", default: "2" },
    slices: { type: "string", default: "3" },
    seconds: { type: "string", default: "0.4" },
    heat: { type: "string", default: "6" },
    connections: { type: "string", default: "16" },
    publish: { type: "boolean", default: false },
  },
});
const numbers = ["rounds", "slices", "seconds", "heat", "connections"].map((name) => Number(values[name]));
const [rounds, slices, seconds, heat, connections] = numbers;
const isWhole = (values.only === "." && values.workloads === ".") || values.publish;

const folder = serverFolder("bench");
const named = Object.keys(configs).filter((name) => new RegExp(values.only).test(name));
const chosen = startable(named).map((name) => [name, configs[name]]);
const workloads = WORKLOADS.filter(({ name }) => new RegExp(values.workloads).test(name));
const servers = await startServers(chosen.map(([name]) => name));
const urls = { ...servers.urls, sqlite: join(folder, "sessions.db") };
pin(process.pid, "2");

// The frameworks without sessions, which all are compared with, stay warm throughout.
const bases = new Map();
for (const { framework } of new Set(chosen.map(([, config]) => config))) {
  if (bases.has(framework)) continue;
  const base = await startServer(framework, urls);
  bases.set(framework, base);
  await slice(base, WORKLOADS[0], [undefined], { duration: heat, connections });
}

/** Which workloads say something of a library: no cookies hold 100 KB, and where there is a server its driver's time is most of all. */
const says = (name, workload) => {
  // It knows no visitors, and so they are all alike.
  if (name.endsWith("nothing")) return workload === "A";
  if (/cookie|secure|iron|jwe|h3/.test(name)) return workload !== "F100";
  return name.includes("memory") ? true : /^(C|D|E)$/.test(workload);
};

const found = new Map(chosen.map(([name]) => [name, {}]));
const absent = {};
for (let round = 1; round <= rounds; round++) {
  for (const [name, { framework }] of chosen.toSorted(() => Math.random() - 0.5)) {
    const base = bases.get(framework);
    const own = await startServer(name, urls);
    try {
      // What fails here fails below, and is noted there.
      await heated(name, own).catch(() => undefined);
      for (const workload of workloads.filter((each) => says(name, each.name))) {
        try {
          const visits = await measured(own, base, workload);
          (found.get(name)[workload.name] ??= []).push(...visits);
        } catch (error) {
          (absent[name] ??= {})[workload.name] = error.message;
        }
      }
    } finally {
      await own.stop();
    }
    process.stderr.write(`round ${round} of ${rounds}: ${name}\n`);
  }
}
await Promise.all([...bases.values()].map((base) => base.stop()));
await servers.stop();
removeServerFolder(folder);

/** Some ten thousand requests that read and as many that write: the engine compiles a library's code well only when it has seen it at work. */
async function heated(name, own) {
  const common = WORKLOADS.filter((each) => /^[CD]$/.test(each.name) && says(name, each.name));
  if (common.length === 0) common.push(WORKLOADS[0]);
  for (const workload of common) {
    const jar = await visitors(own.url, workload);
    await slice(own, workload, jar, { duration: heat / common.length, connections });
  }
}

/**
 * Slices of the library and of the bare server in turn, so that what slows the machine down for a while slows both. What was idle is
 * slow, so each is heated first.
 */
async function measured(own, base, workload) {
  let jar = await visitors(own.url, workload);
  await slice(own, workload, jar, { duration: heat / 6, connections });
  await slice(base, workload, jar, { duration: heat / 24, connections });
  const visits = [];
  for (let at = 0; at < slices; at++) {
    // Their ids are over.
    if (workload.own) jar = await visitors(own.url, workload);
    const ours = await slice(own, workload, jar, { duration: seconds, connections });
    const theirs = await slice(base, workload, jar, { duration: seconds / 2, connections });
    visits.push({
      share: ours.perSecond / theirs.perSecond,
      added: ours.user - theirs.user,
      bare: theirs.user,
      perSecond: ours.perSecond,
      ...ours.latency,
    });
  }
  return visits;
}

/** What the bare server of a framework takes for a request, in the middle of all that was measured. */
function usual(framework) {
  const all = chosen.filter(([, config]) => config.framework === framework);
  return spread(all.flatMap(([name]) => Object.values(found.get(name)).flat()).map(({ bare }) => bare)).median;
}

const paces = new Map([...bases.keys()].map((framework) => [framework, usual(framework)]));
/** The time as it would have been had the machine been as fast as usual at that moment. */
const steady = (name, { added, bare }) => (added * paces.get(configs[name].framework)) / bare;

const results = Object.fromEntries(
  [...found].map(([name, each]) => [
    name,
    Object.fromEntries(
      Object.entries(each).map(([workload, visits]) => {
        const steadied = visits.map((visit) => ({ ...visit, added: steady(name, visit) }));
        return [
          workload,
          Object.fromEntries(
            Object.keys(visits[0]).map((figure) => [figure, spread(steadied.map((visit) => visit[figure]))]),
          ),
        ];
      }),
    ),
  ]),
);
const { dependencies } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
const versions = [
  ...Object.entries(dependencies).map(([name, version]) => `${name} ${version}`),
  ...(bases.get("django")?.versions ?? []),
];
const how =
  `${rounds} rounds of ${slices} slices of ${seconds} s after ${heat} s of heating by reads and writes, and a sixth of that for each workload, libraries in random order, ${connections} connections` +
  `${pinned ? ", server and load on a core each" : ""}. ${versions.join(", ")}.`;
const text = markdown(results, { workloads, how, goals: goals(results), absent });
process.stdout.write(`${text}\n`);
if (isWhole) {
  plot(results, new URL("../results/http.svg", import.meta.url));
  publish("http", { title: "Sessions over HTTP", markdown: text, figures: { how, results, absent } });
}
