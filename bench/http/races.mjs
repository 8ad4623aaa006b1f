// node races.mjs [--only REGEXP] [--requests N] [--rounds N]: parallel requests on one session. How long so many increments take, and how
// many of them survive.
import { join } from "node:path";
import { parseArgs } from "node:util";
import { removeServerFolder, serverFolder } from "../../test/servers/process.ts";
import { publish } from "../publish.mjs";
import { configs } from "./configs.mjs";
import { spread } from "./report.mjs";
import { cookieOf, pin, startServer } from "./server.mjs";
import { startServers } from "./stores.mjs";

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "." },
    requests: { type: "string", default: "200" },
    parallel: { type: "string", default: "50" },
    rounds: { type: "string", default: "5" },
  },
});
const [requests, parallel, rounds] = [values.requests, values.parallel, values.rounds].map(Number);

const folder = serverFolder("bench");
// Django is left out: its one process mostly has one thread here, in which nothing is parallel; a real site has several.
const chosen = Object.keys(configs).filter(
  (name) => !/near|^floor-express|^django/.test(name) && new RegExp(values.only).test(name),
);
const servers = await startServers(chosen);
const urls = { ...servers.urls, sqlite: join(folder, "sessions.db") };
pin(process.pid, "2");

const results = {};
for (const name of chosen) {
  const server = await startServer(name, urls);
  try {
    // The first round heats.
    const found = [];
    for (let round = 0; round <= rounds; round++)
      found.push(await race(server.url, name.startsWith("sojourn") ? "/u" : "/d"));
    const kept = found.slice(1);
    results[name] = { survived: spread(kept.map((each) => each.survived)), ms: spread(kept.map((each) => each.ms)) };
  } finally {
    await server.stop();
  }
  process.stderr.write(`${name}: ${JSON.stringify(results[name])}\n`);
}
await servers.stop();
removeServerFolder(folder);

async function race(url, path) {
  let cookie = await cookieAfter(`${url}/d`, "");
  const before = Number(await text(`${url}/c`, cookie));
  const started = performance.now();
  let left = requests;
  await Promise.all(
    Array.from({ length: parallel }, async () => {
      while (left-- > 0) {
        // As a browser does: the cookie that came last is the one that is sent.
        const answer = await fetch(url + path, { headers: { cookie } });
        await answer.arrayBuffer();
        if (answer.status !== 200) throw new Error(`a request got ${answer.status}`);
        cookie = cookieOf(answer.headers.getSetCookie()) || cookie;
      }
    }),
  );
  const ms = performance.now() - started;
  return { ms, survived: Number(await text(`${url}/c`, cookie)) - before };
}

async function cookieAfter(url, cookie) {
  const answer = await fetch(url, { headers: { cookie } });
  await answer.arrayBuffer();
  return cookieOf(answer.headers.getSetCookie());
}

async function text(url, cookie) {
  return (await fetch(url, { headers: { cookie } })).text();
}

function range({ median, low, high }, digits = 0) {
  return `${median.toFixed(digits)} (${low.toFixed(digits)}–${high.toFixed(digits)})`;
}
const markdown = [
  `${requests} increments of one session's counter, ${parallel} requests at a time, as a page with many parts makes them; median (lowest–highest)`,
  `of ${rounds} rounds. This library's handler calls \`update()\`; the others have nothing of the kind, and theirs reads and writes.`,
  "",
  "| library and store | of which survive | ms for all |",
  "| --- | --- | --- |",
  ...Object.entries(results).map(([name, each]) => `| ${name} | ${range(each.survived)} | ${range(each.ms)} |`),
].join("\n");
process.stdout.write(`${markdown}\n`);
if (values.only === ".") publish("races", { title: "Parallel requests on one session", markdown, figures: results });
