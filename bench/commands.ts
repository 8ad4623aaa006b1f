// node --conditions=sojourn:source bench/commands.ts [--only REGEXP --workloads REGEXP --requests N]: how many calls of its store a request
// costs, and how many commands of the store's server, by the server's own account.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startCounting } from "./commands/server.ts";
import { type CountingServer, countingPostgres, countingRedis } from "./commands/servers.ts";
import { visitors } from "./http/load.mjs";
import { cookieOf } from "./http/server.mjs";
import { type Workload, WORKLOADS } from "./http/workloads.mjs";
import { digits, must, numberOf, progress, table } from "./measure.ts";
import { publish } from "./publish.mjs";

const DEFAULT_REQUESTS = "64";
const VISITORS = 16;
const PEER = "express-session";
/** The engines, what runs them, and who else has a store for them. */
const ENGINES = [
  { engine: "memory", peer: "memory" },
  { engine: "sqlite", peer: "sqlite" },
  { engine: "postgres", peer: "postgres" },
  { engine: "redis", peer: "redis" },
  { engine: "near-redis", peer: "redis" },
] as const;

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "." },
    workloads: { type: "string", default: "." },
    requests: { type: "string", default: DEFAULT_REQUESTS },
  },
});
const requests = Math.floor(numberOf(values.requests, 1));
const workloads = WORKLOADS.filter(({ name }) => new RegExp(values.workloads).test(name));
const engines = ENGINES.filter(({ engine }) => new RegExp(values.only).test(engine));

/** What one request costs. */
interface Cost {
  /** Calls of the store. */
  readonly calls: number;
  /** Commands that the server was sent; those that scripts ran in it are `within`. */
  readonly sent: number;
  readonly within: number;
}

/** One library on one engine: its costs by workload. */
interface Subject {
  readonly library: string;
  readonly engine: string;
  readonly costs: Readonly<Record<string, Cost>>;
}

async function ask(url: string, path: string, cookie: string | undefined): Promise<string | undefined> {
  const answer = await fetch(url + path, { headers: cookie === undefined ? {} : { cookie } });
  await answer.arrayBuffer();
  must(answer.status === 200, `a request got ${answer.status}`);
  const set = cookieOf(answer.headers.getSetCookie());
  return set === "" ? cookie : set;
}

/** One request after the other, each another visitor's; those of a workload whose cookies are kept send the one that came last. */
async function send(url: string, { path, own }: Workload, jar: (string | undefined)[], count: number): Promise<void> {
  for (let number = 0; number < count; number++) {
    const at = number % jar.length;
    const after = await ask(url, path, jar[at]);
    if (own === true) jar[at] = after;
  }
}

async function measure(library: string, engine: string, urls: object, server: CountingServer | undefined) {
  const own = await startCounting(library, engine, urls);
  const count = async (): Promise<Cost> => {
    const { calls, statements } = await own.count();
    const asked = await server?.count();
    return { calls, sent: asked?.sent ?? statements, within: asked?.within ?? 0 };
  };
  const costs: Record<string, Cost> = {};
  try {
    for (const workload of workloads) {
      const jar = (await visitors(own.url, workload)).slice(0, VISITORS);
      // What is done but once has been done then.
      await send(own.url, workload, jar, jar.length);
      const before = await count();
      await send(own.url, workload, jar, requests);
      const after = await count();
      const each = (figure: keyof Cost): number => (after[figure] - before[figure]) / requests;
      costs[workload.name] = { calls: each("calls"), sent: each("sent"), within: each("within") };
    }
  } finally {
    await own.stop();
  }
  progress(`${library} on ${engine}`);
  return { library, engine, costs };
}

const folder = mkdtempSync(join(tmpdir(), "sojourn-commands-"));
const servers = { redis: await countingRedis(), postgres: await countingPostgres() };
const urls = { redis: servers.redis.url, postgres: servers.postgres.url, sqlite: join(folder, "sessions.db") };
const subjects: Subject[] = [];
try {
  const serverOf = (engine: string): CountingServer | undefined =>
    engine.endsWith("redis") ? servers.redis : engine === "postgres" ? servers.postgres : undefined;
  for (const { engine } of engines) subjects.push(await measure("sojourn", engine, urls, serverOf(engine)));
  for (const peer of new Set(engines.map((each) => each.peer))) {
    subjects.push(await measure(PEER, peer, urls, serverOf(peer)));
  }
} finally {
  await Promise.all(Object.values(servers).map((server) => server.stop()));
  rmSync(folder, { recursive: true, force: true });
}

const shown = (value: number): string => (Number.isInteger(value) ? String(value) : digits(value));

function quotientsOf(figure: "calls" | "sent"): string[][] {
  return engines
    .filter(({ engine }) => figure === "calls" || engine !== "memory")
    .map(({ engine, peer }) => {
      const [own, theirs] = [
        subjects.find((each) => each.library === "sojourn" && each.engine === engine),
        subjects.find((each) => each.library === PEER && each.engine === peer),
      ].map((subject) => workloads.map(({ name }) => subject?.costs[name]?.[figure] ?? Number.NaN));
      const cells = (own ?? []).map((value, at) => {
        const other = theirs?.[at] ?? Number.NaN;
        return other === 0 ? (value === 0 ? "0 of 0" : `${shown(value)} of 0`) : (value / other).toFixed(2);
      });
      return [engine, ...cells];
    });
}

function costsOf(figure: keyof Cost, has: (subject: Subject) => boolean): string[][] {
  return subjects
    .filter(has)
    .map(({ library, engine, costs }) => [
      `${library}-${engine}`,
      ...workloads.map(({ name }) => shown(costs[name]?.[figure] ?? Number.NaN)),
    ]);
}

const names = workloads.map(({ name }) => name);
const words =
  `What one request costs under Express: the mean of ${requests} requests, one after the other. ${PEER} has its usual store for each engine: its ` +
  "own, better-sqlite3-session-store, connect-pg-simple and connect-redis; beside the near store it is connect-redis. Store calls are those " +
  "that the library makes. Commands are counted by the server: Redis tells of them by `MONITOR`, PostgreSQL by `pg_stat_statements`, and " +
  "SQLite's driver counts the statements, those that begin and end a transaction included. What connections cost by themselves is left out, and so are the marks that the near store's feed sends, " +
  `about one a second for each process, whatever is asked. ${PEER} signs its cookies, so that H2 does not reach its store.`;
const markdown = [
  words,
  workloads.map(({ name, title }) => `- ${name}: ${title}`).join("\n"),
  `### Store calls, as a share of those of ${PEER}`,
  table(["", ...names], quotientsOf("calls")),
  `### Commands that the server is sent, as a share of those of ${PEER}`,
  table(["", ...names], quotientsOf("sent")),
  "### Store calls",
  table(
    ["", ...names],
    costsOf("calls", () => true),
  ),
  "### Commands that the server is sent",
  table(
    ["", ...names],
    costsOf("sent", ({ engine }) => engine !== "memory"),
  ),
  "### Commands that scripts run within Redis",
  table(
    ["", ...names],
    costsOf("within", ({ library, engine }) => library !== PEER && engine.endsWith("redis")),
  ),
].join("\n\n");
process.stdout.write(`${markdown}\n`);
if (values.only === "." && values.workloads === "." && requests >= Number(DEFAULT_REQUESTS)) {
  publish("commands", { title: "Store calls and server commands of a request", markdown, figures: { requests, subjects } });
}
