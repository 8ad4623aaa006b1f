import assert from "node:assert/strict";
import { afterEach, describe, test, type TestContext } from "node:test";
import { systemClock } from "../../src/core/clock.ts";
import { Keys, slotOf } from "../../src/stores/redis/keys.ts";
import { redisStore, type RedisClientLike } from "../../src/stores/redis.ts";
import { world } from "../core/support.ts";
import { needs } from "../servers/needs.ts";
import { pause, until } from "../servers/process.ts";
import { startRedisCluster } from "../servers/redis-cluster.ts";
import { startRedisSentinel } from "../servers/redis-sentinel.ts";
import type { RedisServer } from "../servers/redis.ts";
import { endAfter, within, type Doing } from "../servers/watchdog.ts";
import { outcomeOf, record, tombstone } from "./redis/support.ts";
import { clustered, libraries, newPrefix, sentinelled, type Opener } from "./redis/targets.ts";

const TIMEOUT_SECONDS = 0.5;
// A request may read, write onto a version that another request was first with, and write again.
const LONGEST_MS = 4 * TIMEOUT_SECONDS * 1000 + 400;
const VISITORS = 12;

/** The slowest of these tests takes a fifth of it. */
const LIMIT_SECONDS = 90;
/** A client that has to connect, or to end, while others are served. */
const CLIENT_SECONDS = 20;
endAfter(6 * LIMIT_SECONDS);

/** A client that connects in time, and ends in time with the test. */
async function connect(t: TestContext, open: Opener): Promise<RedisClientLike> {
  const { client, end } = await inSeconds("the client to connect", open);
  t.after(() => inSeconds("the client to end", end));
  return client;
}

/** As it is said, or an error that says what did not come. */
function inSeconds<T>(what: string, work: () => Promise<T>): Promise<T> {
  return within(CLIENT_SECONDS, async (doing) => {
    doing(what);
    return work();
  });
}

const unhandled: unknown[] = [];
process.on("unhandledRejection", (reason) => unhandled.push(reason));
afterEach(() => assert.deepEqual(unhandled, []));

const plus = (data: { count?: number }): number => (data.count = (data.count ?? 0) + 1);

interface Losses {
  /** Acknowledged writes that are no longer there. */
  writes: number;
  /** Ends that were acknowledged, of sessions that open again. */
  revivals: number;
  /** Sessions that were acknowledged and are gone. */
  sessions: number;
}

/** Visitors write and log out while `fail` takes a master away; then what was acknowledged is compared with what is there. */
async function underLoad(
  t: TestContext,
  open: Opener,
  confirm: { replicas: number; timeoutMs: number } | undefined,
  doing: Doing,
  fail: () => Promise<void>,
): Promise<Losses> {
  doing("the client to connect");
  const client = await connect(t, open);
  const store = redisStore({ client, prefix: newPrefix(), ...(confirm === undefined ? {} : { confirm }) });
  t.after(() => inSeconds("the store to close", () => store.close()));
  const settings = { clock: systemClock, storeTimeoutSeconds: TIMEOUT_SECONDS, breakerFailures: 1_000_000 };
  const site = world({ store, ...settings });
  let longest = 0;
  const timed = async (call: () => unknown): Promise<string> => {
    const started = performance.now();
    const outcome = await outcomeOf(call);
    longest = Math.max(longest, performance.now() - started);
    return outcome;
  };
  const newVisitor = async (): Promise<string> =>
    (await site.request({ handle: async (s) => void plus(await s.load()) })).cookie ?? "";

  doing("the visitors' first sessions");
  const firstVisit = async (): Promise<string> => {
    let cookie = "";
    // Other servers start on the same machine.
    await until("a first visitor is served", async () => (cookie = await newVisitor()) !== "", 20);
    return cookie;
  };
  const cookies = await Promise.all(Array.from({ length: VISITORS }, firstVisit));
  const acknowledged = cookies.map(() => 1);
  const ended: string[] = [];
  const outcomes = new Map<string, number>();
  let working = true;
  const writers = cookies.map(async (cookie, index) => {
    while (working) {
      const outcome = await timed(() => site.open({ cookie }).session.update(plus));
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      if (outcome === "done") acknowledged[index] = (acknowledged[index] ?? 0) + 1;
      await pause(outcome === "done" ? 2 : 20);
    }
  });
  const leavers = Array.from({ length: 4 }, async () => {
    while (working) {
      let cookie = "";
      if ((await timed(async () => (cookie = await newVisitor()))) === "done") {
        const outcome = await timed(() => site.request({ cookie, handle: (s) => s.flush() }));
        outcomes.set(`logout ${outcome}`, (outcomes.get(`logout ${outcome}`) ?? 0) + 1);
        if (outcome === "done") ended.push(cookie);
      }
      await pause(2);
    }
  });
  await pause(500);
  doing("another master");
  await fail();
  doing("requests to work again");
  // Every visitor's session answers again by itself, wherever it is kept.
  for (const cookie of cookies) {
    await until("requests work again", async () => (await timed(() => site.open({ cookie }).session.load())) === "done", 20);
  }
  await pause(500);
  working = false;
  doing("the requests under way to end");
  await Promise.all([...writers, ...leavers]);

  doing("the sessions to be looked at");
  const losses: Losses = { writes: 0, revivals: 0, sessions: 0 };
  const countOf = async (cookie: string): Promise<number | undefined> => {
    let count: number | undefined;
    // The client may be looking at the cluster anew just now.
    await until("the session answers", async () => {
      ({ count } = await site.open({ cookie }).session.load());
      return true;
    });
    return count;
  };
  for (const [index, cookie] of cookies.entries()) {
    const count = await countOf(cookie);
    if (count === undefined) losses.sessions += 1;
    else losses.writes += Math.max(0, (acknowledged[index] ?? 0) - count);
  }
  for (const cookie of ended) if ((await countOf(cookie)) !== undefined) losses.revivals += 1;
  assert.ok(longest < LONGEST_MS, `a request took ${longest} ms`);
  assert.ok(ended.length > 0 && acknowledged.every((each) => each > 1), "there was load");
  const total = acknowledged.reduce((sum, each) => sum + each, 0);
  t.diagnostic(`${total} writes and ${ended.length} ends acknowledged; ${JSON.stringify(Object.fromEntries(outcomes))}`);
  t.diagnostic(`the longest request took ${Math.round(longest)} ms`);
  t.diagnostic(`lost: ${losses.writes} writes, ${losses.sessions} sessions; revived: ${losses.revivals}`);
  return losses;
}

