import assert from "node:assert/strict";
import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import { isSessionError } from "../../src/core/errors.ts";
import type { SessionHandle } from "../../src/core/id.ts";
import { sqliteSchema, sqliteStore, type SqliteStore } from "../../src/stores/sqlite.ts";
import { fakeClock } from "../../src/testing/fake-clock.ts";
import { driversHere } from "./sqlite/drivers.ts";
import { folderOf, HOUR, next, NOW, record, refused, startWorker, tombstone, type Worker } from "./sqlite/support.ts";

async function lock(t: TestContext, path: string): Promise<Worker> {
  const worker = startWorker(t, "lock", { path });
  assert.equal(await worker.next(), "ready");
  worker.tell("go");
  assert.equal(await worker.next(), "locked");
  return worker;
}

async function release(worker: Worker): Promise<void> {
  worker.tell("let go");
  assert.equal(await worker.next(), "free");
}

function open(t: TestContext, ...args: Parameters<typeof sqliteStore>): SqliteStore {
  const store = sqliteStore(...args);
  t.after(() => store.close());
  return store;
}

/** Every way to write onto a session or beside it. */
function writes(store: SqliteStore, session: ReturnType<typeof record>): Record<string, () => unknown> {
  const { handle, version } = session;
  return {
    create: () => store.create(record()),
    save: () => store.save(next(session), version),
    touch: () => store.touch(handle, version, session.expiresAt + 1),
    rotate: () => store.rotate(handle, version, record(), tombstone()),
    retire: () => store.retire(handle, tombstone()),
    advanceEpoch: () => store.users.advanceEpoch("u", 1),
    clearExpired: () => store.clearExpired({ before: NOW + 2 * HOUR, limit: 10 }),
  };
}

test("while another process holds the lock, reads go on, and writes are refused at the deadline with nothing applied", async (t) => {
  const path = join(folderOf(t), "sessions.db");
  const clock = fakeClock(NOW, { sleep: "advance" });
  const store = open(t, { path, clock, busyTimeoutMs: 400 });
  const session = record();
  await store.create(session);
  const worker = await lock(t, path);
  for (const [verb, write] of Object.entries(writes(store, session))) {
    const before = clock.now();
    const answer = write();
    assert.ok(answer instanceof Promise, `${verb} waits without holding up the process`);
    const error = await refused(() => answer, "ERR_SESSION_STORE");
    assert.equal(error.applied, "no", verb);
    assert.match(error.message, /busyTimeoutMs/);
    assert.ok(Math.abs(clock.now() - before - 400) < 1, `${verb} waited ${clock.now() - before} ms`);
  }
  assert.deepEqual(store.load(session.handle), { status: "live", record: session });
  await release(worker);
  assert.deepEqual(await store.save(next(session), session.version), { status: "saved" });
});

test("a write that waits is done as soon as the lock is free", async (t) => {
  const path = join(folderOf(t), "sessions.db");
  const holder: { worker?: Worker } = {};
  let sleeps = 0;
  const time = fakeClock(NOW, { sleep: "advance" });
  const clock = {
    now: time.now,
    async sleep(milliseconds: number): Promise<void> {
      sleeps += 1;
      if (sleeps === 4 && holder.worker !== undefined) await release(holder.worker);
      await time.sleep(milliseconds);
    },
  };
  const store = open(t, { path, clock });
  const session = record();
  await store.create(session);
  holder.worker = await lock(t, path);
  const changed = next(session);
  assert.deepEqual(await store.save(changed, session.version), { status: "saved" });
  assert.equal(sleeps, 4);
  assert.deepEqual(store.load(session.handle), { status: "live", record: changed });
});

test("what the caller changes while a write waits is not what is stored", async (t) => {
  const path = join(folderOf(t), "sessions.db");
  const clock = fakeClock(NOW);
  const store = open(t, { path, clock });
  const session = record();
  await store.create(session);
  const worker = await lock(t, path);
  const given = { ...next(session), data: "given" };
  const stone = { ...tombstone(), reason: "ended" as "ended" | "rotated" };
  const other = record();
  const created = { ...other };
  const saving = store.save(given, session.version);
  const creating = store.create(created);
  Object.assign(given, { data: "changed", userId: "u", version: "changed" });
  Object.assign(created, { data: "changed", handle: session.handle });
  await release(worker);
  clock.advance(1000);
  assert.deepEqual(await saving, { status: "saved" });
  assert.deepEqual(await creating, { status: "created" });
  const found = await store.load(session.handle);
  assert.ok(found.status === "live" && found.record.data === "given" && found.record.userId === null);
  assert.deepEqual(await store.load(other.handle), { status: "live", record: other });
  const again = await lock(t, path);
  const retiring = store.retire(session.handle, stone);
  stone.reason = "rotated";
  await release(again);
  clock.advance(1000);
  await retiring;
  const over = await store.load(session.handle);
  assert.ok(over.status === "retired");
  assert.equal(over.tombstone.reason, "ended");
});

