import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { redisStore } from "../../../src/stores/redis.ts";
import { pause, until } from "../../servers/process.ts";
import { countOf, isScript, LONGEST_MS, plus, recovered, visitor, type Rig } from "./fault-rig.ts";
import { next, outcomeOf, record, tombstone } from "./support.ts";
import { newPrefix } from "./targets.ts";

const isWrite = (request: Buffer): boolean => request.includes('"count"');

/**
 * What holds when replies are lost, cut or late, or the memory is full: on one server, behind sentinels and on a cluster.
 *
 * @param warmUps how many sessions it takes until every server knows every script
 */
export function faultTests(open: (t: TestContext) => Promise<Rig>, warmUps: number): void {
  test("the reply of each write verb, dropped once, stores it once and is known again", async (t) => {
    const made = await open(t);
    const { store } = made;
    const drop = async (call: () => unknown): Promise<string> => {
      const before = made.hits;
      made.fault({ kind: "drop-reply", matches: isScript });
      // A client that does not send it again by itself rejects, and the second sending is core's.
      let outcome = await outcomeOf(call);
      for (let tries = 0; outcome === "driver error" && tries < 500; tries += 1) {
        outcome = await outcomeOf(call);
        if (outcome === "driver error") await pause(10);
      }
      assert.equal(made.hits, before + 1, "a reply was dropped");
      return outcome;
    };
    const first = record({ userId: "u" });
    // Every script once before, so that the reply that is dropped is not the server's "I do not know this script".
    for (let each = 0; each < warmUps; each += 1) {
      const [warm, other] = [record(), record()];
      await store.create(warm);
      await store.load(warm.handle);
      await store.save(next(warm), "another");
      await store.touch(warm.handle, "another", 1);
      await store.retire(warm.handle, tombstone());
      await store.rotate?.(other.handle, "another", record(), tombstone());
      await store.users.advanceEpoch("warm", each);
    }
    assert.equal(await drop(() => store.create(first)), "exists");
    const live = await store.load(first.handle);
    assert.deepEqual(live, { status: "live", record: first, userEpoch: 0 });
    const second = next(first, { data: "second" });
    assert.equal(await drop(() => store.save(second, first.version)), "conflict");
    assert.deepEqual(await store.load(first.handle), { status: "live", record: second, userEpoch: 0 });
    assert.equal(await drop(() => store.touch(second.handle, second.version, second.expiresAt + 1)), "touched");
    let last = second;
    // On a cluster a session is rotated in three steps, which are the other verbs.
    if (store.rotate !== undefined) {
      const heir = next(second, { handle: record().handle });
      const stone = tombstone({ reason: "rotated", successor: heir.handle });
      assert.equal(await drop(() => store.rotate?.(second.handle, second.version, heir, stone)), "retired");
      assert.deepEqual(await store.load(second.handle), { status: "retired", tombstone: stone });
      last = heir;
    }
    const end = tombstone();
    let ended: unknown;
    assert.equal(await drop(async () => (ended = await store.retire(last.handle, end, last.version))), "retired");
    assert.deepEqual(ended, { status: "retired", tombstone: end });
    assert.equal(await drop(() => store.users.advanceEpoch("u", 7)), "done");
    assert.equal(await store.users.epoch("u"), 7);
  });

  test("requests whose replies are dropped, each once, count exactly", async (t) => {
    const made = await open(t);
    const cookie = await visitor(made);
    await made.world.open({ cookie }).session.update(plus);
    let counted = 2;
    for (let round = 0; round < 10; round += 1) {
      // The reply to the read, and the reply to the write.
      const before = made.hits;
      made.fault({ kind: "drop-reply", matches: round % 2 === 0 ? isScript : isWrite });
      const outcome = await made.timed(() => made.world.open({ cookie }).session.update(plus));
      assert.equal(made.hits, before + 1, "a reply was dropped");
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
    const made = await open(t);
    const { store } = made;
    const session = record({ data: "🦊".repeat(50_000), userId: "u" });
    await store.create(session);
    await store.load(session.handle);
    for (const bytes of [1, 7, 1000, 100_001]) {
      made.fault({ kind: "cut", matches: isScript, bytes });
      const before = made.hits;
      let loaded: unknown;
      await outcomeOf(async () => (loaded = await store.load(session.handle)));
      assert.equal(made.hits, before + 1);
      if (loaded !== undefined) assert.deepEqual(loaded, { status: "live", record: session, userEpoch: 0 });
      await until("it works again", async () => (await outcomeOf(() => store.load(session.handle))) === "live", 10);
    }
  });

  test("out of memory: new data is refused as not applied, reading and ending go on", async (t) => {
    const made = await open(t);
    const { store } = made;
    const cookie = await visitor(made);
    const sessions = Array.from({ length: 4 }, () => record({ data: "x".repeat(100_000), userId: "u" }));
    for (const session of sessions) await store.create(session);
    const [session = record()] = sessions;
    // Without an entry in an index there is nothing to take away before the tombstone is written.
    const lean = redisStore({ client: made.client, prefix: newPrefix(), index: "users" });
    const plain = record({ data: "x".repeat(100_000) });
    await lean.create(plain);
    await made.everywhere("CONFIG", "SET", "maxmemory", "1mb");
    assert.equal(await outcomeOf(() => store.create(record())), "ERR_SESSION_STORE no");
    assert.equal(await outcomeOf(() => store.save(next(session), session.version)), "ERR_SESSION_STORE no");
    assert.equal(await made.timed(() => made.world.open({ cookie }).session.update(plus)), "ERR_SESSION_STORE no");
    assert.deepEqual(await store.load(session.handle), { status: "live", record: session, userEpoch: 0 });
    assert.equal(await outcomeOf(() => store.retire(session.handle, tombstone())), "retired");
    assert.equal(await outcomeOf(() => store.load(session.handle)), "retired");
    assert.equal(await outcomeOf(() => lean.retire(plain.handle, tombstone())), "retired");
    await made.everywhere("CONFIG", "SET", "maxmemory", "0");
    assert.equal(await outcomeOf(() => store.create(record())), "created");
    assert.equal(await made.timed(() => made.world.open({ cookie }).session.update(plus)), "done");
  });

  test("slow replies: within the limit nothing fails, beyond it requests end in time", async (t) => {
    const made = await open(t);
    const cookie = await visitor(made);
    made.fault({ kind: "delay", milliseconds: 20 });
    assert.equal(await made.timed(() => made.world.open({ cookie }).session.update(plus)), "done");
    made.fault({ kind: "delay", milliseconds: 900 });
    made.longest = 0;
    assert.equal(await made.timed(() => countOf(made, cookie)), "ERR_SESSION_STORE no");
    assert.ok(made.longest < LONGEST_MS, `${made.longest} ms`);
    made.fault({ kind: "pass" });
    await pause(1000);
    await recovered(made, cookie);
    assert.equal(await countOf(made, cookie), 2);
  });
}
