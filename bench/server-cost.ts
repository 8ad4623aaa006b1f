// node --conditions=sojourn:source bench/server-cost.ts [COUNT] [--rounds N]: the processor time that an engine's server takes for each verb,
// from /proc.
import { readFileSync, readdirSync } from "node:fs";
import { parseArgs } from "node:util";
import { handleOf, newSessionId, newVersion } from "../src/core/id.ts";
import type { SessionRecord } from "../src/core/record.ts";
import { isStateless, type SessionStore } from "../src/core/store.ts";
import { storeFromUrl } from "../src/store-url.ts";
import { startMariadb } from "../test/servers/mariadb.ts";
import { startMemcached } from "../test/servers/memcached.ts";
import { startPostgres } from "../test/servers/postgres.ts";
import { startRedis } from "../test/servers/redis.ts";
import { numberOf, progress, ratios, show, shuffled, spreadOf, table } from "./measure.ts";
import { publish } from "./publish.mjs";

const DEFAULTS = { count: "20000", rounds: "3" };
const AT_ONCE = 16;
const TICK_US = 10_000;
const VERBS = ["create", "load", "save", "touch", "retire"] as const;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string", default: DEFAULTS.rounds } },
});
const count = Math.floor(numberOf(positionals[0] ?? DEFAULTS.count, 1));
const rounds = Math.floor(numberOf(values.rounds, 1));

/** Microseconds that each verb took, round by round. */
type Times = Record<(typeof VERBS)[number], number[]>;

/** A server, the store on it, and what was found. */
interface Subject {
  readonly name: string;
  readonly store: SessionStore;
  readonly pid: number;
  readonly times: Times;
  stop(): Promise<void>;
}

const data = `j1:${JSON.stringify({ count: 1, cart: ["a".repeat(60), "b".repeat(60)], seen: "2026-01-01T00:00:00Z" })}`;

/** The processor time of a process and of all below it, those that ended included, in microseconds. */
function processorTime(pid: number): number {
  const parents = new Map<number, number>();
  const times = new Map<number, number>();
  for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    try {
      const fields = readFileSync(`/proc/${name}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
      parents.set(Number(name), Number(fields[1]));
      times.set(Number(name), [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at]), 0) * TICK_US);
    } catch {
      // It ended in between.
    }
  }
  const isBelow = (id: number): boolean => id === pid || ((parents.get(id) ?? 0) > 1 && isBelow(parents.get(id) ?? 0));
  return [...times].reduce((sum, [id, time]) => sum + (isBelow(id) ? time : 0), 0);
}

async function each(call: (index: number) => unknown): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await call(next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** One round: sessions are made, and what else can be done to them is done to each. */
async function measure({ store, pid, times }: Subject): Promise<void> {
  const now = Date.now();
  const records: SessionRecord[] = Array.from({ length: count }, (_, index) => ({
    handle: handleOf(newSessionId()),
    data,
    version: newVersion(),
    createdAt: now,
    expiresAt: now + 1_209_600_000,
    userId: `user-${index >> 1}`,
    epoch: 0,
  }));
  const at = (index: number): SessionRecord => records[index] ?? (records[0] as SessionRecord);
  const tombstone = { reason: "ended", token: newVersion(), successor: null, until: now + 60_000 } as const;
  const calls: Record<keyof Times, (index: number) => unknown> = {
    create: (index) => store.create(at(index)),
    load: (index) => store.load(at(index).handle),
    save: (index) => {
      const { version } = at(index);
      records[index] = { ...at(index), version: newVersion() };
      return store.save(at(index), version);
    },
    touch: (index) => store.touch(at(index).handle, at(index).version, at(index).expiresAt + 1000),
    retire: (index) => store.retire(at(index).handle, tombstone),
  };
  for (const verb of VERBS) {
    const before = processorTime(pid);
    await each(calls[verb]);
    times[verb].push((processorTime(pid) - before) / count);
  }
}

const engines = {
  Redis: async () => {
    const server = await startRedis();
    return { url: server.url, pid: server.process.pid, stop: () => server.stop() };
  },
  Memcached: async () => {
    const server = await startMemcached({ megabytes: 256 });
    return { url: `memcached://127.0.0.1:${server.port}`, pid: server.process.pid, stop: () => server.stop() };
  },
  PostgreSQL: async () => {
    const server = await startPostgres();
    return { url: server.url, pid: server.process.pid, stop: () => server.stop() };
  },
  MariaDB: async () => {
    const server = await startMariadb();
    const url = `mysql://${server.user}:sojourn@127.0.0.1:${server.port}/sojourn`;
    return { url, pid: server.process.pid, stop: () => server.stop() };
  },
};

const subjects: Subject[] = [];
try {
  for (const [name, start] of Object.entries(engines)) {
    const { url, pid, stop } = await start();
    const store = storeFromUrl(url);
    if (isStateless(store) || pid === undefined) throw new TypeError("There is no server");
    subjects.push({ name, store, pid, times: { create: [], load: [], save: [], touch: [], retire: [] }, stop });
    await store.load(handleOf(newSessionId()));
  }
  for (let round = 1; round <= rounds; round++) {
    for (const subject of shuffled(subjects)) await measure(subject);
    progress(`server cost: round ${round} of ${rounds}`);
  }
} finally {
  for (const { store, stop } of subjects) {
    await store.close?.();
    await stop();
  }
}

const words =
  `The processor time that an engine's server takes for a call, the kernel's included, with all its processes: the median of ${rounds} rounds of ` +
  `${count.toLocaleString("en-US")} calls of each verb, ${AT_ONCE} at a time, and the lowest and highest; the engines take turns. Sessions of ` +
  `${data.length} bytes, each a user's. PostgreSQL and MariaDB do not flush each commit to the disk here.`;
const markdown = [
  words,
  table(
    ["÷ the engine's load", ...VERBS],
    subjects.map(({ name, times }) => [name, ...VERBS.map((verb) => show(ratios(times[verb], times.load)))]),
  ),
  table(
    ["µs of the server's processor", ...VERBS],
    subjects.map(({ name, times }) => [name, ...VERBS.map((verb) => show(spreadOf(times[verb])))]),
  ),
].join("\n\n");
process.stdout.write(`${markdown}\n`);
if (count >= Number(DEFAULTS.count) && rounds >= Number(DEFAULTS.rounds)) {
  const figures = subjects.flatMap(({ name, times }) =>
    VERBS.map((verb) => ({
      engine: name,
      verb,
      microseconds: spreadOf(times[verb]),
      ratio: ratios(times[verb], times.load),
    })),
  );
  publish("server-cost", { title: "What a call costs the store's server", markdown, figures });
}
