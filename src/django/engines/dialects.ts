import { type DjangoDialect, readLocal, statements, writeLocal } from "./sql.ts";

const PG_DATE = "to_char(expire_date AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')";
const MYSQL_DATE = "DATE_FORMAT(expire_date, '%Y-%m-%d %H:%i:%s.%f')";

const question = (): string => "?";
const dollar = (index: number): string => `$${index}`;

/** SQLite: dates are text, without a zone. */
export const sqliteDialect: DjangoDialect = Object.freeze({
  ...statements(question, (column) => `${column} = ?`),
  load: (table: string) => `SELECT session_data, expire_date FROM ${table} WHERE session_key = ?`,
  create: (table: string) =>
    `INSERT INTO ${table} (session_key, session_data, expire_date) VALUES (?, ?, ?) ON CONFLICT (session_key) DO NOTHING`,
  list: (table: string, limit: number) =>
    `SELECT session_data, expire_date, session_key FROM ${table} WHERE session_key > ? ORDER BY session_key LIMIT ${limit}`,
  sweep: (table: string, limit: number) =>
    `DELETE FROM ${table} WHERE session_key IN (SELECT session_key FROM ${table} WHERE expire_date <= ? ORDER BY expire_date LIMIT ${limit})`,
  writeDate: (at, zone) => writeLocal(zone.toLocal(at)),
  readDate: (value, zone) => zone.fromLocal(readLocal(value)),
} satisfies DjangoDialect);

/** PostgreSQL: moments, whatever the zone of the connection. */
export const postgresDialect: DjangoDialect = Object.freeze({
  ...statements(
    (index) => (index === 2 ? "CAST($2 AS timestamptz)" : dollar(index)),
    (column, index) => `${column} = ${dollar(index)}`,
  ),
  load: (table: string) => `SELECT session_data, ${PG_DATE} FROM ${table} WHERE session_key = $1`,
  create: (table: string) =>
    `INSERT INTO ${table} (session_key, session_data, expire_date) VALUES ($1, $2, CAST($3 AS timestamptz)) ON CONFLICT (session_key) DO NOTHING`,
  list: (table: string, limit: number) =>
    `SELECT session_data, ${PG_DATE}, session_key FROM ${table} WHERE session_key > $1 ORDER BY session_key LIMIT ${limit}`,
  sweep: (table: string, limit: number) =>
    `DELETE FROM ${table} WHERE session_key = ANY (ARRAY(SELECT session_key FROM ${table} WHERE expire_date <= CAST($1 AS timestamptz) ORDER BY expire_date LIMIT ${limit} FOR UPDATE SKIP LOCKED))`,
  writeDate: (at) => `${writeLocal(at)}+00`,
  readDate: (value) => readLocal(value),
} satisfies DjangoDialect);

/** MySQL and MariaDB: dates without a zone; text is compared byte by byte, whatever the collation of the table. */
export const mysqlDialect: DjangoDialect = Object.freeze({
  ...statements(question, (column) => (column === "session_key" ? "session_key = ?" : `BINARY ${column} = ?`)),
  load: (table: string) => `SELECT session_data, ${MYSQL_DATE} FROM ${table} WHERE session_key = ?`,
  create: (table: string) => `INSERT INTO ${table} (session_key, session_data, expire_date) VALUES (?, ?, ?)`,
  list: (table: string, limit: number) =>
    `SELECT session_data, ${MYSQL_DATE}, session_key FROM ${table} WHERE session_key > ? ORDER BY session_key LIMIT ${limit}`,
  sweep: (table: string, limit: number) => `DELETE FROM ${table} WHERE expire_date <= ? ORDER BY expire_date LIMIT ${limit}`,
  writeDate: (at, zone) => writeLocal(zone.toLocal(at)),
  readDate: (value, zone) => zone.fromLocal(readLocal(value)),
} satisfies DjangoDialect);
