import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import mysql from "mysql2/promise";
import { mysqlSchema, mysqlStore, type MysqlStoreOptions } from "../../src/stores/mysql.ts";
import { mysqlDialect } from "../../src/stores/sql/dialects/mysql/dialect.ts";
import type { MysqlClientLike } from "../../src/stores/mysql/clients.ts";
import { mysqlStoreFromUrl } from "../../src/stores/mysql/from-url.ts";
import { valuesOf, type Bindings, type StatementName } from "../../src/stores/sql/texts.ts";
import { needs } from "../servers/needs.ts";
import { until } from "../servers/process.ts";
import { startLab, type Lab } from "./sql/lab.ts";
import { processTests } from "./sql/processes.ts";
import { fill, tableTests } from "./sql/schema.ts";
import { mysqlDrivers, newTable } from "./sql/targets.ts";
import { next, NOW, record, refused } from "./sqlite/support.ts";

test("options that cannot work are refused at once", async () => {
  const never = (): never => assert.fail();
  const client = { query: never, execute: never, end: never };
  for (const options of [
    {},
    { client: {} },
    { client, table: "" },
    { client, table: "x".repeat(60) },
    { client, table: "what?", prepare: false },
    { client, tabel: "x" },
    { client, prepare: 1 },
  ]) {
    await refused(() => mysqlStore(options as unknown as MysqlStoreOptions), "ERR_SESSION_CONFIG");
  }
  await refused(() => mysqlStoreFromUrl("mysql:nothing"), "ERR_SESSION_CONFIG");
});

