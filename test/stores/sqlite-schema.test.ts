import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import { lockHandleOf } from "../../src/core/id.ts";
import { sqliteSchema, sqliteStore, type SqliteStore } from "../../src/stores/sqlite.ts";
import { ensureSchema, migrate } from "../../src/stores/sqlite/migrate.ts";
import { quote, tableNames } from "../../src/stores/sqlite/names.ts";
import { MIGRATIONS, type Migration } from "../../src/stores/sqlite/schema.ts";
import { statementTexts } from "../../src/stores/sqlite/statements.ts";
import { sweep } from "../../src/testing/rules/support.ts";
import { folderOf, HOUR, next, NOW, record, refused, tombstone } from "./sqlite/support.ts";

function open(t: TestContext, ...args: Parameters<typeof sqliteStore>): SqliteStore {
  const store = sqliteStore(...args);
  t.after(() => store.close());
  return store;
}

function names(database: DatabaseSync): string[] {
  const rows = database.prepare("SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name").all();
  return rows.map((row) => String(row["name"]));
}

const EVERYTHING = [
  "sojourn_sessions",
  "sojourn_sessions_by_sweep",
  "sojourn_sessions_by_user",
  "sojourn_sessions_readable",
  "sojourn_sessions_schema",
  "sojourn_sessions_users",
];

/** The next version of the schema, as a release to come might have it. */
const LATER: readonly Migration[] = [
  ...MIGRATIONS,
  { version: 2, statements: (of) => [`ALTER TABLE ${quote(of.sessions)} ADD COLUMN device TEXT`] },
];

const OURS = tableNames("sojourn_sessions");

test("the first call makes the tables in an empty database; making the store alone does not", async () => {
  const database = new DatabaseSync(":memory:");
  const store = sqliteStore({ database, closeDatabase: true });
  assert.deepEqual(names(database), []);
  await store.load(record().handle);
  assert.deepEqual(names(database), EVERYTHING);
  store.close();
});

test("migrate makes the tables, says what it did, and has nothing to do after that", async () => {
  const database = new DatabaseSync(":memory:");
  const store = sqliteStore({ database, closeDatabase: true });
  const planned = await store.migrate({ dryRun: true });
  assert.deepEqual(names(database), []);
  assert.ok(planned.statements[0]?.startsWith('CREATE TABLE "sojourn_sessions"'));
  assert.deepEqual(await store.migrate(), planned);
  assert.deepEqual(names(database), EVERYTHING);
  assert.deepEqual(await store.migrate(), { statements: [] });
  assert.deepEqual(await store.migrate({ dryRun: true }), { statements: [] });
  store.close();
});

test("a dry run changes nothing, not even the file's mode", async (t) => {
  const path = join(folderOf(t), "sessions.db");
  const store = open(t, path);
  assert.equal((await store.migrate({ dryRun: true })).statements.length, 8);
  assert.equal(statSync(path).size, 0);
  await store.migrate();
  assert.notEqual(statSync(path).size, 0);
});

test("the schema as text makes the same tables, and stops where a table is in the way", async (t) => {
  for (const table of ["sojourn_sessions", 'odd "name"']) {
    const [byText, byStore] = [new DatabaseSync(":memory:"), new DatabaseSync(":memory:")];
    byText.exec(sqliteSchema({ table }));
    const store = open(t, { database: byStore, table });
    await store.migrate();
    const schema = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name";
    assert.deepEqual(byText.prepare(schema).all(), byStore.prepare(schema).all());
    const again = open(t, { database: byText, table });
    assert.deepEqual(await again.create(record()), { status: "created" });
    assert.throws(() => byText.exec(sqliteSchema({ table })), /already exists/);
  }
});

