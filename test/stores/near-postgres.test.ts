import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { nearStore, type NearStore } from "../../src/stores/near.ts";
import { postgresFeed, postgresStore } from "../../src/stores/postgres.ts";
import { needs } from "../servers/needs.ts";
import { cached, ready } from "./near/support.ts";
import { postgresClients } from "./near/targets.ts";
import { record, tombstone } from "./redis/support.ts";
import { startLab, type Lab } from "./sql/lab.ts";
import { newTable } from "./sql/targets.ts";

/** So that no mark is sent but those of `sync`. */
const PATIENT_SECONDS = 60;

/** How triggers go, and how they come back, if that is not for the feed to see to. */
const gaps: Readonly<Record<string, (table: string) => readonly [gone: string, back?: string]>> = {
  "were disabled for a while": (table) => [
    `ALTER TABLE ${table} DISABLE TRIGGER USER`,
    `ALTER TABLE ${table} ENABLE TRIGGER USER`,
  ],
  "were dropped, and are made anew by the feed": (table) => [`DROP TRIGGER ${table}_feed1u ON ${table}`],
};

describe("near postgres, its triggers", { skip: needs("postgres") }, () => {
  let lab: Lab;
  before(async () => (lab = await startLab("postgres")));
  after(() => lab.stop());

  for (const [gap, statements] of Object.entries(gaps)) {
    test(`${gap}: what was changed meanwhile is not served from before`, async (t) => {
      const table = newTable();
      const { client, end } = postgresClients.pg.open(lab.url());
      t.after(end);
      const near: NearStore = nearStore({
        store: postgresStore({ client, table }),
        feed: postgresFeed({ client, table }),
        staleSeconds: PATIENT_SECONDS,
      });
      t.after(() => near.close());
      const other = postgresStore({ client, table });
      const session = record();
      await ready(near);
      await near.create(session);
      await cached(near, session.handle);
      const [gone, back] = statements(table);
      await lab.admin(gone);
      const stone = tombstone();
      await other.retire(session.handle, stone);
      if (back !== undefined) await lab.admin(back);
      await near.sync();
      assert.deepEqual(await near.load(session.handle), { status: "retired", tombstone: stone });
      // With these triggers it is kept again.
      const { hits } = near.stats();
      await near.load(session.handle);
      await near.sync();
      await near.load(session.handle);
      assert.equal(near.stats().hits, hits + 2);
    });
  }
});