test(
  "an end that no replica has is undone by a failover, and is acknowledged only where nobody asked for confirmation",
  { skip: needs("redis") },
  (t) =>
    within(LIMIT_SECONDS, async (doing) => {
      doing("the servers to start");
      await using trio = await startRedisSentinel(["--appendonly", "yes", "--appendfsync", "always"]);
      const client = await connect(t, sentinelled("ioredis", trio));
      const prefix = newPrefix();
      const plain = redisStore({ client, prefix });
      const confirming = redisStore({ client, prefix, confirm: { replicas: 2, timeoutMs: 500 } });
      t.after(() => inSeconds("the store to close", () => confirming.close()));
      const [one, two] = [record(), record()];
      doing("two sessions that both replicas have");
      for (const session of [one, two]) await confirming.create(session);
      // The only writes that wait: after this, the replicas have both sessions.
      assert.equal(await outcomeOf(() => confirming.users.advanceEpoch("u", 1)), "done");

      const first = await trio.master();
      const replicas = trio.nodes.filter((node) => node !== first);
      // Not paused: what was sent to them would wait for them to go on.
      doing("the ends that no replica has");
      for (const { process: server } of replicas) await server.kill();
      const acknowledged = await outcomeOf(() => plain.retire(one.handle, tombstone()));
      const confirmed = await outcomeOf(() => confirming.retire(two.handle, tombstone()));
      assert.equal(acknowledged, "retired");
      assert.equal(confirmed, "ERR_SESSION_STORE unknown");
      doing("another master");
      await first.process.kill();
      for (const { process: server } of replicas) await server.restart();
      await until("another is master", async () => (await trio.master()) !== first, 20);
      await until("it answers", async () => (await outcomeOf(() => plain.load(one.handle))) !== "driver error", 20);
      const revived = [await outcomeOf(() => plain.load(one.handle)), await outcomeOf(() => plain.load(two.handle))];
      t.diagnostic(
        `ends without confirmation: 1 acknowledged, 1 revived; with it: 0 acknowledged, 1 refused as not confirmed`,
      );
      assert.deepEqual(revived, ["live", "live"]);
      // Two are left, so one replica can have it, and two cannot.
      const modest = redisStore({ client, prefix, confirm: { replicas: 1, timeoutMs: 500 } });
      t.after(() => inSeconds("the store to close", () => modest.close()));
      await until("a replica follows the new master", async () => {
        return (await outcomeOf(() => modest.retire(two.handle, tombstone()))) === "retired";
      });
      doing("the servers to stop");
    }),
);

