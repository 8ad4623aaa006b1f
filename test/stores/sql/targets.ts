import { randomBytes } from "node:crypto";
import { CamelCasePlugin, Kysely, MysqlDialect, PostgresDialect, type Dialect } from "kysely";
import mariadb from "mariadb";
import mysql from "mysql2";
import mysqlPromise from "mysql2/promise";
import pg from "pg";
import postgres from "postgres";
import { kyselyStore, type KyselyDialectName } from "../../../src/stores/kysely.ts";
import { mysqlStore } from "../../../src/stores/mysql.ts";
import { postgresStore } from "../../../src/stores/postgres.ts";
import type { SqlStore } from "../../../src/stores/sql/store.ts";
import type { StoreTarget } from "../../../src/testing/store-rule.ts";

/** A client of one driver, and the store over it. */
export interface Opened {
  readonly store: SqlStore;
  end(): Promise<unknown>;
}

export type OpenSql = (url: string, table: string) => Opened;

function opened<C extends { end(): Promise<unknown> }>(client: C, store: (client: C) => SqlStore): Opened {
  return { store: store(client), end: () => client.end() };
}

/** A store over Kysely, with a plugin that changes the names of columns for everybody else. */
export function openedByKysely(dialect: Dialect, name: KyselyDialectName, table: string): Opened {
  const db = new Kysely<unknown>({ dialect, plugins: [new CamelCasePlugin()] });
  return { store: kyselyStore({ db, dialect: name, table }), end: () => db.destroy() };
}

/** Each driver of PostgreSQL: those that `postgresStore` takes, and Kysely over `pg`. */
export const postgresDrivers: Readonly<Record<string, OpenSql>> = {
  pg: (url, table) => opened(new pg.Pool({ connectionString: url }), (client) => postgresStore({ client, table })),
  postgres: (url, table) => {
    const client = postgres(url, { onnotice: () => undefined, backoff: () => 0.1 });
    return { store: postgresStore({ client, table }), end: () => client.end({ timeout: 1 }) };
  },
  "kysely over pg": (url, table) => {
    const pool = new pg.Pool({ connectionString: url });
    // Kysely leaves this to the application: without it, the loss of a connection ends the process.
    pool.on("connect", (client) => client.on("error", () => undefined));
    pool.on("error", () => undefined);
    return openedByKysely(new PostgresDialect({ pool }), "postgres", table);
  },
};

/** Each driver of MySQL: those that `mysqlStore` takes, and Kysely over `mysql2`. */
export const mysqlDrivers: Readonly<Record<string, OpenSql>> = {
  "mysql2/promise": (url, table) => opened(mysqlPromise.createPool(url), (client) => mysqlStore({ client, table })),
  mysql2: (url, table) => {
    const client = mysql.createPool(url);
    return { store: mysqlStore({ client, table }), end: () => client.promise().end() };
  },
  mariadb: (url, table) =>
    opened(mariadb.createPool(`${url.replace(/^mysql/, "mariadb")}?acquireTimeout=1000`), (client) =>
      mysqlStore({ client, table }),
    ),
  "kysely over mysql2": (url, table) => openedByKysely(new MysqlDialect({ pool: mysql.createPool(url) }), "mysql", table),
};

export function newTable(): string {
  return `kit_${randomBytes(6).toString("hex")}`;
}

/**
 * A target of the kit: a new table for each rule, on one server.
 *
 * @param damage the statements after which the row of a handle cannot be read
 */
export function sqlTarget(
  name: string,
  url: () => string,
  open: OpenSql,
  damage: (table: string, handle: string) => Promise<void>,
): StoreTarget {
  return {
    name,
    storage() {
      const table = newTable();
      const all: Opened[] = [];
      return {
        open() {
          const each = open(url(), table);
          all.push(each);
          return each.store;
        },
        corrupt: (handle) => damage(table, handle),
        async remove() {
          await Promise.all(all.map((each) => each.end()));
        },
      };
    },
  };
}