test("a table of an older version is refused with what to do, and upgraded by migrate with its sessions in it", async () => {
  const database = new DatabaseSync(":memory:");
  const store = sqliteStore({ database });
  const session = record({ data: "kept" });
  await store.create(session);
  assert.throws(() => ensureSchema(database, OURS, LATER), /older sojourn; run `sojourn migrate`/);
  const statements = ['ALTER TABLE "sojourn_sessions" ADD COLUMN device TEXT'];
  const planned = migrate(database, OURS, { dryRun: true }, LATER);
  assert.deepEqual(planned.statements.slice(0, 1), statements);
  assert.deepEqual(migrate(database, OURS, {}, LATER), planned);
  ensureSchema(database, OURS, LATER);
  assert.deepEqual(
    database
      .prepare("SELECT session_data, device FROM sojourn_sessions")
      .all()
      .map((row) => ({ ...row })),
    [{ session_data: "kept", device: null }],
  );
  assert.deepEqual(migrate(database, OURS, {}, LATER), { statements: [] });
});

test("a table of a newer version is refused when the store is made", async () => {
  const database = new DatabaseSync(":memory:");
  migrate(database, OURS, {}, LATER);
  const error = await refused(() => sqliteStore({ database }), "ERR_SESSION_CONFIG");
  assert.match(error.message, /version 2, made by a newer sojourn, and this one knows version 1/);
});

test("a table that became newer since the store was made is refused by migrate", async () => {
  const database = new DatabaseSync(":memory:");
  const store = sqliteStore({ database });
  migrate(database, OURS, {}, LATER);
  await refused(() => store.migrate(), "ERR_SESSION_CONFIG");
  await refused(() => store.load(record().handle), "ERR_SESSION_CONFIG");
});

test("a migration that fails half way leaves everything as it was", () => {
  const database = new DatabaseSync(":memory:");
  migrate(database, OURS);
  const broken: readonly Migration[] = [
    ...MIGRATIONS,
    { version: 2, statements: () => ["CREATE TABLE half (a)", "INSERT INTO nowhere VALUES (1)"] },
  ];
  assert.throws(() => migrate(database, OURS, {}, broken), /nowhere/);
  assert.deepEqual(names(database), EVERYTHING);
  assert.deepEqual(migrate(database, OURS), { statements: [] });
});

