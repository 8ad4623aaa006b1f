import assert from "node:assert/strict";
import { afterEach, describe, test, type TestContext } from "node:test";
import { systemClock } from "../../src/core/clock.ts";
import { redisStore, type RedisClientLike, type RedisStore } from "../../src/stores/redis.ts";
import { world, type World } from "../core/support.ts";
import { needs } from "../servers/needs.ts";
import { pause, until } from "../servers/process.ts";
import { startProxy, type FaultProxy } from "../servers/proxy.ts";
import { infoField, startRedis, type RedisServer } from "../servers/redis.ts";
import { next, outcomeOf, record, tombstone } from "./redis/support.ts";
import { libraries, newPrefix, single, type Library } from "./redis/targets.ts";

// A client is not told to give up early: the time limit is the library's own, in front of every client alike.
const TIMEOUT_SECONDS = 0.5;
const LONGEST_MS = 3 * TIMEOUT_SECONDS * 1000 + 400;

const unhandled: unknown[] = [];
process.on("unhandledRejection", (reason) => unhandled.push(reason));
afterEach(() => assert.deepEqual(unhandled, []));

interface Rig {
  readonly server: RedisServer;
  readonly proxy: FaultProxy;
  readonly client: RedisClientLike;
  readonly store: RedisStore;
  readonly world: World;
  /** The longest that a timed call took, in milliseconds. */
  longest: number;
  /** The call's outcome; its time is noted. */
  timed(call: () => unknown): Promise<string>;
}

async function rig(t: TestContext, library: Library, args: readonly string[] = []): Promise<Rig> {
  const server = await startRedis({ args });
  t.after(() => server.stop());
  const proxy = await startProxy(server.port);
  t.after(() => proxy.stop());
  const { client, end } = await single(library, proxy.port)();
  t.after(end);
  const store = redisStore({ client, prefix: newPrefix() });
  const settings = { clock: systemClock, storeTimeoutSeconds: TIMEOUT_SECONDS, breakerFailures: 1_000_000 };
  const made: Rig = {
    server,
    proxy,
    client,
    store,
    world: world({ store, ...settings }),
    longest: 0,
    async timed(call) {
      const started = performance.now();
      const outcome = await outcomeOf(call);
      made.longest = Math.max(made.longest, performance.now() - started);
      return outcome;
    },
  };
  return made;
}

const isScript = (request: Buffer): boolean => /evalsha/i.test(request.toString("latin1"));
const plus = (data: { count?: number }): number => (data.count = (data.count ?? 0) + 1);

/** A visitor whose session counts to one. */
async function visitor({ world: { request } }: Rig): Promise<string> {
  const { cookie } = await request({ handle: async (s) => void plus(await s.load()) });
  return cookie ?? assert.fail("no cookie");
}

const countOf = async ({ world: { open } }: Rig, cookie: string): Promise<number | undefined> =>
  (await open({ cookie }).session.load()).count;

/** Resolves once requests work again, by themselves. */
const recovered = (made: Rig, cookie: string): Promise<void> =>
  until("requests work again", async () => (await made.timed(() => countOf(made, cookie))) === "done", 10);

