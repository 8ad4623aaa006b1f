import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import mysql from "mysql2/promise";
import pg from "pg";
import type { SessionStore } from "../../src/index.ts";
import { mysqlStore } from "../../src/stores/mysql.ts";
import { postgresStore } from "../../src/stores/postgres.ts";
import { sqliteStore } from "../../src/stores/sqlite.ts";
import { startMariadb } from "../../test/servers/mariadb.ts";
import { startPostgres } from "../../test/servers/postgres.ts";

const HOUR = 3_600_000;

/** A store to fill and to sweep. */
export interface Ground {
  readonly store: SessionStore;
  readonly url: string;
  /** Inserts rows, half of them for users: expired ones, or ones that were renewed since their sweep was set. */
  fill(from: number, count: number, renewed: boolean): Promise<void>;
  /** Brings the statistics up to date, as a database in use has them. */
  settle(): Promise<void>;
  end(): Promise<void>;
}

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

/** What opens each engine. */
export const GROUNDS = { sqlite: openSqlite, postgres: openPostgres, mariadb: openMariadb };
