/**
 * What requests notice of a sweep: fills a store with expired sessions, and some that were renewed, and sweeps it with the real
 * `clearExpired` while visitors come at a steady rate, whose answers are timed from when they were due.
 *
 *     npx node --conditions=sojourn:source bench/sweep.ts [sqlite|postgres|mariadb] [--rows N] [--renewed N] [--rate PER_SECOND]
 *       [--quiet SECONDS] [--batch N] [--duty SHARE] [--elsewhere]
 *
 * With `--elsewhere` it is `sojourn clear-expired` that sweeps, in a process of its own.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import mysql from "mysql2/promise";
import pg from "pg";
import { createSessions, type Sessions, type SessionStore } from "../src/index.ts";
import { processRequest, processResponse } from "../src/middleware/index.ts";
import { mysqlStore } from "../src/stores/mysql.ts";
import { postgresStore } from "../src/stores/postgres.ts";
import { sqliteStore } from "../src/stores/sqlite.ts";
import { startMariadb } from "../test/servers/mariadb.ts";
import { startPostgres } from "../test/servers/postgres.ts";

const HOUR = 3_600_000;
const VISITORS = 1000;
const AT_ONCE = 500_000;

/** A store to fill and to sweep. */
interface Ground {
  readonly store: SessionStore;
  readonly url: string;
  /** Inserts rows, half of them for users: expired ones, or ones that were renewed since their sweep was set. */
  fill(from: number, count: number, renewed: boolean): Promise<void>;
  /** Brings the statistics up to date, as a database in use has them. */
  settle(): Promise<void>;
  end(): Promise<void>;
}

interface Visit {
  count?: number;
  name?: string;
}

const { values: given, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rows: { type: "string", default: "1000000" },
    renewed: { type: "string", default: "" },
    rate: { type: "string", default: "400" },
    quiet: { type: "string", default: "20" },
    batch: { type: "string", default: "1000" },
    duty: { type: "string", default: "" },
    elsewhere: { type: "boolean", default: false },
  },
});
const rows = Number(given.rows);
const renewed = given.renewed === "" ? Math.round(rows / 10) : Number(given.renewed);

const TABLE = "sojourn_sessions";
const COLUMNS =
  "session_handle, session_version, created_at, expires_at, user_id, user_epoch, sweep_at, session_data, retired_reason";
const DATA = `j1:${JSON.stringify({ name: "x".repeat(40), cart: [{ item: 17, amount: 2 }], seen: 1_767_225_600_000 })}`;

async function openPostgres(): Promise<Ground> {
  // With the flushes that production has.
  const server = await startPostgres({ durable: true, settings: ["max_wal_size=4GB", "shared_buffers=512MB"] });
  const client = new pg.Pool({ connectionString: server.url, max: 10 });
  return {
    store: postgresStore({ client }),
    url: server.url,
    async fill(from, count, isRenewed) {
      const now = Date.now();
      await client.query(
        `INSERT INTO ${TABLE} (${COLUMNS})
SELECT substr(encode(sha256(CAST(i AS text)::bytea), 'hex'), 1, 48), substr(md5(CAST(-i AS text)), 1, 16), $1, $2 + spread,
  CASE WHEN i % 2 = 0 THEN 'user ' || i % 100000 END, 0, $3 + spread, $4, NULL
FROM (SELECT i, CAST(random() * 86400000 AS bigint) AS spread FROM generate_series(CAST($5 AS bigint), CAST($6 AS bigint)) i) g`,
        [now - 48 * HOUR, isRenewed ? now + HOUR : now - 25 * HOUR, now - 25 * HOUR, DATA, from, from + count - 1],
      );
    },
    async settle() {
      await client.query(`VACUUM ANALYZE ${TABLE}`);
      await client.query("CHECKPOINT");
    },
    async end() {
      await client.end();
      await server.stop();
    },
  };
}

async function openMariadb(): Promise<Ground> {
  const server = await startMariadb();
  const client = mysql.createPool({ uri: server.url, connectionLimit: 10 });
  return {
    store: mysqlStore({ client }),
    url: server.url,
    async fill(from, count, isRenewed) {
      const now = Date.now();
      await client.query(
        `INSERT INTO ${TABLE} (${COLUMNS})
SELECT substr(sha2(seq, 256), 1, 48), substr(md5(-seq), 1, 16), ?, ? + spread, IF(seq % 2 = 0, concat('user ', seq % 100000), NULL),
  0, ? + spread, ?, NULL
FROM (SELECT seq, CAST(floor(rand() * 86400000) AS SIGNED) AS spread FROM seq_${from}_to_${from + count - 1}) g`,
        [now - 48 * HOUR, isRenewed ? now + HOUR : now - 25 * HOUR, now - 25 * HOUR, DATA],
      );
    },
    async settle() {
      await client.query(`ANALYZE TABLE ${TABLE}`);
    },
    async end() {
      await client.end();
      await server.stop();
    },
  };
}

