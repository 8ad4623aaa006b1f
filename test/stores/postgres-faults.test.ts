import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import pg from "pg";
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

/** True for an answer that ends with the server being ready for a statement. */
function isReady(answer: Buffer): boolean {
  return answer.subarray(-6).equals(Buffer.from("Z\0\0\0\x05I"));
}

/** What the server says to everybody when it was killed. */
const SERVER_GONE = fatal({
  S: "FATAL",
  V: "FATAL",
  C: "57P01",
  M: "terminating connection due to unexpected postmaster exit",
});

function fatal(fields: Readonly<Record<string, string>>): Buffer {
  const body = Buffer.from(
    `${Object.entries(fields)
      .map(([key, value]) => `${key}${value}\0`)
      .join("")}\0`,
  );
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  return Buffer.concat([Buffer.from("E"), length, body]);
}

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

  // The pool stops listening to a connection as it gives it away.
  test("pg: a connection that is lost in the moment in which the pool gives it away ends nothing", async (t) => {
    await using proxy = await startProxy(lab.port);
    const client = new pg.Pool({ connectionString: lab.url(proxy.port) });
    t.after(() => client.end());
    const store = postgresStore({ client, table: newTable() });
    const session = record();
    await store.create(session);
    // A new connection for the next call.
    proxy.retarget(lab.port);
    await until("the lost connection is noticed", () => Promise.resolve(client.totalCount === 0), 5);
    proxy.set({ kind: "last-words", matches: isReady, words: SERVER_GONE });
    const { signal } = new AbortController();
    await assert.rejects(store.load(session.handle, { signal }), { code: "ERR_SESSION_STORE" });
    assert.equal(proxy.hits, 1);
    assert.equal((await store.load(session.handle, { signal })).status, "live");
  });

  // Beyond the size of the log's files, which are never larger.
  const [fill, free] = [() => limitFiles(lab.process, 17 * 2 ** 20), () => limitFiles(lab.process, undefined)];
  fullDiskTests(() => lab, drivers, { fill, free });
});
