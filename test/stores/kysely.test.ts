import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { Kysely, sql, SqliteDialect, type KyselyPlugin, type LogEvent, type SqliteDatabase } from "kysely";
import { Migrator } from "kysely/migration";
import { DIALECTS } from "../../src/stores/kysely/dialects.ts";
import { kyselyDriver } from "../../src/stores/kysely/driver.ts";
import { kyselySchema, kyselyStore, type KyselyLike, type KyselyStoreOptions } from "../../src/stores/kysely.ts";
import { sqliteStore } from "../../src/stores/sqlite.ts";
import { kyselySqliteDrivers, sqliteDatabases } from "./kysely/drivers.ts";
import { processTests } from "./sql/processes.ts";
import { folderOf, HOUR, next, NOW, record, refused, tombstone, type Cleaner } from "./sqlite/support.ts";

const openBetter = sqliteDatabases["better-sqlite3"] ?? assert.fail();

/** An instance of Kysely over better-sqlite3, which is destroyed with the test. */
function instance(t: Cleaner, path = ":memory:", log?: (event: LogEvent) => void, database = openBetter(path)) {
  const db = new Kysely<unknown>({
    dialect: new SqliteDialect({ database }),
    ...(log === undefined ? {} : { log }),
  });
  t.after(() => db.destroy());
  return db;
}

/** better-sqlite3 with other statements than its own. */
function behaving(change: (statement: ReturnType<SqliteDatabase["prepare"]>, text: string) => object): SqliteDatabase {
  const database = openBetter(":memory:");
  return {
    close: () => database.close(),
    prepare(text) {
      const statement = database.prepare(text);
      const own = {
        reader: statement.reader,
        all: (values: readonly unknown[]) => statement.all(values),
        run: (values: readonly unknown[]) => statement.run(values),
        iterate: (values: readonly unknown[]) => statement.iterate(values),
      };
      return { ...own, ...change(statement, text) };
    },
  };
}

test("options that cannot work are refused at once", async (t) => {
  const db = instance(t);
  for (const options of [
    undefined,
    {},
    { db },
    { dialect: "sqlite" },
    { db: {}, dialect: "sqlite" },
    { db: db.selectFrom, dialect: "sqlite" },
    { db, dialect: "oracle" },
    { db, dialect: "toString" },
    { db, dialect: "sqlite", table: "" },
    { db, dialect: "sqlite", table: "sqlite_x" },
    { db, dialect: "sqlite", table: 7 },
    { db, dialect: "mysql", table: "what?" },
    { db, dialect: "sqlite", schema: "x" },
    { db, dialect: "mysql", schema: "x" },
    { db, dialect: "postgres", schema: "" },
    { db, dialect: "sqlite", tabel: "x" },
  ]) {
    await refused(() => kyselyStore(options as unknown as KyselyStoreOptions), "ERR_SESSION_CONFIG");
  }
  await refused(() => kyselySchema({ dialect: "sqlite", db } as never), "ERR_SESSION_CONFIG");
  for (const dialect of ["postgres", "mysql", "sqlite", "mssql"] as const) assert.ok(kyselyStore({ db, dialect }));
});

test("a transaction in place of the instance is refused, because what it undoes would have been answered", async (t) => {
  const db = instance(t);
  const error = await db
    .transaction()
    .execute((trx) => refused(() => kyselyStore({ db: trx, dialect: "sqlite" }), "ERR_SESSION_CONFIG"));
  assert.match(error.message, /is a transaction/);
  const controlled = await db.startTransaction().execute();
  await refused(() => kyselyStore({ db: controlled, dialect: "sqlite" }), "ERR_SESSION_CONFIG");
  await controlled.rollback().execute();
});

for (const dialect of ["postgres", "mysql", "mssql"] as const) {
  test(`a database that is not ${dialect} is told with the first call`, async (t) => {
    const store = kyselyStore({ db: instance(t), dialect });
    const error = await refused(() => store.load(record().handle), "ERR_SESSION_CONFIG");
    assert.match(error.message, /choose another `dialect`/);
  });
}

test("plugins and a schema of the instance change nothing", async (t) => {
  const plain = instance(t);
  const shouting: KyselyPlugin = {
    transformQuery: ({ node }) => node,
    transformResult: async ({ result }) => ({
      ...result,
      rows: result.rows.map((row) =>
        Object.fromEntries(Object.entries(row).map(([name, value]) => [name.toUpperCase(), value])),
      ),
    }),
  };
  const store = kyselyStore({ db: plain.withPlugin(shouting).withSchema("nowhere"), dialect: "sqlite" });
  const session = record({ userId: "u" });
  await store.create(session);
  assert.deepEqual(await store.users.sessionsOf("u"), [session]);
  assert.deepEqual(await kyselyStore({ db: plain, dialect: "sqlite" }).load(session.handle), {
    status: "live",
    record: session,
    userEpoch: 0,
  });
});

