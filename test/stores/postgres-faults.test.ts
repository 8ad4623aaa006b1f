import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import postgres from "postgres";
import { postgresStore } from "../../src/stores/postgres.ts";
import { sqlOf } from "../../src/stores/postgres/from-url.ts";
import { needs } from "../servers/needs.ts";
import { until } from "../servers/process.ts";
import { limitFiles } from "../servers/postgres.ts";
import { startProxy } from "../servers/proxy.ts";
import { faultTests } from "./sql/faults.ts";
import { startLab, type Lab } from "./sql/lab.ts";
import { fullDiskTests, strainTests } from "./sql/strain.ts";
import { newTable, postgresDrivers } from "./sql/targets.ts";
import { record } from "./sqlite/support.ts";

describe("postgresStore when PostgreSQL or the network fails", { skip: needs("postgres") }, () => {
  let lab: Lab;
  before(async () => {
    lab = await startLab("postgres");
    await lab.admin("CREATE ROLE reader LOGIN SUPERUSER");
    await lab.admin("ALTER ROLE reader SET default_transaction_read_only = on");
  });
  after(() => lab.stop());
  const drivers = Object.keys(postgresDrivers);
  faultTests(() => lab, drivers);
  strainTests(
    () => lab,
    drivers,
    () => ({
      user: "postgres",
      async set(on) {
        await lab.admin(`ALTER SYSTEM SET default_transaction_read_only = ${on ? "on" : "off"}`);
        await lab.admin("SELECT pg_reload_conf()");
      },
    }),
  );

  // Asking for them, it lets a rejection that nobody can handle end the process.
  test("postgres by URL: a connection that is lost while the driver asks for the database's types ends nothing", async (t) => {
    await using proxy = await startProxy(lab.port);
    proxy.set({ kind: "drop-reply", matches: (request) => request.includes("pg_type") });
    const client = sqlOf(postgres, lab.url(proxy.port));
    t.after(() => client.end({ timeout: 1 }));
    const store = postgresStore({ client, table: newTable() });
    const session = record();
    await until(
      "the store works",
      () =>
        store.create(session).then(
          () => true,
          () => false,
        ),
      5,
    );
    assert.equal((await store.load(session.handle)).status, "live");
    assert.equal(proxy.hits, 0, "the driver asked for types");
  });

  // Beyond the size of the log's files, which are never larger.
  const [fill, free] = [() => limitFiles(lab.process, 17 * 2 ** 20), () => limitFiles(lab.process, undefined)];
  fullDiskTests(() => lab, drivers, { fill, free });
});