test("what one call stored while another waited for a lock stays stored, whatever the driver", async (t) => {
  for (const driver of await driversHere()) {
    const path = join(folderOf(t), "sessions.db");
    const [database, other] = [driver.open(path), driver.open(path)];
    database.exec("PRAGMA journal_mode = WAL");
    database.exec("PRAGMA busy_timeout = 0");
    const clock = fakeClock(NOW);
    const store = open(t, { database, closeDatabase: true, clock });
    const witness = open(t, { database: other, closeDatabase: true });
    const [session, stored] = [record(), record()];
    await store.create(session);
    other.exec("BEGIN IMMEDIATE");
    const saved = next(session);
    const waiting = store.save(saved, session.version);
    other.exec("COMMIT");
    assert.deepEqual(await store.create(stored), { status: "created" }, driver.name);
    assert.deepEqual(await witness.load(stored.handle), { status: "live", record: stored }, driver.name);
    clock.advance(1000);
    assert.deepEqual(await waiting, { status: "saved" }, driver.name);
    assert.deepEqual(await witness.load(stored.handle), { status: "live", record: stored }, driver.name);
    assert.deepEqual(await witness.load(session.handle), { status: "live", record: saved }, driver.name);
  }
});

test("with `busyTimeoutMs` 0 a locked database is refused at once", async (t) => {
  const path = join(folderOf(t), "sessions.db");
  const store = open(t, { path, busyTimeoutMs: 0 });
  const session = record();
  await store.create(session);
  const worker = await lock(t, path);
  const error = await refused(() => store.save(next(session), session.version), "ERR_SESSION_STORE");
  assert.equal(error.applied, "no");
  await release(worker);
});

test("a store can be made while the database is locked, and works once it is free", async (t) => {
  const path = join(folderOf(t), "sessions.db");
  // Without WAL, an exclusive lock keeps readers out too.
  const database = new DatabaseSync(path);
  database.exec(sqliteSchema());
  database.close();
  const worker = await lock(t, path);
  const clock = fakeClock(NOW, { sleep: "advance" });
  const store = open(t, { path, clock, busyTimeoutMs: 200 });
  assert.equal(store.durable, true);
  const error = await refused(() => store.load(record().handle), "ERR_SESSION_STORE");
  assert.equal(error.applied, "no");
  await release(worker);
  assert.deepEqual(await store.load(record().handle), { status: "missing" });
});

test("on a full database a write is refused with nothing applied, what is there stays, and ending a session still works", async (t) => {
  const database = new DatabaseSync(join(folderOf(t), "sessions.db"));
  const store = open(t, { database, closeDatabase: true });
  const session = record({ data: "kept" });
  await store.create(session);
  const pages = database.prepare("PRAGMA page_count").get()?.["page_count"];
  database.exec(`PRAGMA max_page_count = ${Number(pages)}`);
  const data = "x".repeat(1024 * 1024);
  const heir = record({ data });
  for (const write of [
    () => store.create(record({ data })),
    () => store.save(next(session, { data }), session.version),
    () => store.rotate(session.handle, session.version, heir, tombstone()),
  ]) {
    const error = await refused(write, "ERR_SESSION_STORE");
    assert.equal(error.applied, "no");
    assert.match(error.message, /full/);
  }
  assert.deepEqual(store.load(session.handle), { status: "live", record: session });
  assert.deepEqual(store.load(heir.handle), { status: "missing" });
  assert.equal((await store.list({ limit: 10 })).length, 1);
  assert.equal((await store.retire(session.handle, tombstone())).status, "retired");
  database.exec("PRAGMA max_page_count = 1000000");
  assert.deepEqual(await store.create(record({ data })), { status: "created" });
});

