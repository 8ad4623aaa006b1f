import mysql from "mysql2/promise";
import pg from "pg";
import { startMariadb, type MariadbServer } from "../../servers/mariadb.ts";
import { startPostgres, type PostgresServer } from "../../servers/postgres.ts";
import { mysqlDrivers, postgresDrivers, sqlTarget, type OpenSql } from "../sql/targets.ts";
import type { StoreTarget } from "../../../src/testing/store-rule.ts";
import { served, type StoreFamily, type StorePart } from "./family.ts";

const isKysely = (name: string): boolean => name.startsWith("kysely");

/** The target of a driver of PostgreSQL, on a server that is running when it is asked for storage. */
export function postgresTarget(driver: string, open: OpenSql, server: () => PostgresServer): StoreTarget {
  async function damage(table: string, handle: string): Promise<void> {
    const client = new pg.Client({ connectionString: server().url });
    await client.connect();
    await client.query(`ALTER TABLE ${table} DROP CONSTRAINT ${table}_created_at_check`);
    await client.query(`UPDATE ${table} SET created_at = 9223372036854775807 WHERE session_handle = '${handle}'`);
    await client.end();
  }
  return sqlTarget(`postgres (${driver})`, () => server().url, open, damage);
}

/** The drivers of PostgreSQL that `chosen` says, on one server. */
function onPostgres(name: string, chosen: (driver: string) => boolean): StorePart {
  const drivers = Object.entries(postgresDrivers).filter(([driver]) => chosen(driver));
  return served(name, ["postgres"], startPostgres, (server) =>
    drivers.map(([driver, open]) => postgresTarget(driver, open, server)),
  );
}

/** The drivers of MySQL that `chosen` says, on one MariaDB. */
function onMariadb(name: string, chosen: (driver: string) => boolean): StorePart {
  const targets = (server: () => MariadbServer): readonly StoreTarget[] => {
    async function damage(table: string, handle: string): Promise<void> {
      const client = await mysql.createConnection(server().url);
      await client.query("SET SESSION check_constraint_checks = 0");
      await client.query(`UPDATE ${table} SET created_at = 9223372036854775807 WHERE session_handle = '${handle}'`);
      await client.end();
    }
    return Object.entries(mysqlDrivers)
      .filter(([driver]) => chosen(driver))
      .map(([driver, open]) => sqlTarget(`mysql (${driver} on MariaDB)`, () => server().url, open, damage));
  };
  return served(name, ["mariadb"], startMariadb, targets);
}

export const postgres: StoreFamily = {
  name: "PostgreSQL",
  page: "docs/stores/postgres.md",
  packages: ["pg", "postgres"],
  parts: [onPostgres("one server", (driver) => !isKysely(driver))],
};

export const mariadb: StoreFamily = {
  name: "MariaDB",
  page: "docs/stores/mysql.md",
  packages: ["mysql2", "mariadb"],
  parts: [onMariadb("one server", (driver) => !isKysely(driver))],
};

/** Kysely on the same servers. */
export const kyselyServed: readonly StorePart[] = [onPostgres("on PostgreSQL", isKysely), onMariadb("on MariaDB", isKysely)];
