import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
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

const BATCH = { before: NOW + 2 * HOUR, limit: 10 };
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A store by path, all of whose rows are over, and in the log; of fewer pages than SQLite makes a checkpoint for by itself. */
async function filled(t: Cleaner) {
  const path = join(folderOf(t), "sessions.db");
  const store = sqliteStore(path);
  t.after(() => store.close());
  for (let row = 0; row < 100; row++) await store.create(record({ data: "x".repeat(3000) }));
  const pages = statSync(`${path}-wal`).size / FRAME_BYTES;
  assert.ok(pages > 100 && pages < 800, `the log has ${pages} pages`);
  // It is written to when the log is copied into it.
  const written = () => statSync(path, { bigint: true }).mtimeNs;
  return { store, path, written, before: written() };
}

test("by path, the log of a long sweep is copied into the file by a thread of its own", { timeout: 60_000 }, async (t) => {
  const { store, written } = await filled(t);
  // The first step makes its checkpoint itself, and begins the thread.
  await store.clearExpired(BATCH);
  const first = written();
  assert.equal(await store.clearExpired(BATCH), 10);
  assert.equal(written(), first);
  while (written() === first) await turn();
});

test(
  "by path, nothing is left of the log once the store is closed, whatever the thread is at",
  { timeout: 120_000 },
  async (t) => {
    for (let turns = 0; turns < 60; turns++) {
      const { store, path, written } = await filled(t);
      await store.clearExpired(BATCH);
      const first = written();
      await store.clearExpired(BATCH);
      while (written() === first) await turn();
      // It is at work from here on, or about to be, or done.
      await store.clearExpired({ ...BATCH, limit: 50 });
      for (let at = 0; at < turns; at++) await turn();
      store.close();
      assert.equal(existsSync(`${path}-wal`), false, `after ${turns} turns`);
    }
  },
);

test("by path, a sweep keeps no process alive", async (t) => {
  const { path } = await filled(t);
  const store = new URL("../../src/stores/sqlite.ts", import.meta.url).href;
  // Without the timer that ends the thread when nothing more comes.
  const program = `globalThis.setTimeout = () => ({ unref() {} });
    const { sqliteStore } = await import(${JSON.stringify(store)});
    console.log(await sqliteStore(${JSON.stringify(path)}).clearExpired(${JSON.stringify(BATCH)}));`;
  const args = ["--conditions=sojourn:source", "--input-type=module", "--eval", program];
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: "utf8", timeout: 30_000 });
  assert.deepEqual([status, stdout], [0, "10\n"]);
});

test("by path, a sweep makes small checkpoints itself where there are no threads", async (t) => {
  const { getBuiltinModule } = process;
  const without = (name: string) => (name === "node:worker_threads" ? undefined : getBuiltinModule(name));
  t.mock.method(process, "getBuiltinModule", without as typeof getBuiltinModule);
  const { store, written } = await filled(t);
  for (let step = 0; step < 3; step++) {
    for (let row = 0; row < 40; row++) await store.create(record());
    const before = written();
    assert.equal(await store.clearExpired(BATCH), 10);
    assert.notEqual(written(), before);
  }
});
