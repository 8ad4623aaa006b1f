import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { sqliteStore } from "../../src/stores/sqlite.ts";
import { driversHere } from "./sqlite/drivers.ts";
import { folderOf, HOUR, NOW, record, type Cleaner } from "./sqlite/support.ts";

const ROWS = 600;
/** A frame of the log: a page, and its head. */
const FRAME_BYTES = 4096 + 24;

/** Sweeps a file by batches of ten. Gives how many pages the log had at most, and what the connection was set to afterwards. */
async function swept(t: Cleaner, driver: Awaited<ReturnType<typeof driversHere>>[number], autocheckpoint: number) {
  const path = join(folderOf(t), "sessions.db");
  const database = driver.open(path);
  database.exec("PRAGMA journal_mode = WAL");
  database.exec("PRAGMA synchronous = OFF");
  database.exec(`PRAGMA wal_autocheckpoint = ${autocheckpoint}`);
  const store = sqliteStore({ database, closeDatabase: true });
  t.after(() => store.close());
  for (let row = 0; row < ROWS; row++) await store.create(record({ data: "x".repeat(3000) }));
  database.prepare("PRAGMA wal_checkpoint(TRUNCATE)").all();
  let removed = 0;
  let pages = 0;
  while (removed < ROWS) {
    removed += Number(await store.clearExpired({ before: NOW + 2 * HOUR, limit: 10 }));
    pages = Math.max(pages, statSync(`${path}-wal`).size / FRAME_BYTES);
  }
  const [row] = database.prepare("PRAGMA wal_autocheckpoint").all();
  return { pages: Math.round(pages), setting: Number(Object.values(row as object)[0]) };
}

for (const driver of await driversHere()) {
  test(`${driver.name}: a sweep copies its log into the file by small pieces, and leaves the connection's setting`, async (t) => {
    const { pages, setting } = await swept(t, driver, 1000);
    t.diagnostic(`the log had ${pages} pages at most`);
    assert.ok(pages < 200, `the log had ${pages} pages`);
    assert.equal(setting, 1000);
  });

  test(`${driver.name}: a sweep makes no checkpoint where somebody else makes them`, async (t) => {
    const { pages, setting } = await swept(t, driver, 0);
    assert.ok(pages > 500, `the log had ${pages} pages`);
    assert.equal(setting, 0);
  });
}