async function openSqlite(): Promise<Ground> {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-bench-"));
  const path = join(folder, "sessions.db");
  const store = sqliteStore(path);
  return {
    store,
    url: `sqlite:${path}`,
    async fill(from, count, isRenewed) {
      const now = Date.now();
      const database = new DatabaseSync(path);
      const insert = database.prepare(
        `INSERT INTO ${TABLE} (${COLUMNS})
WITH RECURSIVE g(i, spread) AS (
  SELECT ?, abs(random()) % 86400000 UNION ALL SELECT i + 1, abs(random()) % 86400000 FROM g WHERE i < ?)
SELECT lower(hex(randomblob(24))), lower(hex(randomblob(8))), ?, ? + spread, iif(i % 2 = 0, 'user ' || i % 100000, NULL),
  0, ? + spread, ?, NULL FROM g`,
      );
      const expires = isRenewed ? now + HOUR : now - 25 * HOUR;
      insert.run(from, from + count - 1, now - 48 * HOUR, expires, now - 25 * HOUR, DATA);
      database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
      database.close();
    },
    async settle() {
      const database = new DatabaseSync(path);
      database.exec("ANALYZE");
      database.close();
    },
    async end() {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const GROUNDS = { sqlite: openSqlite, postgres: openPostgres, mariadb: openMariadb };

/** How long requests took in milliseconds, failed ones included, and how many failed. */
interface Took {
  readonly took: readonly number[];
  readonly failed: number;
}

/** Visitors at a steady rate, until they are told to stop; each reads its session, and every second one changes it. */
async function visit(sessions: Sessions<Visit>, cookies: readonly string[], until: () => boolean): Promise<Took> {
  const rate = Number(given.rate);
  const took: number[] = [];
  let failed = 0;
  const pending = new Set<Promise<void>>();
  const started = performance.now();
  for (let number = 0; !until();) {
    const due = Math.floor(((performance.now() - started) * rate) / 1000);
    for (; number < due; number++) {
      // Not from when it was sent: a process that was held up sends late, and its visitors have waited.
      const since = started + (number * 1000) / rate;
      const cookie = cookies[(number * 7919) % cookies.length] ?? "";
      const call = request(sessions, cookie, number % 2 === 0)
        .catch(() => void failed++)
        .finally(() => void took.push(performance.now() - since));
      pending.add(call);
      void call.finally(() => pending.delete(call));
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(pending);
  return { took, failed };
}

async function request(sessions: Sessions<Visit>, cookie: string, changes: boolean): Promise<void> {
  const header = (name: string): string | undefined => (name === "cookie" ? cookie : undefined);
  const session = await processRequest(sessions, { method: "GET", secure: true, header }, {});
  if (changes) await session.update((visitor) => void (visitor.count = (visitor.count ?? 0) + 1));
  else await session.load();
  await processResponse(session, { status: 200, header: () => undefined });
}

/** `sojourn clear-expired`, as from a timer. */
async function sweepElsewhere(url: string): Promise<number> {
  const program = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url));
  const args = ["--conditions=sojourn:source", program, "clear-expired", "--json", "--store", url, "--batch", given.batch];
  if (given.duty !== "") args.push("--duty", given.duty);
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return (JSON.parse(stdout) as { removed: number }).removed;
}

function percentile({ took }: Took, share: number): number {
  const sorted = [...took].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function row(name: string, all: Took): string {
  const [half, most, worst] = [0.5, 0.99, 1].map((share) => percentile(all, share).toFixed(2));
  return `${name.padEnd(14)} ${String(all.took.length).padStart(8)} requests, ${all.failed} failed   p50 ${half} ms   p99 ${most} ms   worst ${worst} ms`;
}

async function measure(kind: keyof typeof GROUNDS): Promise<void> {
  const ground = await GROUNDS[kind]();
  const sessions = createSessions<Visit>({ store: ground.store });
  try {
    const cookies: string[] = [];
    for (let number = 0; number < VISITORS; number++) {
      cookies.push((await sessions.create({ data: { count: 0, name: "a visitor" } })).cookie);
    }
    for (const [count, isRenewed, first] of [
      [rows, false, 1],
      [renewed, true, rows + 1],
    ] as const) {
      for (let from = 0; from < count; from += AT_ONCE) {
        await ground.fill(first + from, Math.min(AT_ONCE, count - from), isRenewed);
      }
    }
    await ground.settle();
    console.error(`${kind}: ${rows} expired, ${renewed} renewed, ${VISITORS} visitors; ${given.rate} requests a second`);
    const seconds = (count: number): (() => boolean) => {
      const end = performance.now() + count * 1000;
      return () => performance.now() > end;
    };
    await visit(sessions, cookies, seconds(3));
    const quiet = await visit(sessions, cookies, seconds(Number(given.quiet)));
    console.error(row("quiet", quiet));
    let swept = false;
    const started = performance.now();
    let last = started;
    const here = (): Promise<number> =>
      sessions.clearExpired({
        batch: Number(given.batch),
        duty: given.duty === "" ? undefined : Number(given.duty),
        onProgress(removed) {
          const now = performance.now();
          if (now - last < 10_000) return;
          last = now;
          console.error(`  ${removed} removed, ${Math.round((removed / (now - started)) * 1000)} a second so far`);
        },
      });
    const sweeping = (given.elsewhere ? sweepElsewhere(ground.url) : here()).finally(() => (swept = true));
    const during = await visit(sessions, cookies, () => swept);
    const elapsed = (performance.now() - started) / 1000;
    const removed = await sweeping;
    console.error(row("while it sweeps", during));
    const after = await visit(sessions, cookies, seconds(Number(given.quiet)));
    console.error(row("quiet again", after));
    const { lagSeconds } = await sessions.sweepState();
    const ratio = (share: number): string => (percentile(during, share) / percentile(quiet, share)).toFixed(2);
    console.error(
      `${kind}: removed ${removed} in ${elapsed.toFixed(1)} s, ${Math.round(removed / elapsed)} rows a second; ` +
        `p50 × ${ratio(0.5)}, p99 × ${ratio(0.99)}; lag afterwards ${(lagSeconds ?? Number.NaN).toFixed(1)} s`,
    );
  } finally {
    await sessions.close();
    await ground.end();
  }
}

const chosen = positionals.length > 0 ? positionals : Object.keys(GROUNDS);
for (const kind of chosen) {
  if (!Object.hasOwn(GROUNDS, kind)) throw new Error(`There is no ${kind} here: ${Object.keys(GROUNDS).join(", ")}`);
  await measure(kind as keyof typeof GROUNDS);
}