for (const { name } of await driversHere()) {
  const skip = process.platform === "win32" ? "Windows has no limit on the size of a process's files" : false;
  test(`${name}: when the file cannot grow, no failed commit goes unseen`, { skip }, async (t) => {
    const path = join(folderOf(t), "sessions.db");
    const worker = startWorker(t, "fill", { path, driver: name }, { fileBlocks: 200 });
    await worker.next();
    worker.tell("go");
    const [report] = (await worker.rest()) as {
      seen: { verb: string; code: string; applied: string }[];
      version: unknown;
      missing: unknown;
      epoch: unknown;
    }[];
    assert.ok(report);
    const verbs = report.seen.map(({ verb, code }) => `${verb} ${code}`);
    for (const verb of ["save", "create", "rotate", "retire", "advanceEpoch"]) {
      assert.ok(verbs.includes(`${verb} ERR_SESSION_STORE`), `${verb} fails: ${verbs.join(", ")}`);
    }
    for (const { verb, applied } of report.seen) assert.ok(["no", "unknown"].includes(applied), `${verb}: ${applied}`);
    assert.equal(report.version, true, "the last write that was acknowledged is the one that is there");
    assert.deepEqual(report.missing, ["missing", "missing"]);
    assert.equal(report.epoch, 1);
  });
}

test("on a read-only database reads work and writes are refused with nothing applied", async (t) => {
  const path = join(folderOf(t), "sessions.db");
  const writer = sqliteStore(path);
  const session = record({ userId: "u" });
  await writer.create(session);
  writer.close();
  const database = new DatabaseSync(path, { readOnly: true });
  const store = open(t, { database, closeDatabase: true });
  assert.deepEqual(store.load(session.handle), { status: "live", record: session, userEpoch: 0 });
  assert.deepEqual(await store.users.sessionsOf("u"), [session]);
  for (const [verb, write] of Object.entries(writes(store, session))) {
    const error = await refused(write, "ERR_SESSION_STORE");
    assert.equal(error.applied, "no", verb);
    assert.match(error.message, /read-only/, verb);
  }
  assert.deepEqual(await store.list({ limit: 5 }), [session]);
});

test("a file that may not be written is read, and never changed", async (t) => {
  const folder = folderOf(t);
  const path = join(folder, "sessions.db");
  const session = record();
  const database = new DatabaseSync(path);
  database.exec(sqliteSchema());
  const writer = sqliteStore({ database, closeDatabase: true });
  await writer.create(session);
  writer.close();
  chmodSync(path, 0o444);
  chmodSync(folder, 0o555);
  const before = readFileSync(path);
  const root = process.geteuid?.() === 0;
  // Root may write anything, so it steps down for the moment.
  if (root) process.seteuid?.(65534);
  try {
    const store = sqliteStore(path);
    assert.deepEqual(await store.load(session.handle), { status: "live", record: session });
    const error = await refused(() => store.save(next(session), session.version), "ERR_SESSION_STORE");
    assert.equal(error.applied, "no");
    store.close();
    await refused(() => sqliteStore(join(folder, "new.db")), "ERR_SESSION_CONFIG");
  } finally {
    if (root) process.seteuid?.(0);
    chmodSync(folder, 0o755);
  }
  assert.deepEqual(readFileSync(path), before);
});

test(
  "a new database is readable by its owner alone",
  { skip: process.platform === "win32" && "Windows has no modes" },
  async (t) => {
    const folder = folderOf(t);
    const store = open(t, join(folder, "sessions.db"));
    await store.create(record());
    for (const file of ["sessions.db", "sessions.db-wal"])
      assert.equal(statSync(join(folder, file)).mode & 0o777, 0o600, file);
  },
);

test("a missing folder, a folder in the file's place and a file that is no database are refused when the store is made", async (t) => {
  const folder = folderOf(t);
  const garbage = join(folder, "garbage.db");
  writeFileSync(garbage, "this is no database. ".repeat(500));
  for (const [path, message] of [
    [join(folder, "no", "sessions.db"), /`path` .*the folder does not exist/],
    [join(garbage, "sessions.db"), /`path` .*the folder does not exist/],
    [folder, /`path` .*cannot be opened/],
    [garbage, /not a SQLite database/],
  ] as const) {
    const error = await refused(() => sqliteStore(path), "ERR_SESSION_CONFIG");
    assert.match(error.message, message);
  }
  assert.equal(readFileSync(garbage, "utf8"), "this is no database. ".repeat(500));
});

