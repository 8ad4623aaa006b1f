import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { slotOf, Keys } from "../../src/stores/redis/keys.ts";
import { storeKit } from "../../src/testing/store-kit.ts";
import { needs } from "../servers/needs.ts";
import { startRedisCluster, type RedisCluster } from "../servers/redis-cluster.ts";
import { startRedisSentinel, type RedisSentinel } from "../servers/redis-sentinel.ts";
import { clustered, libraries, sentinelled, target } from "./redis/targets.ts";

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

describe("redis cluster", { skip: needs("redis") }, () => {
  let cluster: RedisCluster;
  before(async () => (cluster = await startRedisCluster()));
  after(() => cluster.stop());

  test("the server agrees on the slots", async () => {
    for (const { epochs } of new Keys("sojourn:", 16).shards) {
      const tag = /\{(.*)\}/.exec(epochs)?.[1] ?? "";
      assert.equal(await cluster.nodes[0]?.command("CLUSTER", "KEYSLOT", epochs), `:${slotOf(tag)}\r\n`);
    }
  });

  for (const library of libraries)
    storeKit(
      test,
      target(`redis cluster (${library})`, () => clustered(library, cluster)()),
    );
});

describe("redis sentinel", { skip: needs("redis") }, () => {
  let trio: RedisSentinel;
  before(async () => (trio = await startRedisSentinel()));
  after(() => trio.stop());
  for (const library of libraries) {
    const confirm = { replicas: 1, timeoutMs: 2000 };
    storeKit(
      test,
      target(`redis sentinel, confirmed (${library})`, () => sentinelled(library, trio)(), { confirm }),
    );
  }
});
