import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import pg from "pg";
import { postgresSchema, postgresStore, type PostgresStoreOptions } from "../../src/stores/postgres.ts";
import { postgresDialect } from "../../src/stores/sql/dialects/postgres/dialect.ts";
import { postgresStoreFromUrl } from "../../src/stores/postgres/from-url.ts";
import { valuesOf, type Bindings, type StatementName } from "../../src/stores/sql/texts.ts";
import { needs } from "../servers/needs.ts";
import { until } from "../servers/process.ts";
import { startLab, type Lab } from "./sql/lab.ts";
import { processTests } from "./sql/processes.ts";
import { fill, tableTests } from "./sql/schema.ts";
import { newTable, postgresDrivers } from "./sql/targets.ts";
import { next, NOW, record, refused } from "./sqlite/support.ts";

test("options that cannot work are refused at once", async () => {
  const client = { query: () => assert.fail(), end: () => assert.fail() };
  for (const options of [
    {},
    { client: {} },
    { client, table: "" },
    { client, table: "x".repeat(60) },
    { client, table: "a\0" },
    { client, tabel: "x" },
    { client, prepare: 1 },
  ]) {
    await refused(() => postgresStore(options as unknown as PostgresStoreOptions), "ERR_SESSION_CONFIG");
  }
  await refused(() => postgresStoreFromUrl("postgres:nothing"), "ERR_SESSION_CONFIG");
});