for (const library of libraries) {
  describe(`redis faults (${library})`, { skip: needs("redis") }, () => {
    test("the reply of each write verb, dropped once, stores it once and is known again", async (t) => {
      const made = await rig(t, library);
      const { store, proxy } = made;
      const drop = async (call: () => unknown): Promise<string> => {
        const before = proxy.hits;
        proxy.set({ kind: "drop-reply", matches: isScript });
        // A client that does not send it again by itself rejects, and the second sending is core's.
        let outcome = await outcomeOf(call);
        for (let tries = 0; outcome === "driver error" && tries < 100; tries += 1) {
          outcome = await outcomeOf(call);
          if (outcome === "driver error") await pause(10);
        }
        assert.equal(proxy.hits, before + 1, "a reply was dropped");
        return outcome;
      };
      const first = record({ userId: "u" });
      // Every script once before, so that the reply that is dropped is not the server's "I do not know this script".
      const [warm, other] = [record(), record()];
      await store.create(warm);
      await store.load(warm.handle);
      await store.save(next(warm), "another");
      await store.touch(warm.handle, "another", 1);
      await store.retire(warm.handle, tombstone());
      await store.rotate?.(other.handle, "another", record(), tombstone());
      await store.users.advanceEpoch("warm", 0);
      assert.equal(await drop(() => store.create(first)), "exists");
      const live = await store.load(first.handle);
      assert.deepEqual(live, { status: "live", record: first, userEpoch: 0 });
      const second = next(first, { data: "second" });
      assert.equal(await drop(() => store.save(second, first.version)), "conflict");
      assert.deepEqual(await store.load(first.handle), { status: "live", record: second, userEpoch: 0 });
      assert.equal(await drop(() => store.touch(second.handle, second.version, second.expiresAt + 1)), "touched");
      const heir = next(second, { handle: record().handle });
      const stone = tombstone({ reason: "rotated", successor: heir.handle });
      assert.equal(await drop(() => store.rotate?.(second.handle, second.version, heir, stone)), "retired");
      assert.deepEqual(await store.load(second.handle), { status: "retired", tombstone: stone });
      const end = tombstone();
      let ended: unknown;
      assert.equal(await drop(async () => (ended = await store.retire(heir.handle, end, heir.version))), "retired");
      assert.deepEqual(ended, { status: "retired", tombstone: end });
      assert.equal(await drop(() => store.users.advanceEpoch("u", 7)), "done");
      assert.equal(await store.users.epoch("u"), 7);
    });

    test("requests whose replies are dropped, each once, count exactly", async (t) => {
      const made = await rig(t, library);
      const cookie = await visitor(made);
      await made.world.open({ cookie }).session.update(plus);
      let counted = 2;
      for (let round = 0; round < 10; round += 1) {
        made.proxy.set({ kind: "drop-reply", matches: isScript });
        const outcome = await made.timed(() => made.world.open({ cookie }).session.update(plus));
        if (outcome === "done") counted += 1;
        else assert.match(outcome, /ERR_SESSION_STORE no|ERR_SESSION_OUTCOME_UNKNOWN/);
        await recovered(made, cookie);
        const now = (await countOf(made, cookie)) ?? 0;
        if (outcome === "ERR_SESSION_OUTCOME_UNKNOWN") assert.ok(now === counted || now === counted + 1);
        else assert.equal(now, counted);
        counted = now;
      }
      assert.ok(made.longest < LONGEST_MS, `${made.longest} ms`);
    });

    test("a connection cut in the middle of a reply gives an error or the whole reply, and never half", async (t) => {
      const made = await rig(t, library);
      const { store, proxy } = made;
      const session = record({ data: "🦊".repeat(50_000), userId: "u" });
      await store.create(session);
      await store.load(session.handle);
      for (const bytes of [1, 7, 1000, 100_001]) {
        proxy.set({ kind: "cut", matches: isScript, bytes });
        const before = proxy.hits;
        let loaded: unknown;
        await outcomeOf(async () => (loaded = await store.load(session.handle)));
        assert.equal(proxy.hits, before + 1);
        if (loaded !== undefined) assert.deepEqual(loaded, { status: "live", record: session, userEpoch: 0 });
        await until("it works again", async () => (await outcomeOf(() => store.load(session.handle))) === "live", 10);
      }
    });

    test("paused for 3 seconds: requests end in time, and work again when it goes on", async (t) => {
      const made = await rig(t, library);
      const cookie = await visitor(made);
      await countOf(made, cookie);
      made.server.process.pause();
      const started = performance.now();
      const outcomes = new Set<string>();
      while (performance.now() - started < 3000) {
        outcomes.add(await made.timed(() => countOf(made, cookie)));
        outcomes.add(await made.timed(() => made.world.open({ cookie }).session.update(plus)));
      }
      made.server.process.resume();
      assert.deepEqual([...outcomes], ["ERR_SESSION_STORE no"]);
      assert.ok(made.longest < LONGEST_MS, `${made.longest} ms`);
      await recovered(made, cookie);
      assert.equal(await countOf(made, cookie), 1);
    });

    test("killed with -9 under load and restarted with its append-only file: what was acknowledged is there", async (t) => {
      const made = await rig(t, library, ["--appendonly", "yes", "--appendfsync", "always"]);
      const { server, world: site } = made;
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
      const made = await rig(t, library, ["--repl-diskless-sync-delay", "0"]);
      const cookie = await visitor(made);
      const replica = await startRedis({
        args: ["--replicaof", "127.0.0.1", String(made.server.port)],
      });
      t.after(() => replica.stop());
      await until("the replica follows", async () => {
        return infoField(await replica.command("INFO", "replication"), "master_link_status") === "up";
      });
      made.proxy.retarget(replica.port);
      await recovered(made, cookie);
      assert.equal(await countOf(made, cookie), 1);
      assert.equal(await made.timed(() => visitor(made)), "ERR_SESSION_STORE no");
      assert.equal(await made.timed(() => made.world.open({ cookie }).session.update(plus)), "ERR_SESSION_STORE no");
      assert.equal(await made.timed(() => made.store.retire(record().handle, tombstone())), "missing");
      assert.equal(await made.timed(() => made.store.users.advanceEpoch("u", 1)), "ERR_SESSION_STORE no");
    });

    test("out of memory: new data is refused as not applied, reading and ending go on", async (t) => {
      const made = await rig(t, library);
      const { store, server } = made;
      const cookie = await visitor(made);
      const sessions = Array.from({ length: 4 }, () => record({ data: "x".repeat(100_000), userId: "u" }));
      for (const session of sessions) await store.create(session);
      const [session = record()] = sessions;
      // Without an entry in an index there is nothing to take away before the tombstone is written.
      const lean = redisStore({ client: made.client, prefix: newPrefix(), index: "users" });
      const plain = record({ data: "x".repeat(100_000) });
      await lean.create(plain);
      await server.command("CONFIG", "SET", "maxmemory", "1mb");
      assert.equal(await outcomeOf(() => store.create(record())), "ERR_SESSION_STORE no");
      assert.equal(await outcomeOf(() => store.save(next(session), session.version)), "ERR_SESSION_STORE no");
      assert.equal(await made.timed(() => made.world.open({ cookie }).session.update(plus)), "ERR_SESSION_STORE no");
      assert.deepEqual(await store.load(session.handle), { status: "live", record: session, userEpoch: 0 });
      assert.equal(await outcomeOf(() => store.retire(session.handle, tombstone())), "retired");
      assert.equal(await outcomeOf(() => store.load(session.handle)), "retired");
      assert.equal(await outcomeOf(() => lean.retire(plain.handle, tombstone())), "retired");
      await server.command("CONFIG", "SET", "maxmemory", "0");
      assert.equal(await outcomeOf(() => store.create(record())), "created");
      assert.equal(await made.timed(() => made.world.open({ cookie }).session.update(plus)), "done");
    });

    test("slow replies: within the limit nothing fails, beyond it requests end in time", async (t) => {
      const made = await rig(t, library);
      const cookie = await visitor(made);
      made.proxy.set({ kind: "delay", milliseconds: 100 });
      assert.equal(await made.timed(() => made.world.open({ cookie }).session.update(plus)), "done");
      made.proxy.set({ kind: "delay", milliseconds: 900 });
      made.longest = 0;
      assert.equal(await made.timed(() => countOf(made, cookie)), "ERR_SESSION_STORE no");
      assert.ok(made.longest < LONGEST_MS, `${made.longest} ms`);
      made.proxy.set({ kind: "pass" });
      await pause(1000);
      await recovered(made, cookie);
      assert.equal(await countOf(made, cookie), 2);
    });
  });
}