test("a damaged file is an error of the store, and no call takes it for an empty one", async (t) => {
  const path = join(folderOf(t), "sessions.db");
  const store = sqliteStore(path);
  const sessions = Array.from({ length: 200 }, () => record({ data: "x".repeat(500) }));
  for (const session of sessions) await store.create(session);
  store.close();
  const bytes = readFileSync(path);
  // Past the first pages, which hold the schema.
  bytes.fill(0xa5, 4096 * 8);
  writeFileSync(path, bytes);
  const damaged = open(t, path);
  let failures = 0;
  for (const { handle } of sessions) {
    try {
      assert.notEqual((await damaged.load(handle)).status, "missing");
    } catch (error) {
      assert.ok(isSessionError(error, "ERR_SESSION_STORE"), String(error));
      assert.match(error.message, /damaged/);
      failures += 1;
    }
  }
  assert.ok(failures > 0);
});

/** The tables without SQLite's own check of types, so that every kind of damage can be done to a row. */
function laxStore(t: TestContext): { database: DatabaseSync; store: SqliteStore } {
  const database = new DatabaseSync(":memory:");
  database.exec(sqliteSchema().replaceAll(" STRICT", "").replace(", WITHOUT ROWID", ""));
  database.exec("PRAGMA ignore_check_constraints = ON");
  return { database, store: open(t, { database, closeDatabase: true }) };
}

const DAMAGE: Readonly<Record<string, string>> = {
  "data that is a blob": "session_data = x'00ff'",
  "a version that is a blob": "session_version = x'00'",
  "a beginning that is text": "created_at = 'yesterday'",
  "a beginning beyond 2^53": "created_at = 9223372036854775807",
  "a deadline that is a fraction": "expires_at = 1.5",
  "a deadline that is text": "expires_at = 'never'",
  "a deadline before -2^53": "expires_at = -9223372036854775807",
  "a user that is a blob": "user_id = x'01'",
  "an epoch that is text": "user_epoch = 'one'",
  "a reason that nobody knows": "retired_reason = 'vanished'",
};

for (const [what, damage] of Object.entries(DAMAGE)) {
  test(`a row with ${what} is unreadable, is never covered up, and can be ended`, async (t) => {
    const { database, store } = laxStore(t);
    const session = record();
    const neighbour = record();
    await store.create(session);
    await store.create(neighbour);
    const rowOf = database.prepare(
      "SELECT *, CAST(created_at AS TEXT) AS c, CAST(expires_at AS TEXT) AS e FROM sojourn_sessions WHERE session_handle = ?",
    );
    rowOf.setReadBigInts(true);
    database.prepare(`UPDATE sojourn_sessions SET ${damage} WHERE session_handle = ?`).run(session.handle);
    const before = rowOf.get(session.handle);
    const { handle, version } = session;
    const heir = record();
    await refused(() => store.load(handle), "ERR_SESSION_UNREADABLE");
    await refused(() => store.save(next(session), version), "ERR_SESSION_UNREADABLE");
    await refused(() => store.touch(handle, version, NOW + 9 * HOUR), "ERR_SESSION_UNREADABLE");
    await refused(() => store.rotate(handle, version, heir, tombstone()), "ERR_SESSION_UNREADABLE");
    assert.deepEqual(await store.create(next(session)), { status: "exists" });
    if (what !== "a reason that nobody knows") await refused(() => store.list({ limit: 10 }), "ERR_SESSION_UNREADABLE");
    await store.clearExpired({ before: NOW, limit: 10 });
    assert.deepEqual(rowOf.get(handle), before, "the row is as it was");
    assert.deepEqual(await store.load(heir.handle), { status: "missing" });
    assert.deepEqual(await store.load(neighbour.handle), { status: "live", record: neighbour });
    const stone = tombstone();
    assert.deepEqual(await store.retire(handle, stone), { status: "retired", tombstone: stone });
    assert.deepEqual(await store.load(handle), { status: "retired", tombstone: stone });
  });
}

test("an unreadable row does not stop the sweep of the others, in strict tables too", async (t) => {
  const path = join(folderOf(t), "sessions.db");
  const store = open(t, path);
  const [bad, renewed, over] = [
    record({ expiresAt: NOW - 2 }),
    record({ expiresAt: NOW - 2 }),
    record({ expiresAt: NOW - 1 }),
  ];
  for (const session of [bad, renewed, over]) await store.create(session);
  await store.touch(renewed.handle, renewed.version, NOW + HOUR);
  const database = new DatabaseSync(path);
  database.exec("PRAGMA ignore_check_constraints = ON");
  database.prepare("UPDATE sojourn_sessions SET expires_at = 9223372036854775807 WHERE session_handle = ?").run(bad.handle);
  database.close();
  assert.equal(await store.clearExpired({ before: NOW, limit: 10 }), 1);
  assert.deepEqual(await store.load(over.handle), { status: "missing" });
  assert.equal((await store.load(renewed.handle)).status, "live");
});