test("each verb is one statement, and none is sent for closing, which leaves the instance open", async (t) => {
  const sent: string[] = [];
  const db = instance(t, ":memory:", ({ query }) => sent.push(query.sql));
  const store = kyselyStore({ db, dialect: "sqlite" });
  await store.load(record().handle);
  const session = record({ userId: "u" });
  const saved = next(session);
  const heir = record({ userId: "u" });
  for (const [verb, most] of [
    [() => store.create(session), 1],
    [() => store.load(session.handle), 1],
    [() => store.save(saved, session.version), 1],
    [() => store.touch(session.handle, saved.version, session.expiresAt + 1), 1],
    [() => store.rotate(session.handle, saved.version, heir, tombstone()), 1],
    [() => store.retire(heir.handle, tombstone(), heir.version), 1],
    [() => store.users.epoch("u"), 1],
    [() => store.users.advanceEpoch("u", 5), 1],
    [() => store.users.sessionsOf("u"), 1],
    [() => store.list({ limit: 10 }), 1],
    [() => store.clearExpired({ before: NOW + 2 * HOUR, limit: 10 }), 2],
    [() => store.close(), 0],
  ] as const) {
    sent.length = 0;
    await verb();
    assert.equal(sent.length, most, sent.join("\n"));
  }
  await refused(() => store.load(session.handle), "ERR_SESSION_USAGE");
  assert.equal((await sql`SELECT 1`.execute(db)).rows.length, 1);
});

test("a rotation changes both rows or none, in one statement", async (t) => {
  const sent: LogEvent[] = [];
  const db = instance(t, ":memory:", (event) => sent.push(event));
  const store = kyselyStore({ db, dialect: "sqlite" });
  const [session, taken] = [record(), record()];
  await store.create(session);
  await store.create(taken);
  const rows = async (): Promise<unknown[]> => (await sql`SELECT * FROM sojourn_sessions ORDER BY rowid`.execute(db)).rows;
  const before = await rows();
  const heir = record();
  for (const [old, version, next_] of [
    [session.handle, "another", heir],
    [session.handle, session.version, { ...heir, handle: taken.handle }],
    [record().handle, session.version, heir],
  ] as const) {
    assert.notEqual((await store.rotate(old, version, next_, tombstone())).status, "rotated");
    assert.deepEqual(await rows(), before);
  }
  sent.length = 0;
  const stone = tombstone({ reason: "rotated", successor: heir.handle });
  assert.equal((await store.rotate(session.handle, session.version, heir, stone)).status, "rotated");
  assert.equal(sent.length, 1);
  assert.equal((await rows()).length, 3);
  assert.deepEqual(await store.load(heir.handle), { status: "live", record: heir });
  assert.deepEqual(await store.load(session.handle), { status: "retired", tombstone: stone });
});

