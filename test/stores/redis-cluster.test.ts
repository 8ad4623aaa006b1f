import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Keys, slotOf } from "../../src/stores/redis/keys.ts";
import { needs } from "../servers/needs.ts";
import { pause, until } from "../servers/process.ts";
import { startRedisCluster, type RedisCluster } from "../servers/redis-cluster.ts";
import { commandCounts, outcomeOf, record } from "./redis/support.ts";
import { clustered, libraries, newPrefix, opened } from "./redis/targets.ts";

const SHARDS = 16;

test("the shards' tags lie one in each equal part of a cluster's slots, and all keys of a shard in one slot", () => {
  for (const count of [1, 2, 16, 100, 1024]) {
    const { shards } = new Keys("sojourn:", count);
    const parts = shards.map(({ epochs }) => {
      const tag = /\{(.*)\}/.exec(epochs)?.[1] ?? "";
      return Math.floor((slotOf(tag) * count) / 16_384);
    });
    assert.deepEqual(
      parts,
      Array.from({ length: count }, (_, index) => index),
    );
    assert.equal(new Set(shards.map(({ sessions }) => sessions)).size, count);
  }
  // The specification's own example.
  assert.equal(slotOf("123456789"), 0x31c3);
});

describe("redis store on a cluster", { skip: needs("redis") }, () => {
  let cluster: RedisCluster;
  before(async () => (cluster = await startRedisCluster()));
  after(() => cluster.stop());

  test("the server agrees on the slots", async () => {
    for (const { epochs } of new Keys("sojourn:", 16).shards) {
      const tag = /\{(.*)\}/.exec(epochs)?.[1] ?? "";
      assert.equal(await cluster.nodes[0]?.command("CLUSTER", "KEYSLOT", epochs), `:${slotOf(tag)}\r\n`);
    }
  });

  for (const library of libraries) {
    test(`${library}: a user's session and the present epoch come with one command to one node`, async (t) => {
      const store = await opened(clustered(library, cluster), { prefix: newPrefix() });
      t.after(() => store.close());
      const sessions = Array.from({ length: 40 }, () => record({ userId: "u" }));
      for (const session of sessions) assert.equal((await store.create(session)).status, "created");
      const epoch = await store.users.advanceEpoch("u", Date.now());
      for (const session of sessions) await store.load(session.handle);
      await Promise.all(cluster.nodes.map((node) => node.command("CONFIG", "RESETSTAT")));
      for (const session of sessions) {
        assert.deepEqual(await store.load(session.handle), { status: "live", record: session, userEpoch: epoch });
      }
      const counts = await Promise.all(
        cluster.nodes.map(async (node) => commandCounts(await node.command("INFO", "commandstats"))),
      );
      const asked = counts.map((each) => (each.get("evalsha") ?? 0) + (each.get("eval") ?? 0));
      assert.equal(
        asked.reduce((sum, each) => sum + each, 0),
        sessions.length,
      );
      assert.equal(asked.filter((each) => each > 0).length, 3, "each master has its share of the sessions");
    });

    test(`${library}: a revocation that did not reach a node rejects, and repeated it holds everywhere`, async (t) => {
      const prefix = newPrefix();
      const store = await opened(clustered(library, cluster), { prefix });
      t.after(() => store.close());
      const sessions = Array.from({ length: 40 }, () => record({ userId: "u" }));
      for (const session of sessions) await store.create(session);
      await store.users.advanceEpoch("warm", 1);
      const home = new Keys(prefix, SHARDS).shardOf("u");
      const masters = await cluster.masters();
      const held = await Promise.all(masters.map((node) => node.command("EXISTS", home.epochs)));
      const away = masters.find((_, index) => held[index]?.startsWith("-")) ?? assert.fail("one node has every slot");

      // For less than it takes the others to replace it.
      t.after(() => away.process.resume());
      away.process.pause();
      let settled = "not yet";
      const first = outcomeOf(() => store.users.advanceEpoch("u", 100)).then((outcome) => (settled = outcome));
      await pause(400);
      assert.equal(settled, "not yet", "it does not resolve before every shard has the epoch");
      const elsewhere = [];
      for (const session of sessions) {
        const outcome = await Promise.race([store.load(session.handle), pause(20)]);
        if (outcome !== undefined && outcome.status === "live") elsewhere.push(outcome.userEpoch);
      }
      away.process.resume();
      assert.ok(elsewhere.length > 0 && elsewhere.length < sessions.length);
      assert.deepEqual(new Set(elsewhere), new Set([100]), "every node that answers has it");
      await first;
      await until("it is done", async () => (await outcomeOf(() => store.users.advanceEpoch("u", 200))) === "done", 10);
      for (const session of sessions) {
        const outcome = await store.load(session.handle);
        assert.ok(outcome.status === "live" && (outcome.userEpoch ?? 0) >= 200);
        assert.equal((await store.create(record({ userId: "u", epoch: 199 }))).status, "revoked");
      }
    });
  }
});
