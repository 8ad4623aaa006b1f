import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import type { SessionHandle } from "../../src/core/id.ts";
import { needs } from "../servers/needs.ts";
import { pause, until } from "../servers/process.ts";
import { infoField, startRedis } from "../servers/redis.ts";
import { countOf, LONGEST_MS, plus, recovered, singleRig, visitor } from "./redis/fault-rig.ts";
import { faultTests } from "./redis/faults.ts";
import { next, outcomeOf, record, tombstone } from "./redis/support.ts";
import { libraries } from "./redis/targets.ts";

const unhandled: unknown[] = [];
process.on("unhandledRejection", (reason) => unhandled.push(reason));
afterEach(() => assert.deepEqual(unhandled, []));

for (const library of libraries) {
  describe(`redis faults (${library})`, { skip: needs("redis") }, () => {
    faultTests((t) => singleRig(t, library), 1);

    test("paused for 3 seconds: requests end in time, and work again when it goes on", async (t) => {
      const made = await singleRig(t, library);
      const [server = assert.fail()] = made.servers;
      const cookie = await visitor(made);
      await countOf(made, cookie);
      server.process.pause();
      const started = performance.now();
      const outcomes = new Set<string>();
      while (performance.now() - started < 3000) {
        outcomes.add(await made.timed(() => countOf(made, cookie)));
        outcomes.add(await made.timed(() => made.world.open({ cookie }).session.update(plus)));
      }
      server.process.resume();
      assert.deepEqual([...outcomes], ["ERR_SESSION_STORE no"]);
      assert.ok(made.longest < LONGEST_MS, `${made.longest} ms`);
      await recovered(made, cookie);
      assert.equal(await countOf(made, cookie), 1);
    });

    test("killed with -9 under load and restarted with its append-only file: what was acknowledged is there", async (t) => {
      const made = await singleRig(t, library, ["--appendonly", "yes", "--appendfsync", "always"]);
      const [server = assert.fail()] = made.servers;
      const { world: site } = made;
      const cookies = await Promise.all(Array.from({ length: 8 }, () => visitor(made)));
      const acknowledged = cookies.map(() => 1);
      const unknown = cookies.map(() => 0);
      const outcomes = new Map<string, number>();
      let working = true;
      const load = cookies.map(async (cookie, index) => {
        while (working) {
          const outcome = await made.timed(() => site.open({ cookie }).session.update(plus));
          outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
          if (outcome === "done") acknowledged[index] = (acknowledged[index] ?? 0) + 1;
          else await pause(10);
          if (outcome === "ERR_SESSION_OUTCOME_UNKNOWN") unknown[index] = (unknown[index] ?? 0) + 1;
        }
      });
      const ended: string[] = [];
      for (let round = 0; round < 2; round += 1) {
        const gone = await visitor(made);
        await site.request({ cookie: gone, handle: (s) => s.flush() });
        ended.push(gone);
        await pause(300);
        await server.process.kill();
        await pause(200);
        await server.process.restart();
        for (const cookie of cookies) await recovered(made, cookie);
      }
      await pause(200);
      working = false;
      await Promise.all(load);
      for (const [index, cookie] of cookies.entries()) {
        const count = (await countOf(made, cookie)) ?? 0;
        const least = acknowledged[index] ?? 0;
        assert.ok(count >= least, `${count} counted and ${least} acknowledged`);
        assert.ok(count <= least + (unknown[index] ?? 0), "a write was counted twice");
      }
      for (const cookie of ended) assert.equal(await countOf(made, cookie), undefined, "an ended session came back");
      assert.ok(made.longest < LONGEST_MS, `${made.longest} ms`);
      t.diagnostic(`requests by outcome: ${JSON.stringify(Object.fromEntries(outcomes))}`);
    });

    test("a read-only replica refuses every write as not applied, and is read", async (t) => {
      const made = await singleRig(t, library, ["--repl-diskless-sync-delay", "0"]);
      const [server = assert.fail()] = made.servers;
      const cookie = await visitor(made);
      const replica = await startRedis({
        args: ["--replicaof", "127.0.0.1", String(server.port)],
      });
      t.after(() => replica.stop());
      await until("the replica follows", async () => {
        return infoField(await replica.command("INFO", "replication"), "master_link_status") === "up";
      });
      made.proxies[0]?.retarget(replica.port);
      await recovered(made, cookie);
      assert.equal(await countOf(made, cookie), 1);
      assert.equal(await made.timed(() => visitor(made)), "ERR_SESSION_STORE no");
      assert.equal(await made.timed(() => made.world.open({ cookie }).session.update(plus)), "ERR_SESSION_STORE no");
      assert.equal(await made.timed(() => made.store.retire(record().handle, tombstone())), "missing");
      assert.equal(await made.timed(() => made.store.users.advanceEpoch("u", 1)), "ERR_SESSION_STORE no");
    });

    test("a server that evicts lets sessions go: none is changed by that, none is made again, and none that ended comes back", async (t) => {
      const made = await singleRig(t, library);
      const [server = assert.fail()] = made.servers;
      const { store } = made;
      await store.create(record());
      const used = Number(infoField(await server.command("INFO", "memory"), "used_memory"));
      await server.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
      await server.command("CONFIG", "SET", "maxmemory", String(used + 3_000_000));
      const known = new Map<SessionHandle, string>();
      const ended = new Set<SessionHandle>();
      const states = new Map<string, number>();
      for (let round = 0; round < 5; round += 1) {
        const sessions = Array.from({ length: 30 }, () => record({ data: "x".repeat(50_000), userId: `u${round}` }));
        for (const session of sessions) {
          assert.equal(await outcomeOf(() => store.create(session)), "created");
          known.set(session.handle, session.version);
        }
        for (const [index, session] of sessions.entries()) {
          const { handle, version } = session;
          const saved = next(session);
          const outcome = await outcomeOf(() =>
            index % 3 === 0 ? store.retire(handle, tombstone()) : store.save(saved, version),
          );
          if (outcome === "retired") ended.add(handle);
          else if (outcome === "saved") known.set(handle, saved.version);
          else assert.equal(outcome, "missing");
        }
        for (const [handle, version] of known) {
          const found = await store.load(handle);
          states.set(found.status, (states.get(found.status) ?? 0) + 1);
          if (found.status === "live") {
            assert.ok(!ended.has(handle), "a session that ended is back");
            assert.equal(found.record.version, version, "an acknowledged write was undone");
          }
          if (found.status !== "missing") continue;
          assert.equal(await outcomeOf(() => store.save(record({ handle }), version)), "missing");
          assert.equal(await outcomeOf(() => store.touch(handle, version, Date.now() + 1e9)), "stale");
        }
        // What is listed is there, whatever became of the index.
        for (const { handle } of await store.users.sessionsOf(`u${round}`)) assert.ok(known.has(handle));
      }
      assert.ok((states.get("missing") ?? 0) > 0 && (states.get("live") ?? 0) > 0, "the server evicted some");
      t.diagnostic(`outcomes: ${JSON.stringify(Object.fromEntries(states))}`);
    });
  });
}