describe("postgresStore on PostgreSQL", { skip: needs("postgres") }, () => {
  let lab: Lab;
  before(async () => {
    lab = await startLab("postgres", ["shared_preload_libraries=pg_stat_statements"]);
    await lab.admin("CREATE EXTENSION pg_stat_statements");
    await lab.admin("CREATE ROLE strict LOGIN SUPERUSER");
    await lab.admin("ALTER ROLE strict SET default_transaction_isolation = 'serializable'");
    await lab.admin("CREATE ROLE loose LOGIN SUPERUSER");
    await lab.admin("CREATE ROLE hurried LOGIN SUPERUSER");
    await lab.admin("ALTER ROLE hurried SET lock_timeout = 100");
  });
  after(() => lab.stop());

  processTests(() => lab, Object.keys(postgresDrivers));
  tableTests(() => lab, Object.keys(postgresDrivers));

  test("a lock that is not free in time is an error that surely stored nothing", async (t) => {
    const table = newTable();
    const { store, end } = postgresDrivers["pg"]?.(lab.url(undefined, "hurried"), table) ?? assert.fail();
    t.after(end);
    const session = record();
    await store.create(session);
    const holder = new pg.Client({ connectionString: lab.url() });
    await holder.connect();
    t.after(() => holder.end());
    await holder.query(`BEGIN; SELECT * FROM ${table} FOR UPDATE`);
    const error = await refused(() => store.save(next(session), session.version), "ERR_SESSION_STORE");
    assert.equal(error.applied, "no");
    assert.match(error.message, /lock_timeout/);
  });

  test("what was to end a statement does not keep its connection when the server answers that neither", async (t) => {
    const pool = new pg.Pool({ connectionString: lab.url(), max: 2 });
    t.after(() => pool.end());
    const store = postgresStore({ client: pool, table: newTable() });
    const session = record();
    await store.create(session);
    await Promise.all([store.load(session.handle), store.load(session.handle)]);
    assert.equal(pool.totalCount, 2);
    lab.pause();
    try {
      const late = new AbortController();
      const load = store.load(session.handle, { signal: late.signal });
      setImmediate(() => late.abort());
      await assert.rejects(load);
      await until("both connections were given up", async () => pool.totalCount === 0, 8);
    } finally {
      lab.resume();
    }
    assert.equal((await store.load(session.handle)).status, "live");
  });

  for (const [what, connect] of [
    ["knows promises only", (pool: pg.Pool) => () => pool.connect()],
    [
      "is wrapped, and gives a promise beside the callback",
      (pool: pg.Pool) =>
        async (...args: []): Promise<unknown> =>
          pool.connect(...args),
    ],
    [
      "gives its connection by both",
      (pool: pg.Pool) => async (callback?: (error: undefined, connection: unknown) => void) => {
        const connection = await pool.connect();
        callback?.(undefined, connection);
        return connection;
      },
    ],
  ] as const) {
    test(`a pool of another make works, one that ${what}, and has its connections back`, async (t) => {
      const pool = new pg.Pool({ connectionString: lab.url(), max: 2 });
      t.after(() => pool.end());
      const client = {
        query: (query: pg.QueryConfig) => pool.query(query),
        connect: connect(pool),
        end: () => pool.end(),
        totalCount: 2,
      };
      const store = postgresStore({ client, table: newTable() });
      const { signal } = new AbortController();
      const session = record();
      await store.create(session, { signal });
      const loads = Array.from({ length: 6 }, () => store.load(session.handle, { signal }));
      for (const { status } of await Promise.all(loads)) assert.equal(status, "live");
      assert.equal(pool.idleCount, pool.totalCount);
    });
  }

  test("a pool whose connections are of another shape is an error, which ends nothing", async (t) => {
    const pool = new pg.Pool({ connectionString: lab.url() });
    t.after(() => pool.end());
    const connect = async (): Promise<unknown> => ({ query: async () => ({ rows: [], rowCount: 0 }) });
    const client = { query: (query: pg.QueryConfig) => pool.query(query), connect, end: () => pool.end(), totalCount: 1 };
    const store = postgresStore({ client, table: newTable() });
    const { signal } = new AbortController();
    await assert.rejects(async () => store.load(record().handle, { signal }), { code: "ERR_SESSION_STORE" });
  });

  test("touches and saves rewrite no index", async (t) => {
    const table = newTable();
    const { store, end } = postgresDrivers["pg"]?.(lab.url(), table) ?? assert.fail();
    t.after(end);
    let session = record({ userId: "u" });
    await store.create(session);
    for (let round = 1; round <= 10; round++) {
      await store.touch(session.handle, session.version, session.expiresAt + round);
      const changed = next(session, { expiresAt: session.expiresAt + 100 * round });
      await store.save(changed, session.version);
      session = changed;
    }
    // A connection reports what it did when it ends.
    await lab.disconnectAll();
    let updates: readonly unknown[] = [];
    await until("all updates were reported", async () => {
      const [row] = await lab.admin(`SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = '${table}'`);
      updates = row ?? [];
      return Number(updates[0]) === 20;
    });
    assert.equal(Number(updates[1]), 20, "without a change of any index");
  });

  test("every statement finds its rows by an index", async (t) => {
    const table = newTable();
    const { store, end } = postgresDrivers["pg"]?.(lab.url(), table) ?? assert.fail();
    t.after(end);
    await store.migrate();
    await fill(lab, table, 5000);
    const client = new pg.Client({ connectionString: lab.url() });
    await client.connect();
    t.after(() => client.end());
    const { statements } = postgresDialect({ table, store: "postgresStore" });
    const bindings: Required<Bindings> = {
      ...{
        handle: "1".repeat(48),
        old: "2".repeat(48),
        data: "d",
        version: "v",
        expected: "v",
        created: 0,
        expires: NOW,
        user: "user7",
      },
      ...{
        epoch: 0,
        successor: "",
        token: "t",
        reason: "ended",
        until: NOW,
        after: "",
        before: NOW - 3_599_990,
        limit: 10n,
        least: 1,
      },
    };
    const indexes: Partial<Record<StatementName, RegExp>> = {
      sessionsOf: /_by_user/,
      sweep: /_by_sweep/,
      postpone: /_by_sweep/,
    };
    for (const [name, compiled] of Object.entries(statements)) {
      const explained = await client.query<{ "QUERY PLAN": string }>(
        `EXPLAIN ${compiled.statement.text}`,
        valuesOf(compiled, bindings).map(String),
      );
      const plan = explained.rows.map((row) => row["QUERY PLAN"]).join("\n");
      assert.doesNotMatch(plan, new RegExp(`Seq Scan on ${table} `), `${name}: ${plan}`);
      assert.match(plan, indexes[name as StatementName] ?? /./, `${name}: ${plan}`);
    }
  });

  test("the schema as SQL makes tables that the store takes, in a schema of their own", async (t) => {
    await lab.admin('CREATE SCHEMA "web app"');
    const sql = postgresSchema({ schema: "web app", table: "visits" });
    const client = new pg.Pool({ connectionString: lab.url() });
    t.after(() => client.end());
    await client.query(sql);
    await client.query(sql);
    const store = postgresStore({ client, schema: "web app", table: "visits", prepare: false });
    assert.deepEqual(await store.migrate(), { statements: [] });
    const session = record();
    await store.create(session);
    const { rows } = await client.query(`SELECT session_state, created_utc::text FROM "web app".visits_readable`);
    assert.deepEqual(rows, [
      { session_state: NOW + 3_600_000 > Date.now() ? "live" : "expired", created_utc: "2026-01-01 00:00:00" },
    ]);
  });

  test("a store from a URL connects with the first call, and closes what it opened", async () => {
    const store = postgresStoreFromUrl(lab.url());
    const session = record();
    await store.create(session);
    assert.deepEqual(await store.load(session.handle), { status: "live", record: session });
    await store.close();
    await refused(() => store.load(session.handle), "ERR_SESSION_USAGE");
    const nowhere = postgresStoreFromUrl("postgres://nobody@127.0.0.1:1/none");
    assert.equal((await refused(() => nowhere.create(session), "ERR_SESSION_STORE")).applied, "no");
    await nowhere.close();
  });
});
