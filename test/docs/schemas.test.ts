import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { PGlite } from "@electric-sql/pglite";
import { is, Table } from "drizzle-orm";
import { getTableConfig as mysqlConfig, MySqlTable } from "drizzle-orm/mysql-core";
import { getTableConfig as postgresConfig, PgTable } from "drizzle-orm/pg-core";
import { drizzle } from "drizzle-orm/pglite";
import { getTableConfig as sqliteConfig, SQLiteTable } from "drizzle-orm/sqlite-core";
import { kyselySchema } from "../../src/stores/kysely.ts";
import { mysqlSchema } from "../../src/stores/mysql.ts";
import { postgresSchema } from "../../src/stores/postgres.ts";
import { blocksOf, fileOf } from "./pages.ts";
import { newFolder } from "./running.ts";

const PAGE = "docs/stores/schemas.md";

/** A column as a definition and a database have it: its name, its type, and whether it may be NULL. */
type Columns = Readonly<Record<string, string>>;

/** What a file of the page defines, by the names of the tables. */
async function definitions(name: string): Promise<Map<string, Table>> {
  const folder = newFolder("schemas");
  try {
    const path = join(folder.path, name);
    writeFileSync(path, fileOf(PAGE, name));
    const module = (await import(pathToFileURL(path).href)) as Record<string, unknown>;
    const tables = Object.values(module).filter((each) => is(each, Table));
    return new Map(tables.map((table) => [Reflect.get(table, Symbol.for("drizzle:Name")) as string, table]));
  } finally {
    folder.remove();
  }
}

const columnOf = (type: string, nullable: boolean): string => `${type.toLowerCase()}${nullable ? "" : " not null"}`;

function columnsOf(columns: readonly { readonly name: string; readonly notNull: boolean; getSQLType(): string }[]): Columns {
  return Object.fromEntries(columns.map((each) => [each.name, columnOf(each.getSQLType(), !each.notNull)]));
}

test("Drizzle's definitions for PostgreSQL are the tables that the store makes, and read them", async (t) => {
  const pglite = await PGlite.create();
  t.after(() => pglite.close());
  await pglite.exec(postgresSchema());
  const defined = await definitions("drizzle-postgres.ts");
  assert.deepEqual([...defined.keys()].toSorted(), [
    "sojourn_sessions",
    "sojourn_sessions_schema",
    "sojourn_sessions_users",
  ]);
  for (const [name, table] of defined) {
    assert.ok(is(table, PgTable));
    const config = postgresConfig(table);
    const { rows } = await pglite.query<{ name: string; type: string; nullable: string }>(
      `SELECT column_name AS name, data_type AS type, is_nullable AS nullable FROM information_schema.columns
       WHERE table_name = $1`,
      [name],
    );
    assert.deepEqual(
      columnsOf(config.columns),
      Object.fromEntries(rows.map((row) => [row.name, columnOf(row.type, row.nullable === "YES")])),
      name,
    );
    const indexes = await pglite.query<{ name: string }>(
      "SELECT indexname AS name FROM pg_indexes WHERE tablename = $1 AND indexname NOT LIKE '%_pkey'",
      [name],
    );
    assert.deepEqual(
      config.indexes.map((each) => each.config.name).toSorted(),
      indexes.rows.map((row) => row.name).toSorted(),
    );
  }
  const sessions = defined.get("sojourn_sessions");
  assert.ok(is(sessions, PgTable));
  await pglite.query(
    `INSERT INTO sojourn_sessions (session_handle, session_version, created_at, expires_at, sweep_at, user_epoch, session_data)
     VALUES ('h', 'v', 1, 2, 2, 0, '{"count":1}')`,
  );
  const [row] = await drizzle(pglite).select().from(sessions);
  assert.deepEqual(row, {
    ...{ sessionHandle: "h", sessionVersion: "v", createdAt: 1, expiresAt: 2, sweepAt: 2, userEpoch: 0 },
    ...{ userId: null, retiredReason: null, sessionData: '{"count":1}' },
  });
});

test("Drizzle's definitions for SQLite are the tables that the store makes", async (t) => {
  const database = new DatabaseSync(":memory:");
  t.after(() => database.close());
  for (const statement of kyselySchema({ dialect: "sqlite" })) database.exec(statement);
  const defined = await definitions("drizzle-sqlite.ts");
  assert.equal(defined.size, 3);
  for (const [name, table] of defined) {
    assert.ok(is(table, SQLiteTable));
    const rows = database.prepare(`PRAGMA table_info("${name}")`).all() as { name: string; type: string; notnull: number }[];
    const made = Object.fromEntries(rows.map((row) => [row.name, columnOf(row.type, row.notnull === 0)]));
    assert.deepEqual(columnsOf(sqliteConfig(table).columns), made, name);
  }
});

test("Drizzle's definitions for MySQL have the columns of the tables that the store makes", async () => {
  const defined = await definitions("drizzle-mysql.ts");
  assert.equal(defined.size, 3);
  for (const [name, table] of defined) {
    assert.ok(is(table, MySqlTable));
    assert.deepEqual(columnsOf(mysqlConfig(table).columns), statedColumns(mysqlSchema(), `\`${name}\``), name);
  }
});

test("Prisma's models have the columns of the tables that the store makes", () => {
  const types: Readonly<Record<string, string>> = { String: "text", BigInt: "bigint", Int: "integer" };
  const models = blocksOf(PAGE, "prisma")
    .flatMap((block) => block.split(/(?=^model )/m))
    .filter((each) => each.includes("model"));
  assert.equal(models.length, 3);
  for (const model of models) {
    const [, name] = /@@map\("(\w+)"\)/.exec(model) ?? assert.fail("a model without the name of its table");
    const fields = [...model.matchAll(/^ {2}(\w+) +(\w+)(\??)(.*)$/gm)].map(([, field, type = "", optional, rest = ""]) => [
      /@map\("(\w+)"\)/.exec(rest)?.[1] ?? field,
      columnOf(types[type] ?? type, optional === "?"),
    ]);
    const stated = statedColumns(postgresSchema(), `"${name}"`);
    assert.deepEqual(Object.fromEntries(fields), stated, name);
  }
});

/** The columns in the text of `CREATE TABLE`. */
function statedColumns(schema: string, table: string): Columns {
  const [, body = ""] =
    new RegExp(`CREATE TABLE IF NOT EXISTS ${table} \\((.*?)\\)(?: WITH| ENGINE|;)`, "s").exec(schema) ??
    assert.fail(`no ${table}`);
  const lines = body.includes("\n") ? body.split("\n") : body.split(", ");
  return Object.fromEntries(
    lines
      .map((line) => /^ *([a-z]\w*) ([a-zA-Z]+(?:\(\d+\))?)(.*)$/.exec(line))
      .filter((match) => match !== null)
      .map(([, name, type = "", rest = ""]) => [name, columnOf(type, !/NOT NULL|PRIMARY KEY/.test(rest))]),
  );
}
