// node --conditions=sojourn:source bench/server-cost.ts [COUNT]: the processor time that an engine's server takes for each verb, from /proc.
import { readFileSync, readdirSync } from "node:fs";
import { handleOf, newSessionId, newVersion } from "../src/core/id.ts";
import type { SessionRecord } from "../src/core/record.ts";
import { isStateless, type SessionStore } from "../src/core/store.ts";
import { storeFromUrl } from "../src/store-url.ts";
import { startMariadb } from "../test/servers/mariadb.ts";
import { startMemcached } from "../test/servers/memcached.ts";
import { startPostgres } from "../test/servers/postgres.ts";
import { startRedis } from "../test/servers/redis.ts";

const COUNT = Number(process.argv[2] ?? 20_000);
const AT_ONCE = 16;
const TICK_US = 10_000;

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

async function each(count: number, call: (index: number) => unknown): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await call(next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

async function measure(name: string, store: SessionStore, pid: number): Promise<string> {
  const now = Date.now();
  const records: SessionRecord[] = Array.from({ length: COUNT }, (_, index) => ({
    handle: handleOf(newSessionId()),
    data,
    version: newVersion(),
    createdAt: now,
    expiresAt: now + 1_209_600_000,
    userId: `user-${index >> 1}`,
    epoch: 0,
  }));
  const at = (index: number): SessionRecord => records[index] ?? (records[0] as SessionRecord);
  const timed = async (call: (index: number) => unknown): Promise<string> => {
    const before = processorTime(pid);
    await each(COUNT, call);
    return ((processorTime(pid) - before) / COUNT).toFixed(0);
  };
  const tombstone = { reason: "ended", token: newVersion(), successor: null, until: now + 60_000 } as const;
  const cells = [
    await timed((index) => store.create(at(index))),
    await timed((index) => store.load(at(index).handle)),
    await timed((index) => {
      const { version } = at(index);
      records[index] = { ...at(index), version: newVersion() };
      return store.save(at(index), version);
    }),
    await timed((index) => store.touch(at(index).handle, at(index).version, at(index).expiresAt + 1000)),
    await timed((index) => store.retire(at(index).handle, tombstone)),
  ];
  return `| ${name} | ${cells.join(" | ")} |`;
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

const lines = [
  "| µs of the server's processor | create | load | save | touch | retire |",
  "| --- | --- | --- | --- | --- | --- |",
];
for (const [name, start] of Object.entries(engines)) {
  const { url, pid, stop } = await start();
  try {
    const store = storeFromUrl(url);
    if (isStateless(store) || pid === undefined) throw new TypeError("There is no server");
    await store.load(handleOf(newSessionId()));
    lines.push(await measure(name, store, pid));
    await store.close?.();
  } finally {
    await stop();
  }
}
process.stdout.write(`${lines.join("\n")}\n`);