describe("mysqlStore on MariaDB", { skip: needs("mariadb") }, () => {
  let lab: Lab;
  before(async () => {
    lab = await startLab("mariadb", ["--max-allowed-packet=2M", "--innodb-lock-wait-timeout=1"]);
    for (const [user, level] of [
      ["strict", "SERIALIZABLE"],
      ["loose", "READ COMMITTED"],
    ]) {
      await lab.admin(`CREATE USER ${user} IDENTIFIED BY 'sojourn'`);
      await lab.admin(`GRANT ALL ON sojourn.* TO ${user}`);
      levels.set(user ?? "", level ?? "");
    }
    // It is run for users without privileges over the server.
    const cases = [...levels].map(([user, level]) => `WHEN '${user}' THEN '${level.replace(" ", "-")}'`).join(" ");
    await lab.admin(
      `SET GLOBAL init_connect = "SET SESSION tx_isolation = CASE SUBSTRING_INDEX(USER(), '@', 1) ${cases} ELSE @@tx_isolation END"`,
    );
  });
  const levels = new Map<string, string>();
  after(() => lab.stop());

  const drivers = ["mysql2/promise", "mariadb", "kysely over mysql2"];
  processTests(() => lab, drivers);
  tableTests(() => lab, drivers);

  test("the end of a call that ran out of time hits no other connection, though the server knows one under the same number", async (t) => {
    const table = newTable();
    const pool = mysql.createPool(lab.url());
    t.after(() => pool.end());
    const other = await mysql.createConnection(lab.url());
    t.after(() => other.end().catch(() => undefined));
    // As behind a balancer, where the connection that ends a statement may lead to another server than the statement's own.
    const client = {
      execute: pool.execute.bind(pool),
      query: pool.query.bind(pool),
      end: pool.end.bind(pool),
      async getConnection() {
        const connection = await pool.getConnection();
        return Object.defineProperty(connection, "threadId", { value: other.threadId });
      },
    } as unknown as MysqlClientLike;
    const store = mysqlStore({ client, table });
    const session = record();
    await store.create(session);
    const free = await lab.hold(table);
    const late = new AbortController();
    const save = store.save(next(session), session.version, { signal: late.signal });
    await until("the write waits", async () => (await lab.underWay(table)) > 0, 3);
    late.abort();
    await assert.rejects(save);
    await until("the write is over", async () => (await lab.underWay(table)) === 0, 3);
    await free();
    await other.query("SELECT 1");
  });

  test("the levels of isolation are those that were asked for", async () => {
    for (const [user, level] of levels) {
      const client = await mysql.createConnection(lab.url(undefined, user));
      const [rows] = await client.query<mysql.RowDataPacket[]>("SELECT @@tx_isolation AS level");
      await client.end();
      assert.equal(rows[0]?.["level"], level.replace(" ", "-"));
    }
  });

  for (const driver of drivers) {
    test(`${driver}: data beyond the largest packet is refused, and the store goes on`, async (t) => {
      const { store, end } = mysqlDrivers[driver]?.(lab.url(), newTable()) ?? assert.fail();
      t.after(end);
      const session = record();
      await store.create(session);
      await assert.rejects(store.save(next(session, { data: "x".repeat(3_000_000) }), session.version));
      // The server ends the connection that the packet came on, which the pool may not have seen yet.
      await until("the store reads again", async () => (await store.load(session.handle)).status === "live", 5);
      assert.deepEqual(await store.load(session.handle), { status: "live", record: session });
    });

    test(`${driver}: a lock that is not free in time is an error that surely stored nothing`, async (t) => {
      const table = newTable();
      const { store, end } = mysqlDrivers[driver]?.(lab.url(), table) ?? assert.fail();
      t.after(end);
      const session = record();
      await store.create(session);
      const holder = await mysql.createConnection(lab.url());
      t.after(() => holder.end());
      await holder.query("BEGIN");
      await holder.query(`SELECT * FROM ${table} FOR UPDATE`);
      const error = await refused(() => store.save(next(session), session.version), "ERR_SESSION_STORE");
      assert.equal(error.applied, "no");
      assert.match(error.message, /lock_wait_timeout/);
    });
  }

  test("statements that are not prepared keep every character", async (t) => {
    const client = mysql.createPool(lab.url());
    t.after(() => client.end());
    const store = mysqlStore({ client, table: newTable(), prepare: false });
    const session = record({ data: `?'"\\\n\u{1f98a}`, userId: "it's ?" });
    await store.create(session);
    assert.deepEqual(await store.users.sessionsOf("it's ?"), [session]);
    assert.deepEqual(await store.list({ limit: 1 }), [session]);
  });

  test("a connection that would lose characters or writes is refused", async (t) => {
    const latin = mysql.createPool({ uri: lab.url(), charset: "latin1" });
    t.after(() => latin.end());
    const lost = await refused(() => mysqlStore({ client: latin }).load(record().handle), "ERR_SESSION_CONFIG");
    assert.match(lost.message, /utf8mb4/);
    const connection = await mysql.createConnection(lab.url());
    t.after(() => connection.end());
    await connection.query("SET autocommit = 0");
    const unstored = await refused(() => mysqlStore({ client: connection }).load(record().handle), "ERR_SESSION_CONFIG");
    assert.match(unstored.message, /autocommit/);
  });

  test("every statement finds its rows by an index", async (t) => {
    const table = newTable();
    const { store, end } = mysqlDrivers["mysql2"]?.(lab.url(), table) ?? assert.fail();
    t.after(end);
    await store.migrate();
    await fill(lab, table, 5000);
    const client = await mysql.createConnection(lab.url());
    t.after(() => client.end());
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
    const indexes: Partial<Record<StatementName, string>> = {
      sessionsOf: "by_user",
      sweep: "by_sweep",
      postpone: "by_sweep",
    };
    for (const [name, compiled] of Object.entries(mysqlDialect({ table, store: "mysqlStore", prepares: true }).statements)) {
      const [rows] = await client.execute<mysql.RowDataPacket[]>(
        `EXPLAIN ${compiled.statement.text}`,
        valuesOf(compiled, bindings).map(String),
      );
      const scans = rows.filter(
        (row) => row["type"] === "ALL" && !String(row["table"]).startsWith("<") && row["key"] === null,
      );
      assert.deepEqual(
        scans.filter((row) => row["rows"] !== null && row["select_type"] !== "INSERT"),
        [],
        name,
      );
      const wanted = indexes[name as StatementName];
      if (wanted !== undefined) {
        const keys = rows.map((row) => String(row["key"]));
        assert.ok(keys.includes(wanted), `${name}: ${keys.join(", ")}`);
      }
    }
  });

  test("the schema as SQL makes tables that the store takes", async (t) => {
    const table = newTable();
    const client = await mysql.createConnection({ uri: lab.url(), multipleStatements: true });
    t.after(() => client.end());
    await client.query(mysqlSchema({ table }));
    await client.query(mysqlSchema({ table }));
    const store = mysqlStore({ client, table });
    assert.deepEqual(await store.migrate(), { statements: [] });
    await store.create(record());
    const [rows] = await client.query<mysql.RowDataPacket[]>(
      `SELECT CAST(created_utc AS CHAR) AS created FROM ${table}_readable`,
    );
    assert.match(String(rows[0]?.["created"]), /^2026-01-01 00:00:00/);
  });

  for (const scheme of ["mysql", "mariadb"]) {
    test(`a store from a ${scheme}: URL connects with the first call, and closes what it opened`, async () => {
      const store = mysqlStoreFromUrl(lab.url().replace("mysql", scheme));
      const session = record();
      await store.create(session);
      assert.deepEqual(await store.load(session.handle), { status: "live", record: session });
      await store.close();
      await refused(() => store.load(session.handle), "ERR_SESSION_USAGE");
    });
  }
});