describe("the tables are those of sqliteStore", () => {
  const schemaOf = (database: SqliteDatabase) =>
    database.prepare("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name").all([]);

  test("whoever makes them, they are the same to the letter, and each finds the other's sessions", async (t) => {
    const folder = folderOf(t);
    const schemas: unknown[] = [];
    for (const first of ["kysely", "sqlite"] as const) {
      const path = join(folder, `${first}.db`);
      const database = openBetter(path);
      const ours = kyselyStore({ db: instance(t, path, undefined, database), dialect: "sqlite" });
      const theirs = sqliteStore({ database: openBetter(path) as never, closeDatabase: true });
      t.after(() => theirs.close());
      const [one, other] = first === "kysely" ? [ours, theirs] : [theirs, ours];
      const session = record({ userId: "u" });
      await one.create(session);
      await one.users.advanceEpoch("other", 7);
      schemas.push(schemaOf(database));
      assert.deepEqual(await other.load(session.handle), { status: "live", record: session, userEpoch: 0 });
      assert.equal(await other.users.epoch("other"), 7);
      const changed = next(session, { data: "changed" });
      assert.deepEqual(await other.save(changed, session.version), { status: "saved" });
      assert.deepEqual(await one.load(session.handle), { status: "live", record: changed, userEpoch: 0 });
      const stone = tombstone();
      await one.retire(session.handle, stone);
      assert.deepEqual(await other.load(session.handle), { status: "retired", tombstone: stone });
      assert.deepEqual(schemaOf(database), schemas[0]);
    }
  });

  test("tables that were begun and left half way are completed, by either", async (t) => {
    const statements = kyselySchema({ dialect: "sqlite" });
    const whole = openBetter(":memory:");
    for (const statement of statements) whole.prepare(statement).run([]);
    for (let made = 0; made < statements.length; made++) {
      for (const completer of ["kysely", "sqlite"] as const) {
        const database = openBetter(":memory:");
        for (const statement of statements.slice(0, made)) database.prepare(statement).run([]);
        const store =
          completer === "kysely"
            ? kyselyStore({ db: instance(t, ":memory:", undefined, database), dialect: "sqlite" })
            : sqliteStore({ database: database as never });
        assert.deepEqual(await store.create(record()), { status: "created" }, `${completer} after ${made}`);
        assert.deepEqual(schemaOf(database), schemaOf(whole), `${completer} after ${made}`);
        assert.deepEqual(await store.migrate(), { statements: [] });
      }
    }
  });

  test("tables of another program, and of a newer release, are left alone", async (t) => {
    for (const [made, message] of [
      ["CREATE TABLE sojourn_sessions (a)", /not sojourn's/],
      ["CREATE TABLE sojourn_sessions_schema (version)", undefined],
    ] as const) {
      const database = openBetter(":memory:");
      database.prepare(made).run([]);
      const store = kyselyStore({ db: instance(t, ":memory:", undefined, database), dialect: "sqlite" });
      if (message === undefined) assert.deepEqual(await store.create(record()), { status: "created" });
      else assert.match((await refused(() => store.load(record().handle), "ERR_SESSION_CONFIG")).message, message);
    }
    const database = openBetter(":memory:");
    await kyselyStore({ db: instance(t, ":memory:", undefined, database), dialect: "sqlite" }).migrate();
    database.prepare("UPDATE sojourn_sessions_schema SET version = 7").run([]);
    const store = kyselyStore({ db: instance(t, ":memory:", undefined, database), dialect: "sqlite" });
    assert.match((await refused(() => store.load(record().handle), "ERR_SESSION_CONFIG")).message, /version 7/);
  });
});

test("any name of a table is quoted, and two tables in one database are apart", async (t) => {
  const db = instance(t);
  const session = record({ userId: "u" });
  for (const table of ['we"ird', "it's; DROP TABLE x; --", ":handle {sessions} ?1", "Ünï 表", "a.b", "what?", "%s\\"]) {
    const store = kyselyStore({ db, dialect: "sqlite", table });
    assert.deepEqual(await store.create(session), { status: "created" }, table);
    assert.deepEqual(await store.users.sessionsOf("u"), [session], table);
    assert.equal((await store.rotate(session.handle, session.version, record(), tombstone())).status, "rotated", table);
  }
});

test("a statement that meets another process making the tables is sent again", async (t) => {
  const database = openBetter(":memory:");
  let left = 2;
  const meeting: SqliteDatabase = {
    close: () => database.close(),
    prepare(text) {
      // As SQLite says it when the tables change while it looks them up.
      if (text.includes("_schema") && left-- > 0) {
        throw Object.assign(new Error("no such table: sojourn_sessions_schema"), { code: "SQLITE_SCHEMA" });
      }
      return database.prepare(text);
    },
  };
  const store = kyselyStore({ db: instance(t, ":memory:", undefined, meeting), dialect: "sqlite" });
  assert.equal((await store.load(record().handle)).status, "missing");
  assert.ok(left <= 0);
});

test("the schema's statements are a migration of Kysely's own", async (t) => {
  const db = instance(t);
  const migrator = new Migrator({
    db,
    provider: {
      getMigrations: async () => ({
        sessions: {
          async up(within: Kysely<unknown>) {
            for (const statement of kyselySchema({ dialect: "sqlite", table: "visits" })) {
              await sql.raw(statement).execute(within);
            }
          },
        },
      }),
    },
  });
  assert.equal((await migrator.migrateToLatest()).error, undefined);
  const store = kyselyStore({ db, dialect: "sqlite", table: "visits" });
  assert.deepEqual(await store.migrate({ dryRun: true }), { statements: [] });
  assert.deepEqual(await store.create(record()), { status: "created" });
});

test("rows that cannot be read are left out of a user's list, and make a page unreadable", async (t) => {
  const database = openBetter(":memory:");
  const store = kyselyStore({ db: instance(t, ":memory:", undefined, database), dialect: "sqlite" });
  const [sound, damaged] = [record({ userId: "u" }), record({ userId: "u" })];
  await store.create(sound);
  await store.create(damaged);
  database.prepare("PRAGMA ignore_check_constraints = ON").run([]);
  database.prepare("UPDATE sojourn_sessions SET created_at = 1 << 60 WHERE session_handle = ?").run([damaged.handle]);
  assert.deepEqual(await store.users.sessionsOf("u"), [sound]);
  await refused(() => store.list({ limit: 10 }), "ERR_SESSION_UNREADABLE");
});

describe("what a dialect has to get right", () => {
  test("rows that are no objects with the columns' names are refused with the first call", async (t) => {
    const database = behaving((statement) => ({
      all: (values: readonly unknown[]) => statement.all(values).map((row) => Object.values(row as object)),
    }));
    const store = kyselyStore({ db: instance(t, "", undefined, database), dialect: "sqlite" });
    assert.match(
      (await refused(() => store.load(record().handle), "ERR_SESSION_CONFIG")).message,
      /without the column "word"/,
    );
  });

  test("one that drops the rows which a write gives is told so, and no write is taken for undone", async (t) => {
    const database = behaving((statement, text) => ({ reader: statement.reader && text.startsWith("SELECT") }));
    const store = kyselyStore({ db: instance(t, "", undefined, database), dialect: "sqlite" });
    const error = await refused(() => store.create(record()), "ERR_SESSION_CONFIG");
    assert.match(error.message, /RETURNING/);
    assert.equal(error.applied, undefined);
  });

  test("one that does not say how many rows a statement changed is refused where nothing else tells", async () => {
    const executor = { executeQuery: async () => ({ rows: [] }) };
    const db: KyselyLike = {
      ...executor,
      isTransaction: false,
      withoutPlugins: () => ({ ...executor, transaction: () => ({ execute: async (work) => work(executor) }) }),
    };
    const dialect = DIALECTS.mysql({ table: "t", store: "kyselyStore" });
    const write = { name: "save", text: "UPDATE t SET a = 1", columns: [] };
    const error = await refused(() => kyselyDriver(db, dialect).query(write, []), "ERR_SESSION_CONFIG");
    assert.match(error.message, /numAffectedRows/);
  });

  test("an instance that was destroyed surely stores nothing", async (t) => {
    const db = instance(t);
    const store = kyselyStore({ db, dialect: "sqlite" });
    await store.load(record().handle);
    await db.destroy();
    const error = await refused(() => store.create(record()), "ERR_SESSION_STORE");
    assert.equal(error.applied, "no");
    assert.match(error.message, /destroyed/);
  });
});

describe("locks and processes", () => {
  test("a lock that another connection holds is waited for, and then an error that surely stored nothing", async (t) => {
    const path = join(folderOf(t), "sessions.db");
    const database = openBetter(path);
    database.prepare("PRAGMA busy_timeout = 0").all([]);
    const store = kyselyStore({ db: instance(t, path, undefined, database), dialect: "sqlite" });
    const session = record();
    await store.create(session);
    const holder = openBetter(path);
    t.after(() => holder.close());
    holder.prepare("BEGIN IMMEDIATE").run([]);
    const error = await refused(() => store.save(next(session), session.version), "ERR_SESSION_STORE");
    assert.equal(error.applied, "no");
    const waiting = store.save(next(session), session.version);
    setImmediate(() => holder.prepare("COMMIT").run([]));
    assert.deepEqual(await waiting, { status: "saved" });
  });

  test("a read-only database: reads work, and surely nothing is written", async (t) => {
    const database = openBetter(join(folderOf(t), "sessions.db"));
    const store = kyselyStore({ db: instance(t, "", undefined, database), dialect: "sqlite" });
    const session = record();
    await store.create(session);
    database.prepare("PRAGMA query_only = ON").run([]);
    const error = await refused(() => store.create(record()), "ERR_SESSION_STORE");
    assert.equal(error.applied, "no");
    assert.match(error.message, /read-only/);
    assert.deepEqual(await store.load(session.handle), { status: "live", record: session });
  });

  const folder = mkdtempSync(join(tmpdir(), "sojourn-kysely-"));
  after(() => rmSync(folder, { recursive: true }));
  // Not libsql: after a lock that it met, it loses what it acknowledged, as the page says.
  const lab = { url: () => join(folder, "processes.db"), drivers: kyselySqliteDrivers };
  processTests(() => lab, ["kysely over better-sqlite3", "kysely over node:sqlite"]);
});
