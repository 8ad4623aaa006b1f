// node --conditions=sojourn:source bench/sizes.ts [COUNT]: what one stored session takes in each engine, measured on servers of its own.
import { mkdtempSync, rmSync, statSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import mysql from "mysql2/promise";
import pg from "pg";
import { handleOf, newSessionId, newVersion } from "../src/core/id.ts";
import type { SessionRecord } from "../src/core/record.ts";
import { isStateless, type SessionStore } from "../src/core/store.ts";
import { storeFromUrl } from "../src/store-url.ts";
import { exchange } from "../test/servers/exchange.ts";
import { startMariadb } from "../test/servers/mariadb.ts";
import { startMemcached } from "../test/servers/memcached.ts";
import { startPostgres } from "../test/servers/postgres.ts";
import { infoField, startRedis } from "../test/servers/redis.ts";
import { digits, numberOf, progress, table } from "./measure.ts";
import { publish } from "./publish.mjs";

const DEFAULT_COUNT = 20_000;
const COUNT = Math.floor(numberOf(process.argv[2] ?? String(DEFAULT_COUNT), 1));
const AT_ONCE = 64;

/** An engine that runs, and how much it holds. */
interface Measured {
  readonly name: string;
  readonly url: string;
  bytes(): Promise<number>;
  stop(): Promise<void>;
}

const kinds = { visitor: null, user: "user-1234567890" } as const;
const data = `j1:${JSON.stringify({ count: 1, cart: ["a".repeat(60), "b".repeat(60)], seen: "2026-01-01T00:00:00Z" })}`;

function newRecord(user: string | null, index: number): SessionRecord {
  const now = Date.now();
  const userId = user === null ? null : `${user}-${index >> 1}`;
  const handle = handleOf(newSessionId());
  return { handle, data, version: newVersion(), createdAt: now, expiresAt: now + 1_209_600_000, userId, epoch: 0 };
}

async function fill(store: SessionStore, user: string | null): Promise<void> {
  for (let index = 0; index < COUNT; index += AT_ONCE) {
    const batch = Array.from({ length: Math.min(AT_ONCE, COUNT - index) }, (_, at) => newRecord(user, index + at));
    await Promise.all(batch.map(async (record) => store.create(record)));
  }
}

async function redis(): Promise<Measured> {
  const server = await startRedis();
  return {
    name: "Redis",
    url: server.url,
    bytes: async () => Number(infoField(await server.command("INFO", "memory"), "used_memory")),
    stop: () => server.stop(),
  };
}

async function postgres(): Promise<Measured> {
  const server = await startPostgres();
  const ask = async (sql: string): Promise<number> => {
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    const { rows } = await client.query<{ bytes: string | null }>(sql);
    await client.end();
    return Number(rows[0]?.bytes ?? 0);
  };
  const relation = "to_regclass('sojourn_sessions')";
  return {
    name: "PostgreSQL",
    url: server.url,
    bytes: () => ask(`SELECT pg_total_relation_size(${relation}) AS bytes`),
    stop: () => server.stop(),
  };
}

async function mariadb(): Promise<Measured> {
  const server = await startMariadb();
  const url = `mysql://${server.user}:sojourn@127.0.0.1:${server.port}/sojourn`;
  return {
    name: "MariaDB",
    url,
    async bytes() {
      const client = await mysql.createConnection(url);
      await client.query("ANALYZE TABLE sojourn_sessions").catch(() => undefined);
      const [rows] = await client.query<mysql.RowDataPacket[]>(
        "SELECT SUM(data_length + index_length) AS bytes FROM information_schema.tables WHERE table_name = 'sojourn_sessions'",
      );
      await client.end();
      return Number(rows[0]?.["bytes"] ?? 0);
    },
    stop: () => server.stop(),
  };
}

function inFolder(name: string, url: (folder: string) => string): Measured {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-sizes-"));
  const total = (path: string): number =>
    readdirSync(path, { withFileTypes: true }).reduce((sum, entry) => {
      const inner = join(path, entry.name);
      // Blocks, as a file system hands out no less.
      return sum + (entry.isDirectory() ? total(inner) : statSync(inner).blocks * 512);
    }, 0);
  return {
    name,
    url: url(folder),
    bytes: async () => total(folder),
    stop: async () => rmSync(folder, { recursive: true }),
  };
}

async function memcached(): Promise<Measured> {
  const server = await startMemcached({ megabytes: 256 });
  return {
    name: "Memcached",
    url: `memcached://127.0.0.1:${server.port}`,
    // What an item takes of a page; a page has unused room besides.
    bytes: async () =>
      Number(/STAT bytes (\d+)/.exec(await exchange(server.port, "stats\r\n", (reply) => reply.endsWith("END\r\n")))?.[1]),
    stop: () => server.stop(),
  };
}

const engines: readonly (() => Promise<Measured>)[] = [
  redis,
  memcached,
  postgres,
  mariadb,
  async () => inFolder("SQLite", (folder) => `sqlite:${join(folder, "sessions.db")}`),
  async () => inFolder("file", (folder) => `file:${join(folder, "sessions")}`),
];

const found: { engine: string; bytes: Record<keyof typeof kinds, number> }[] = [];
for (const start of engines) {
  const engine = await start();
  try {
    const bytes = { visitor: 0, user: 0 };
    for (const kind of ["visitor", "user"] as const) {
      const store = storeFromUrl(engine.url);
      if (isStateless(store)) throw new TypeError("A cookie store holds nothing");
      await store.load(newRecord(null, 0).handle);
      const before = await engine.bytes();
      await fill(store, kinds[kind]);
      // What is written behind, such as SQLite's log, is written by closing.
      await store.close?.();
      bytes[kind] = Math.round((Math.max(await engine.bytes(), before) - before) / COUNT);
    }
    found.push({ engine: engine.name, bytes });
    progress(`${engine.name}: ${bytes.visitor} and ${bytes.user} bytes`);
  } finally {
    await engine.stop();
  }
}

const words =
  `What one stored session takes in its engine, indexes and all that the engine keeps with it included: the growth of what it holds by ` +
  `${COUNT.toLocaleString("en-US")} visitors' sessions, and then by as many of users who have two each, divided by their number. Their data is ` +
  `${data.length} bytes of text, which the multiples are of. Files are counted in whole blocks, as the file system hands them out.`;
const markdown = [
  words,
  table(
    ["", "a visitor's ÷ its text", "a user's ÷ its text", "bytes of a visitor's", "bytes of a user's"],
    found.map(({ engine, bytes }) => {
      const each = [bytes.visitor, bytes.user];
      return [engine, ...each.map((size) => digits(size / data.length)), ...each.map(digits)];
    }),
  ),
].join("\n\n");
process.stdout.write(`${markdown}\n`);
if (COUNT >= DEFAULT_COUNT) {
  publish("sizes", { title: "What a stored session takes", markdown, figures: { count: COUNT, text: data.length, found } });
}
