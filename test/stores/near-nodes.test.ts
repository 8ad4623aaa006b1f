import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { LoadOutcome } from "../../src/core/store.ts";
import { nearStore, type NearStore } from "../../src/stores/near.ts";
import { needs } from "../servers/needs.ts";
import { pause } from "../servers/process.ts";
import { startProxy } from "../servers/proxy.ts";
import { postgresLab, redisLab, watched, type NearLab } from "./near/rig.ts";
import { startNode } from "./near/nodes.ts";
import { cached, ready } from "./near/support.ts";
import { postgresClients, type Driver } from "./near/targets.ts";
import { next, record, tombstone } from "./redis/support.ts";
import { libraries } from "./redis/targets.ts";

const STALE_SECONDS = 0.5;
/** No silence is noticed, and no more than a mark is sent, while a test runs. */
const PATIENT_SECONDS = 60;

const engines = [
  ...libraries.map((client) => ["redis", client, () => redisLab(client)] as const),
  ...(Object.keys(postgresClients) as Driver[]).map((client) => ["postgres", client, () => postgresLab(client)] as const),
];

for (const [engine, client, start] of engines) {
  describe(`near ${engine} (${client}), several processes`, { skip: needs(engine) }, () => {
    let lab: NearLab;
    before(async () => (lab = await start()));
    after(() => lab.stop());

    test("a logout in another process, and a user's revocation, are told here at once", async (t) => {
      const place = lab.newPlace();
      const { store, feed } = await lab.open(t, place, { store: lab.port, feed: lab.port });
      const watch = watched(feed);
      const near: NearStore = nearStore({ store, feed: watch.feed, staleSeconds: PATIENT_SECONDS });
      t.after(() => near.close());
      const ports = { port: lab.port, feedPort: lab.port };
      const node = await startNode(t, { engine, client, place, ...ports, staleSeconds: PATIENT_SECONDS });
      const [session, mine] = [record(), record({ userId: "u" })];
      await ready(near);
      await near.create(session);
      await near.create(mine);
      await cached(near, session.handle);
      await cached(near, mine.handle);
      await node.ask("cached", session.handle);
      const stone = tombstone();
      const told = watch.told(session.handle);
      await node.ask("retire", session.handle, stone);
      await told;
      assert.deepEqual(await near.load(session.handle), { status: "retired", tombstone: stone });
      // At once where it was done, whatever the feed does.
      assert.deepEqual(await node.ask("load", session.handle), { status: "retired", tombstone: stone });
      assert.equal(await node.ask("advanceEpoch", "u", 7), 7);
      await near.sync();
      assert.deepEqual(await near.load(mine.handle), { status: "live", record: mine, userEpoch: 7 });
    });

    test("a process that was stopped and goes on serves nothing from before, although it was told nothing yet", async (t) => {
      const place = lab.newPlace();
      const { store: other } = await lab.open(t, place, { store: lab.port, feed: lab.port });
      const proxy = await startProxy(lab.port);
      t.after(() => proxy.stop());
      const ports = { port: lab.port, feedPort: proxy.port };
      const node = await startNode(t, { engine, client, place, ...ports, staleSeconds: STALE_SECONDS });
      const session = record();
      await other.create(session);
      await node.ask("cached", session.handle);
      node.pause();
      // Nothing that the server says about it arrives, neither before nor after.
      proxy.set({ kind: "hold" });
      const written = next(session, { data: "written while it was stopped" });
      await other.save(written, session.version);
      // The bound is real time for a process that is really stopped.
      await pause(STALE_SECONDS * 1000);
      const answer = node.ask("load", session.handle);
      node.resume();
      const outcome = (await answer) as LoadOutcome;
      assert.equal(outcome.status === "live" && outcome.record.data, written.data);
      proxy.set({ kind: "pass" });
      await node.ask("cached", session.handle);
    });

    test("after closing, nothing keeps the process, whatever the feed was doing", async (t) => {
      for (const state of ["at work", "never opened", "silent"]) {
        const proxy = await startProxy(lab.port);
        t.after(() => proxy.stop());
        const ports = { port: lab.port, feedPort: proxy.port };
        const node = await startNode(t, { engine, client, place: lab.newPlace(), ...ports, staleSeconds: PATIENT_SECONDS });
        if (state === "silent") proxy.set({ kind: "blackhole" });
        if (state === "at work") {
          const session = record();
          await node.ask("create", session);
          await node.ask("cached", session.handle);
        }
        if (state === "silent") await node.ask("load", record().handle);
        await node.ask("close");
        assert.equal(await node.ended(), 0, state);
      }
    });
  });
}