for (const [what, sql] of Object.entries({
  "a table of another program":
    "CREATE TABLE sojourn_sessions (session_key TEXT PRIMARY KEY, session_data TEXT, expire_date TEXT)",
  "a table of another program, in capitals": "CREATE TABLE SOJOURN_SESSIONS (a)",
  "a view": "CREATE VIEW sojourn_sessions AS SELECT 1",
  "a version that is no number":
    "CREATE TABLE sojourn_sessions (a); CREATE TABLE sojourn_sessions_schema (version); INSERT INTO sojourn_sessions_schema VALUES ('x')",
  "no version": "CREATE TABLE sojourn_sessions (a); CREATE TABLE sojourn_sessions_schema (version)",
  "two versions": "CREATE TABLE sojourn_sessions_schema (version); INSERT INTO sojourn_sessions_schema VALUES (1), (1)",
})) {
  test(`${what} in the table's place is refused when the store is made, and left alone`, async () => {
    const database = new DatabaseSync(":memory:");
    database.exec(sql);
    const before = names(database);
    const error = await refused(() => sqliteStore({ database }), "ERR_SESSION_CONFIG");
    assert.match(error.message, /not sojourn's; choose another `table`/);
    assert.deepEqual(names(database), before);
    const store = sqliteStore({ database, table: "web_sessions" });
    assert.deepEqual(await store.create(record()), { status: "created" });
  });
}

test("a table of our version with other columns is refused with what to do", async () => {
  const database = new DatabaseSync(":memory:");
  database.exec(
    sqliteSchema().replace("sweep_at INTEGER NOT NULL", "swept_at INTEGER NOT NULL").replace("(sweep_at)", "(swept_at)"),
  );
  const store = sqliteStore({ database });
  const error = await refused(() => store.load(record().handle), "ERR_SESSION_CONFIG");
  assert.match(error.message, /not as sojourn makes it/);
});

test("where someone dropped the table of sessions, it is made again, and the epochs of users are kept", async () => {
  const database = new DatabaseSync(":memory:");
  const store = sqliteStore({ database });
  await store.users.advanceEpoch("u", 5);
  await store.create(record());
  store.close();
  database.exec("DROP TABLE sojourn_sessions");
  const again = sqliteStore({ database });
  assert.deepEqual(await again.list({ limit: 10 }), []);
  assert.equal(await again.users.epoch("u"), 5);
});

test("any name serves for the table, and several share a database without mixing", async (t) => {
  const database = new DatabaseSync(":memory:");
  const tables = [
    "sessions",
    "my sessions",
    'se"ss""ions',
    "se'ssions",
    "x; DROP TABLE sessions; --",
    "select",
    "séances 🦊",
    "[brackets]",
    "`ticks`",
    "a.b",
    "%s",
    "-- comment",
    "/* comment */",
    "line\nbreak",
    "7",
    "x".repeat(128),
  ];
  const sessions = [];
  for (const table of tables) {
    const store = open(t, { database, table });
    const session = record({ data: table, userId: "u" });
    assert.deepEqual(await store.create(session), { status: "created" }, table);
    const saved = next(session);
    assert.deepEqual(await store.save(saved, session.version), { status: "saved" }, table);
    await store.users.advanceEpoch("u", 1);
    sessions.push({ store, saved });
  }
  for (const { store, saved } of sessions) {
    assert.deepEqual(await store.list({ limit: 10 }), [saved]);
    assert.deepEqual(await store.users.sessionsOf("u"), [saved]);
    assert.equal(await store.users.epoch("u"), 1);
    assert.equal(await store.clearExpired({ before: NOW + 2 * HOUR, limit: 10 }), 1);
  }
});

test("a name that SQLite does not take is refused", async () => {
  for (const table of ["", "sqlite_sessions", "SQLite_x", "a\0b", "\ud800", "x".repeat(129)]) {
    await refused(() => sqliteStore({ path: ":memory:", table }), "ERR_SESSION_CONFIG");
    await refused(() => sqliteSchema({ table }), "ERR_SESSION_CONFIG");
  }
});

function plan(database: DatabaseSync, sql: string): string[] {
  return database
    .prepare(`EXPLAIN QUERY PLAN ${sql}`)
    .all()
    .map((row) => String(row["detail"]));
}

test("every statement finds its rows by an index, with and without statistics", async (t) => {
  const database = new DatabaseSync(":memory:");
  const store = open(t, { database });
  for (let index = 0; index < 300; index++) {
    await store.create(record({ userId: index % 2 === 0 ? `user ${index}` : null, expiresAt: NOW + index }));
  }
  const texts = statementTexts(OURS);
  const byHandle =
    /SEARCH (s|sojourn_sessions) USING (COVERING )?INDEX sqlite_autoindex_sojourn_sessions_1 \(session_handle=\?\)/;
  const byUser = /SEARCH u USING PRIMARY KEY \(user_id=\?/;
  for (const statistics of [false, true]) {
    if (statistics) database.exec("ANALYZE");
    const load = plan(database, texts.load);
    assert.match(load[0] ?? "", byHandle);
    assert.match(load.at(-1) ?? "", byUser, "the user's epoch comes with the same statement");
    assert.equal(load.length, 3, load.join("; "));
    for (const name of ["has", "save", "replace", "touch", "retire", "retireVersion", "extend"] as const) {
      assert.match(plan(database, texts[name])[0] ?? "", byHandle, name);
    }
    assert.match(
      plan(database, texts.sessionsOf)[0] ?? "",
      /SEARCH sojourn_sessions USING INDEX sojourn_sessions_by_user \(user_id=\?\)/,
    );
    assert.match(plan(database, texts.epoch)[0] ?? "", /USING PRIMARY KEY \(user_id=\?\)/);
    assert.deepEqual(plan(database, texts.list), [
      "SEARCH sojourn_sessions USING INDEX sqlite_autoindex_sojourn_sessions_1 (session_handle>?)",
    ]);
    for (const name of ["postpone", "sweep"] as const) {
      const steps = plan(database, texts[name]).join("; ");
      assert.match(steps, /SEARCH sojourn_sessions USING (COVERING )?INDEX sojourn_sessions_by_sweep \(sweep_at<\?\)/, name);
      assert.match(steps, /USING INTEGER PRIMARY KEY \(rowid=\?\)/, name);
      assert.doesNotMatch(steps, /SCAN sojourn_sessions|TEMP B-TREE/, name);
    }
  }
});

test("saves and touches rewrite no index: the row's place in the sweep moves only when it must", async (t) => {
  const database = new DatabaseSync(":memory:");
  const store = open(t, { database });
  const place = (): unknown => database.prepare("SELECT sweep_at FROM sojourn_sessions").get()?.["sweep_at"];
  let session = record({ userId: "u" });
  const save = async (fields: object): Promise<void> => {
    const after = next(session, fields);
    assert.deepEqual(await store.save(after, session.version), { status: "saved" });
    session = after;
  };
  await store.create(session);
  await save({ expiresAt: NOW + 5 * HOUR });
  await store.touch(session.handle, session.version, NOW + 6 * HOUR);
  assert.equal(place(), NOW + HOUR, "later deadlines leave it alone");
  assert.equal(await store.clearExpired({ before: NOW + 2 * HOUR, limit: 10 }), 0);
  assert.equal(place(), NOW + 6 * HOUR, "a sweep that finds the session alive moves it");
  await save({ expiresAt: NOW + 3 * HOUR });
  assert.equal(place(), NOW + 3 * HOUR, "an earlier deadline moves it");
  await save({ expiresAt: NOW + 4 * HOUR, userId: "v" });
  assert.equal(place(), NOW + 3 * HOUR);
  const stone = tombstone({ until: NOW + 60_000 });
  await store.retire(session.handle, stone);
  assert.equal(place(), NOW + 60_000, "a tombstone goes by its own time");
  assert.equal(await store.clearExpired({ before: NOW + 60_000, limit: 10 }), 1);
});

test("a sweep that meets more renewed sessions than it puts off at once still reaches every expired one", async (t) => {
  const database = new DatabaseSync(":memory:");
  const store = open(t, { database });
  for (let index = 0; index < 1700; index++) {
    const session = record({ expiresAt: NOW + index });
    await store.create(session);
    if (index % 10 !== 0) await store.touch(session.handle, session.version, NOW + 9 * HOUR);
  }
  assert.deepEqual(await sweep(store, NOW + HOUR, 100), [100, 70]);
  assert.equal((await store.list({ limit: 5000 })).length, 1530);
});

test("what a session held is gone from its row once it is over", async (t) => {
  const database = new DatabaseSync(":memory:");
  const store = open(t, { database });
  const session = record({ data: "held", userId: "u", epoch: 3 });
  await store.create(session);
  const stone = tombstone({ reason: "rotated" });
  await store.retire(session.handle, stone);
  assert.deepEqual(
    database
      .prepare("SELECT * FROM sojourn_sessions")
      .all()
      .map((row) => ({ ...row })),
    [
      {
        session_handle: session.handle,
        session_version: stone.token,
        created_at: session.createdAt,
        expires_at: stone.until,
        user_id: null,
        user_epoch: 0,
        retired_reason: "rotated",
        sweep_at: stone.until,
        session_data: "",
      },
    ],
  );
});

test("locks are left out of lists, so that a page of sessions is full", async (t) => {
  const store = open(t, ":memory:");
  const sessions = Array.from({ length: 3 }, () => record());
  for (const session of sessions) {
    await store.create(session);
    await store.create(record({ handle: lockHandleOf(session.handle) }));
  }
  assert.equal((await store.list({ limit: 10 })).length, 3);
});

test("the tables hold times and epochs up to 2^53 exactly, and round what is between two milliseconds", async (t) => {
  const store = open(t, ":memory:");
  const largest = Number.MAX_SAFE_INTEGER;
  for (const [createdAt, expiresAt, epoch] of [
    [0, 2 ** 31, 2 ** 31],
    [-1, 2 ** 32 + 1, 2 ** 32 + 1],
    [-largest, largest, largest],
  ] as const) {
    const session = record({ createdAt, expiresAt, epoch, userId: "u" });
    await store.create(session);
    assert.deepEqual(await store.load(session.handle), { status: "live", record: session, userEpoch: 0 });
  }
  const between = record({ expiresAt: NOW + 1.7 });
  await store.create(between);
  assert.deepEqual(await store.load(between.handle), { status: "live", record: { ...between, expiresAt: NOW + 1 } });
  for (const expiresAt of [Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, -(2 ** 53)]) {
    await refused(() => store.create(record({ expiresAt })), "ERR_SESSION_USAGE");
    await refused(() => store.save(next(between, { expiresAt }), between.version), "ERR_SESSION_USAGE");
    await refused(() => store.touch(between.handle, between.version, expiresAt), "ERR_SESSION_USAGE");
    await refused(() => store.retire(between.handle, tombstone({ until: expiresAt })), "ERR_SESSION_USAGE");
    await refused(() => store.clearExpired({ before: expiresAt, limit: 1 }), "ERR_SESSION_USAGE");
  }
  for (const number of [-1, 0.5, Number.NaN, 2 ** 53]) {
    await refused(() => store.create(record({ epoch: number })), "ERR_SESSION_USAGE");
    await refused(() => store.users.advanceEpoch("u", number), "ERR_SESSION_USAGE");
    await refused(() => store.list({ limit: number }), "ERR_SESSION_USAGE");
    await refused(() => store.clearExpired({ before: NOW, limit: number }), "ERR_SESSION_USAGE");
  }
  assert.equal(await store.users.advanceEpoch("w", largest), largest);
  assert.equal(await store.users.advanceEpoch("w", 0), largest);
});

const shell = spawnSync("sqlite3", ["-version"], { encoding: "utf8" });
const withoutShell = shell.status === 0 ? false : "there is no sqlite3 shell on this machine";

test("a person with the sqlite3 shell can read the table", { skip: withoutShell }, async (t) => {
  const path = join(folderOf(t), "sessions.db");
  const store = open(t, path);
  const session = record({
    data: '{"count":7}',
    userId: "ada",
    createdAt: Date.UTC(2026, 0, 2, 3, 4, 5),
    expiresAt: Date.UTC(2126, 0, 2),
  });
  const over = record();
  await store.create(session);
  await store.create(over);
  await store.create(record({ createdAt: 0, expiresAt: 1 }));
  await store.retire(over.handle, tombstone());
  const rows = (sql: string): unknown => {
    const { stdout, stderr, status } = spawnSync("sqlite3", ["-json", path, sql], { encoding: "utf8" });
    assert.equal(status, 0, stderr);
    return JSON.parse(stdout);
  };
  assert.deepEqual(rows("SELECT * FROM sojourn_sessions_readable WHERE session_state = 'live'"), [
    {
      session_handle: session.handle,
      session_state: "live",
      created_utc: "2026-01-02 03:04:05",
      expires_utc: "2126-01-02 00:00:00",
      user_id: "ada",
      session_data: '{"count":7}',
    },
  ]);
  assert.deepEqual(rows("SELECT session_state, count(*) AS n FROM sojourn_sessions_readable GROUP BY 1 ORDER BY 1"), [
    { session_state: "ended", n: 1 },
    { session_state: "expired", n: 1 },
    { session_state: "live", n: 1 },
  ]);
});
