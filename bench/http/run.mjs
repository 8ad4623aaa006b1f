// npm run bench [-- --only REGEXP --workloads REGEXP --rounds N --seconds S --heat S --connections N]: sessions over HTTP, beside other
// libraries.
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
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "0.8" },
    heat: { type: "string", default: "3" },
    connections: { type: "string", default: "16" },
    publish: { type: "boolean", default: false },
  },
});
const [rounds, seconds, heat, connections] = [values.rounds, values.seconds, values.heat, values.connections].map(Number);
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
  if (!bases.has(framework)) bases.set(framework, await startServer(framework, urls));
}

/** Which workloads say something of a library: no cookies hold 100 KB, and where there is a server its driver's time is most of all. */
const says = (name, workload) => {
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
      for (const [at, workload] of workloads.filter((each) => says(name, each.name)).entries()) {
        try {
          const visit = await measured(own, base, workload, at === 0 ? heat : heat / 3);
          (found.get(name)[workload.name] ??= []).push(visit);
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

/** One after the other: what was idle is slow, so each is heated first, and longest what has just been started. */
async function measured(own, base, workload, heating) {
  let jar = await visitors(own.url, workload);
  await slice(own, workload, jar, { duration: heating, connections });
  // Their ids are over.
  if (workload.own) jar = await visitors(own.url, workload);
  const ours = await slice(own, workload, jar, { duration: seconds, connections });
  await slice(base, workload, jar, { duration: heat / 10, connections });
  const theirs = await slice(base, workload, jar, { duration: seconds / 2, connections });
  return {
    share: ours.perSecond / theirs.perSecond,
    added: ours.user - theirs.user,
    perSecond: ours.perSecond,
    ...ours.latency,
  };
}

const results = Object.fromEntries(
  [...found].map(([name, each]) => [
    name,
    Object.fromEntries(
      Object.entries(each).map(([workload, visits]) => [
        workload,
        Object.fromEntries(Object.keys(visits[0]).map((figure) => [figure, spread(visits.map((visit) => visit[figure]))])),
      ]),
    ),
  ]),
);
const { dependencies } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
const versions = [
  ...Object.entries(dependencies).map(([name, version]) => `${name} ${version}`),
  ...(bases.get("django")?.versions ?? []),
];
const how =
  `${rounds} rounds of ${seconds} s slices after ${heat} s of heating, a third of that for all workloads but a server's first, libraries in random order, ${connections} connections` +
  `${pinned ? ", server and load on a core each" : ""}. ${versions.join(", ")}.`;
const text = markdown(results, { workloads, how, goals: goals(results), absent });
process.stdout.write(`${text}\n`);
if (isWhole) {
  plot(results, new URL("../results/http.svg", import.meta.url));
  publish("http", { title: "Sessions over HTTP", markdown: text, figures: { how, results, absent } });
}
