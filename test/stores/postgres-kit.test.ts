import { after, before, describe, test } from "node:test";
import pg from "pg";
import { storeKit } from "../../src/testing/store-kit.ts";
import { needs } from "../servers/needs.ts";
import { startPostgres, type PostgresServer } from "../servers/postgres.ts";
import { postgresDrivers, sqlTarget } from "./sql/targets.ts";

describe("postgresStore keeps every rule of the kit", { skip: needs("postgres") }, () => {
  let server: PostgresServer;
  before(async () => (server = await startPostgres()));
  after(() => server.stop());

  async function damage(table: string, handle: string): Promise<void> {
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    await client.query(`ALTER TABLE ${table} DROP CONSTRAINT ${table}_created_at_check`);
    await client.query(`UPDATE ${table} SET created_at = 9223372036854775807 WHERE session_handle = '${handle}'`);
    await client.end();
  }

  for (const [name, open] of Object.entries(postgresDrivers)) {
    storeKit(
      test,
      sqlTarget(`postgres (${name})`, () => server.url, open, damage),
    );
  }
});
