import { after, before, describe, test } from "node:test";
import mysql from "mysql2/promise";
import { storeKit } from "../../src/testing/store-kit.ts";
import { startMariadb, type MariadbServer } from "../servers/mariadb.ts";
import { needs } from "../servers/needs.ts";
import { mysqlDrivers, sqlTarget } from "./sql/targets.ts";

describe("mysqlStore keeps every rule of the kit", { skip: needs("mariadb") }, () => {
  let server: MariadbServer;
  before(async () => (server = await startMariadb()));
  after(() => server.stop());

  async function damage(table: string, handle: string): Promise<void> {
    const client = await mysql.createConnection(server.url);
    await client.query("SET SESSION check_constraint_checks = 0");
    await client.query(`UPDATE ${table} SET created_at = 9223372036854775807 WHERE session_handle = '${handle}'`);
    await client.end();
  }

  for (const [name, open] of Object.entries(mysqlDrivers)) {
    storeKit(
      test,
      sqlTarget(`mysql (${name} on MariaDB)`, () => server.url, open, damage),
    );
  }
});
