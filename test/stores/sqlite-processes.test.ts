import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { handleOf, newSessionId, newVersion } from "../../src/core/id.ts";
import { sqliteStore } from "../../src/stores/sqlite.ts";
import { query } from "../../src/stores/sqlite/driver.ts";
import { driversHere } from "./sqlite/drivers.ts";
import { folderOf, record, startWorker, type Cleaner, type Worker } from "./sqlite/support.ts";

/** Starts workers and lets them go at the same moment. */
async function together(t: Cleaner, tasks: readonly (readonly [task: string, args: object])[]): Promise<Worker[]> {
  const workers = tasks.map(([task, args]) => startWorker(t, task, args));
  for (const worker of workers) assert.equal(await worker.next(), "ready");
  for (const worker of workers) worker.tell("go");
  return workers;
}

async function integrity(path: string): Promise<unknown> {
  const [driver] = await driversHere();
  const database = driver?.open(path);
  assert.ok(database);
  const found = query(database, "PRAGMA integrity_check", ["integrity_check"]);
  database.close();
  return found;
}

for (const driver of ["default", "better-sqlite3", "libsql"]) {
  test(`${driver}: four processes add 250 each to one counter, and it is exactly 1000`, async (t) => {
    const path = join(folderOf(t), "sessions.db");
    const store = sqliteStore(path);
    t.after(() => store.close());
    const counter = record({ data: "0" });
    await store.create(counter);
    const task = ["increment", { path, handles: [counter.handle], times: 250, driver }] as const;
    const workers = await together(t, [task, task, task, task]);
    const results = (await Promise.all(workers.map((worker) => worker.rest()))).flat() as { conflicts: number }[];
    assert.equal(results.length, 4);
    const outcome = await store.load(counter.handle);
    assert.equal(outcome.status === "live" && outcome.record.data, "1000");
    t.diagnostic(`${results.reduce((sum, { conflicts }) => sum + conflicts, 0)} writes were refused and made again`);
  });
}

test("one process rotates 300 sessions while another saves onto them: each session goes one way, and nothing acknowledged is lost", async (t) => {
  const path = join(folderOf(t), "sessions.db");
  const store = sqliteStore(path);
  t.after(() => store.close());
  const version = newVersion();
  const sessions = Array.from({ length: 300 }, () => record({ version }));
  for (const session of sessions) await store.create(session);
  const handles = sessions.map(({ handle }) => handle);
  const workers = await together(t, [
    ["rotate", { path, handles, version }],
    ["save", { path, handles: handles.toReversed(), version }],
  ]);
  const [rotated, saved] = (await Promise.all(workers.map((worker) => worker.rest()))).flat() as [string[], string[]];
  const saves = saved.toReversed();
  for (const [index, handle] of handles.entries()) {
    const outcome = await store.load(handle);
    const pair = `${rotated[index]} and ${saves[index]}`;
    if (rotated[index] === "rotated") {
      assert.equal(pair, "rotated and retired");
      assert.ok(outcome.status === "retired");
      assert.equal(outcome.tombstone.reason, "rotated");
    } else {
      assert.equal(pair, "conflict and saved");
      assert.equal(outcome.status === "live" && outcome.record.data, "saved");
    }
  }
  assert.equal((await store.list({ limit: 1000 })).length, 300, "one live record for each session");
  t.diagnostic(`${rotated.filter((status) => status === "rotated").length} were rotated, the others saved`);
});

test("six processes that open a new database at once all find their tables", async (t) => {
  for (let round = 0; round < 3; round++) {
    const path = join(folderOf(t), "sessions.db");
    const workers = await together(
      t,
      Array.from({ length: 6 }, () => ["create", { path }] as const),
    );
    const results = (await Promise.all(workers.map((worker) => worker.rest()))).flat();
    assert.deepEqual(
      results,
      Array.from({ length: 6 }, () => ({ status: "created" })),
    );
    const store = sqliteStore(path);
    assert.equal((await store.list({ limit: 10 })).length, 6);
    store.close();
  }
});

test("kill -9 in the middle of saves: the database is whole, and what was acknowledged is there", async (t) => {
  for (let round = 0; round < 4; round++) {
    const path = join(folderOf(t), "sessions.db");
    const handle = handleOf(newSessionId());
    const worker = startWorker(t, "count", { path, handles: [handle] });
    await worker.next();
    worker.tell("go");
    let last: unknown = 0;
    for (let lines = 0; lines < 40 + 17 * round; lines++) last = await worker.next();
    await worker.kill();
    assert.deepEqual(await integrity(path), [["ok"]]);
    const store = sqliteStore(path);
    const outcome = await store.load(handle);
    store.close();
    assert.ok(outcome.status === "live");
    assert.ok(
      Number(outcome.record.data) >= Number(last),
      `${outcome.record.data} was stored and ${String(last)} acknowledged`,
    );
  }
});

test("kill -9 in the middle of rotations: there is one live session, never two and never none", async (t) => {
  for (let round = 0; round < 4; round++) {
    const path = join(folderOf(t), "sessions.db");
    const worker = startWorker(t, "renew", { path });
    await worker.next();
    worker.tell("go");
    for (let lines = 0; lines < 30 + 13 * round; lines++) await worker.next();
    await worker.kill();
    assert.deepEqual(await integrity(path), [["ok"]]);
    const store = sqliteStore(path);
    const live = await store.list({ limit: 10 });
    assert.deepEqual(await store.users.sessionsOf("u"), live);
    assert.equal(live.length, 1);
    store.close();
  }
});
