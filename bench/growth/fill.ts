import { closeSync, fsyncSync, openSync } from "node:fs";
import { freemem } from "node:os";
import { DatabaseSync } from "node:sqlite";
import type { Pool } from "pg";
import type { SessionRecord } from "../../src/core/record.ts";
import { postgresSchema } from "../../src/stores/postgres.ts";
import { WRITTEN } from "../../src/stores/sql/statements.ts";
import { sqliteSchema } from "../../src/stores/sqlite.ts";
import { progress } from "../measure.ts";
import { recordAt } from "./records.ts";

/** A record's values in the order of `WRITTEN`. */
function rowOf({ handle, version, createdAt, expiresAt, userId, epoch, data }: SessionRecord) {
  return [handle, version, createdAt, expiresAt, userId, epoch, expiresAt, data] as const;
}

/** Makes a database of `count` sessions, past the store and in one transaction: the rows are as the store writes them. */
export function fillSqlite(path: string, count: number, now: number): void {
  const database = new DatabaseSync(path);
  try {
    const kilobytes = Math.floor(Math.min(Math.max(count, 65_536), freemem() / 2048));
    database.exec(`PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -${kilobytes}`);
    database.exec(sqliteSchema());
    const insert = database.prepare(`INSERT INTO sojourn_sessions (${WRITTEN}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`);
    database.exec("BEGIN");
    for (let index = 0; index < count; index++) {
      insert.run(...rowOf(recordAt(index, count, now)));
      tell("SQLite", index, count);
    }
    database.exec("COMMIT");
  } finally {
    database.close();
  }
  flush(path);
}

/** What the system still had to write would be written in the middle of the measurement. */
function flush(path: string): void {
  const file = openSync(path, "r+");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

const STRIDE = 1_000_000;

/** A large table takes minutes. */
function tell(engine: string, done: number, count: number): void {
  if (done > 0 && done % STRIDE === 0) progress(`${engine}: ${done} of ${count} rows`);
}

const BATCH = 20_000;

/** The same as a table of PostgreSQL. */
export async function fillPostgres(pool: Pool, name: string, count: number, now: number): Promise<void> {
  const insert = `INSERT INTO "${name}" (${WRITTEN}) SELECT * FROM unnest
    ($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::bigint[], $7::bigint[], $8::text[])`;
  const client = await pool.connect();
  try {
    await client.query(postgresSchema({ table: name }));
    await client.query("BEGIN");
    for (let from = 0; from < count; from += BATCH) {
      tell("PostgreSQL", from, count);
      const size = Math.min(BATCH, count - from);
      const rows = Array.from({ length: size }, (_, at) => rowOf(recordAt(from + at, count, now)));
      await client.query(
        insert,
        Array.from({ length: 8 }, (_, column) => rows.map((row) => row[column])),
      );
    }
    await client.query("COMMIT");
    // What its own housekeeping would do in the middle of the measurement.
    await client.query(`VACUUM (ANALYZE) "${name}"`);
  } finally {
    client.release();
  }
}
