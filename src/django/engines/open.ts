import { SessionError } from "../../core/errors.ts";
import { type MysqlClientLike, mysqlDriver } from "../../stores/mysql/clients.ts";
import { type PostgresClientLike, postgresDriver } from "../../stores/postgres/clients.ts";
import { mysqlTrouble } from "../../stores/sql/dialects/mysql/failures.ts";
import { postgresTrouble } from "../../stores/sql/dialects/postgres/failures.ts";
import { mysqlDialect, postgresDialect, sqliteDialect } from "./dialects.ts";
import { type DjangoDatabase, networkDatabase, type Row } from "./sql.ts";

/** As much of an open SQLite database as is used: `DatabaseSync` of `node:sqlite`, or better-sqlite3's `Database`. */
export interface DjangoSqliteLike {
  prepare(sql: string): {
    all(...values: (string | number)[]): readonly unknown[];
    run(...values: (string | number)[]): { readonly changes: number | bigint };
  };
}

/** The database that Django's settings name, as a client that is open. Closing the sessions leaves it open. */
export type DjangoDatabaseClient =
  | { readonly sqlite: DjangoSqliteLike }
  | { readonly postgres: PostgresClientLike }
  | { readonly mysql: MysqlClientLike };

/** @throws {SessionError} ERR_SESSION_CONFIG for a client of another kind */
export function openDjangoDatabase(client: DjangoDatabaseClient): DjangoDatabase {
  const use = { prepare: true, own: false };
  if ("sqlite" in client) return sqliteDatabase(client.sqlite);
  if ("postgres" in client) {
    const driver = postgresDriver(client.postgres, use);
    if (driver !== undefined) return networkDatabase(driver, postgresDialect, postgresTrouble);
  } else if ("mysql" in client) {
    const driver = mysqlDriver(client.mysql, use);
    if (driver !== undefined) return networkDatabase(driver, mysqlDialect, mysqlTrouble);
  }
  throw new SessionError(
    "ERR_SESSION_CONFIG",
    "djangoSessions: `database` is `{ sqlite }`, `{ postgres }` or `{ mysql }` with an open client of that kind",
  );
}

/** How the name of a table, with its schema in front or without, is written in SQL. @param quote what the database puts around names */
export function quoted(name: string, quote: "`" | '"'): string {
  return name
    .split(".")
    .map((part) => quote + part.replaceAll(quote, quote + quote) + quote)
    .join(".");
}

function sqliteDatabase(database: DjangoSqliteLike): DjangoDatabase {
  const prepared = new Map<string, ReturnType<DjangoSqliteLike["prepare"]>>();
  const statement = (sql: string): ReturnType<DjangoSqliteLike["prepare"]> => {
    const known = prepared.get(sql) ?? database.prepare(sql);
    prepared.set(sql, known);
    return known;
  };
  const surely = <R>(call: () => R): R => {
    try {
      return call();
    } catch (error) {
      // A statement of SQLite that fails was undone.
      throw new SessionError("ERR_SESSION_STORE", "Django's database failed", { cause: error, applied: "no" });
    }
  };
  return {
    dialect: sqliteDialect,
    reach: "machine",
    read: async (sql, values) =>
      surely(() =>
        statement(sql)
          .all(...values)
          .map(fieldsOf),
      ),
    write: async (sql, values) => surely(() => Number(statement(sql).run(...values).changes)),
    close: async () => undefined,
  };
}

/** The values of a row, which SQLite's clients give as an object with its columns in order. */
function fieldsOf(row: unknown): Row {
  return Object.values(row as Readonly<Record<string, unknown>>);
}