describe("redis failover under load", { skip: needs("redis"), concurrency: 2 }, () => {
  for (const library of libraries) {
    for (const confirm of [undefined, { replicas: 1, timeoutMs: 300 }]) {
      const how = `${library}, ${confirm === undefined ? "not confirmed" : "ends confirmed by a replica"}`;

      describe(`redis failover (${how})`, () => {
        test("a Sentinel's master is killed under load", (t) =>
          within(LIMIT_SECONDS, async (doing) => {
            doing("the servers to start");
            await using trio = await startRedisSentinel();
            const first = await trio.master();
            const losses = await underLoad(t, sentinelled(library, trio), confirm, doing, async () => {
              await first.process.kill();
              await until("another is master", async () => (await trio.master()) !== first, 15);
            });
            if (confirm !== undefined) assert.equal(losses.revivals, 0);
            doing("the servers to stop");
          }));

        test("a master of a cluster is killed under load", (t) =>
          within(LIMIT_SECONDS, async (doing) => {
            doing("the servers to start");
            await using cluster = await startRedisCluster();
            const [first] = await cluster.masters();
            assert.ok(first);
            const losses = await underLoad(t, clustered(library, cluster), confirm, doing, async () => {
              await first.process.kill();
              await until("another is master", async () => (await cluster.masters()).length === 3, 15);
            });
            if (confirm !== undefined) assert.equal(losses.revivals, 0);
            doing("the servers to stop");
          }));
      });
    }
  }
});

for (const library of libraries) {
  test(
    `${library}: while a cluster's slot moves, its sessions are refused and never missing, and then go on`,
    { skip: needs("redis") },
    (t) =>
      within(LIMIT_SECONDS, async (doing) => {
        doing("the servers to start");
        await using cluster = await startRedisCluster();
        const client = await connect(t, clustered(library, cluster));
        doing("the sessions");
        const prefix = newPrefix();
        const store = redisStore({ client, prefix, shards: 1 });
        const sessions = Array.from({ length: 5 }, () => record({ userId: "u" }));
        for (const session of sessions) assert.equal((await store.create(session)).status, "created");

        const [shard] = new Keys(prefix, 1).shards;
        const slot = String(slotOf(/\{(.*)\}/.exec(shard?.epochs ?? "")?.[1] ?? ""));
        const masters = await cluster.masters();
        const held = await Promise.all(masters.map((each) => each.command("CLUSTER", "COUNTKEYSINSLOT", slot)));
        const from = masters.find((_, index) => held[index] !== ":0\r\n") ?? assert.fail("nobody has the slot");
        const to = masters.find((each) => each !== from) ?? assert.fail("one master");
        const [source = "", target = ""] = await Promise.all([from, to].map((each) => idOf(each)));
        doing("the slot to move");
        await to.command("CLUSTER", "SETSLOT", slot, "IMPORTING", source);
        await from.command("CLUSTER", "SETSLOT", slot, "MIGRATING", target);
        const keys = [
          ...sessions.map(({ handle }) => `${shard?.sessions}${handle}`),
          shard?.users,
          shard?.deadlines,
          shard?.handles,
        ];
        const seen = new Set<string>();
        for (const key of keys) {
          const moved = await from.command("MIGRATE", "127.0.0.1", String(to.port), key ?? "", "0", "2000");
          assert.equal(moved, "+OK\r\n");
          const tried = [sessions[0], sessions.at(-1)].map((each) =>
            inTime(300, () => store.load(each?.handle ?? record().handle)),
          );
          for (const outcome of await Promise.all(tried)) seen.add(outcome);
          seen.add(`create ${await inTime(300, () => store.create(record()))}`);
        }
        await to.command("CLUSTER", "SETSLOT", slot, "NODE", target);
        await from.command("CLUSTER", "SETSLOT", slot, "NODE", target);
        t.diagnostic(`meanwhile: ${[...seen].join(", ")}`);
        assert.ok(!seen.has("missing"), "a session was taken as missing");
        doing("the sessions to be served again");
        for (const session of sessions) {
          await until("it is served again", async () => (await outcomeOf(() => store.load(session.handle))) === "live", 10);
          assert.deepEqual(await store.load(session.handle), { status: "live", record: session, userEpoch: 0 });
        }
        const listed = new Set((await store.users.sessionsOf("u")).map(({ handle }) => handle));
        assert.deepEqual(listed, new Set(sessions.map(({ handle }) => handle)));
        doing("the servers to stop");
      }),
  );
}

/** A node's name in its cluster. */
async function idOf(node: RedisServer): Promise<string> {
  return (await node.command("CLUSTER", "MYID")).split("\r\n")[1] ?? "";
}

/** The outcome, or that there was none in time, as core would have it. */
async function inTime(milliseconds: number, call: () => unknown): Promise<string> {
  return Promise.race([outcomeOf(call), pause(milliseconds).then(() => "no answer in time")]);
}