test("a database that is inside a transaction of its owner is refused, as a rollback would undo what was stored", async (t) => {
  for (const driver of await driversHere()) {
    const database = driver.open(join(folderOf(t), "sessions.db"));
    const store = open(t, { database, closeDatabase: true });
    const session = record();
    await store.create(session);
    database.exec("BEGIN");
    for (const call of [() => store.load(session.handle), () => store.save(next(session), session.version)]) {
      const error = await refused(call, "ERR_SESSION_STORE");
      assert.equal(error.applied, "no", driver.name);
      assert.match(error.message, /inside a transaction/, driver.name);
    }
    database.exec("ROLLBACK");
    assert.deepEqual(await store.load(session.handle), { status: "live", record: session }, driver.name);
  }
});

test("after close every call is refused, the store's own database is closed, and one that was handed over is not", async (t) => {
  for (const driver of await driversHere()) {
    const database = driver.open(join(folderOf(t), "sessions.db"));
    const store = sqliteStore({ database });
    const session = record();
    await store.create(session);
    store.close();
    store.close();
    const verbs = {
      ...writes(store, session),
      load: () => store.load(session.handle),
      list: () => store.list({ limit: 1 }),
    };
    for (const call of Object.values({ ...verbs, migrate: () => store.migrate() })) await refused(call, "ERR_SESSION_USAGE");
    database.exec("SELECT 1");
    const again = sqliteStore({ database, closeDatabase: true });
    assert.deepEqual(await again.load(session.handle), { status: "live", record: session }, driver.name);
    again.close();
    assert.throws(() => database.prepare("SELECT 1").get(), driver.name);
  }
  const folder = folderOf(t);
  const own = sqliteStore(join(folder, "sessions.db"));
  await own.create(record());
  own.close();
  assert.throws(() => statSync(join(folder, "sessions.db-wal")), "SQLite removes its log when the last connection closes");
});

test("a database that its owner closed is an error of the store", async () => {
  for (const driver of await driversHere()) {
    // libsql's statements outlive their database.
    if (driver.name === "libsql") continue;
    const database = driver.open(":memory:");
    const store = sqliteStore({ database });
    const session = record();
    await store.create(session);
    database.close();
    await refused(() => store.load(session.handle), "ERR_SESSION_STORE");
    const error = await refused(() => store.save(next(session), session.version), "ERR_SESSION_STORE");
    assert.equal(error.applied, "unknown", driver.name);
  }
});

test("no error shows data, an id or a version", async (t) => {
  const { database, store } = laxStore(t);
  const session = record({ data: "secret data", userId: "secret user", version: "secret version" });
  await store.create(session);
  database.exec("UPDATE sojourn_sessions SET user_epoch = 'secret epoch'");
  const calls: (() => unknown)[] = [
    () => store.load(session.handle),
    () => store.create(record({ data: "secret\0" })),
    () => store.create(record({ userId: "secret\ud800" })),
    () => store.create(record({ expiresAt: Number.NaN })),
    () => store.load("secret".repeat(10) as SessionHandle) && store.users.advanceEpoch("secret", -1),
  ];
  for (const call of calls) {
    let thrown: unknown;
    await assert.rejects(
      async () => call(),
      (error) => {
        thrown = error;
        return isSessionError(error);
      },
    );
    for (let error: unknown = thrown; error instanceof Error; error = error.cause) {
      assert.doesNotMatch(error.message, /secret/);
      assert.ok(!error.message.includes(session.handle));
    }
  }
});

test("a statement that meets another process changing the tables is sent again", async (t) => {
  const database = new DatabaseSync(":memory:");
  t.after(() => database.close());
  let left = 2;
  const meeting = {
    exec: (text: string) => database.exec(text),
    close: () => database.close(),
    prepare(text: string) {
      // As SQLite says it when the tables change while it looks them up.
      if (text.includes('INSERT INTO "sojourn_sessions"') && left-- > 0) {
        throw Object.assign(new Error("database schema has changed"), { code: "ERR_SQLITE_ERROR", errcode: 17 });
      }
      return database.prepare(text);
    },
  };
  const store = sqliteStore({ database: meeting });
  assert.equal((await store.load(record().handle)).status, "missing");
  assert.ok(left <= 0);
});
