import assert from "node:assert/strict";
import { afterEach, describe, test, type TestContext } from "node:test";
import { expressSessionStore } from "../../src/stores/express-session.ts";
import type { KeyedStore } from "../../src/stores/keyed/store.ts";
import type { World } from "../core/support.ts";
import { needs } from "../servers/needs.ts";
import { until } from "../servers/process.ts";
import { startProxy, type FaultProxy } from "../servers/proxy.ts";
import { startPostgres } from "../servers/postgres.ts";
import { startRedis, type RedisServer } from "../servers/redis.ts";
import {
  application,
  countOf,
  outlivesDeath,
  outlivesSilence,
  plus,
  recovered,
  timed,
  visitor,
} from "./bridges/application.ts";
import { connectPg, connectRedis } from "./bridges/targets.ts";
import { next, outcomeOf, record, tombstone } from "./redis/support.ts";

const unhandled: unknown[] = [];
process.on("unhandledRejection", (reason) => unhandled.push(reason));
afterEach(() => assert.deepEqual(unhandled, []));

const isSet = (request: Buffer): boolean => /^\*\d+\r\n\$3\r\nSET\r\n/i.test(request.toString("latin1"));

interface Rig {
  readonly server: RedisServer;
  readonly proxy: FaultProxy;
  readonly store: KeyedStore;
  readonly world: World;
}

/** connect-redis on a Redis behind a proxy, and an application over it. */
async function rig(t: TestContext): Promise<Rig> {
  const server = await startRedis({ args: ["--appendonly", "yes", "--appendfsync", "always"] });
  t.after(() => server.stop());
  const proxy = await startProxy(server.port);
  t.after(() => proxy.stop());
  const { over, end } = await connectRedis(proxy.port, { disableOfflineQueue: true });
  t.after(end);
  const store = expressSessionStore({ store: over, answerSeconds: 2 });
  return { server, proxy, store, world: application(store) };
}

describe("connect-redis behind a network that fails", { skip: needs("redis") }, () => {
  test("a reply that is lost: a write is stored or not, and its writer finds out which", async (t) => {
    const { store, proxy } = await rig(t);
    const again = async (call: () => unknown): Promise<string> => {
      let outcome = "driver error";
      await until("the call is answered", async () => {
        outcome = await outcomeOf(call);
        return outcome !== "driver error" && !outcome.startsWith("ERR_SESSION_STORE");
      });
      return outcome;
    };
    const drop = async (call: () => unknown): Promise<string> => {
      const before = proxy.hits;
      proxy.set({ kind: "drop-reply", matches: isSet });
      // What the client says; and no more than that is known.
      assert.equal(await outcomeOf(call), "driver error");
      assert.equal(proxy.hits, before + 1);
      return again(call);
    };
    const first = record();
    assert.equal(await drop(() => store.create(first)), "exists");
    assert.deepEqual(await store.load(first.handle), { status: "live", record: first });
    const second = next(first, { data: "second" });
    assert.equal(await drop(() => store.save(second, first.version)), "conflict");
    assert.deepEqual(await store.load(first.handle), { status: "live", record: second });
    assert.equal(await drop(() => store.touch(second.handle, second.version, second.expiresAt + 1)), "touched");
    const stone = tombstone();
    assert.equal(await drop(() => store.retire(second.handle, stone)), "retired");
    assert.deepEqual(await store.retire(second.handle, stone), { status: "retired", tombstone: stone });
  });

  test("requests whose replies are lost, each once, count exactly", async (t) => {
    const { proxy, world: made } = await rig(t);
    const cookie = await visitor(made);
    let counted = 1;
    for (let round = 0; round < 10; round++) {
      proxy.set({ kind: "drop-reply", matches: isSet });
      const outcome = await timed(() => made.open({ cookie }).session.update(plus));
      if (outcome === "done") counted++;
      else assert.match(outcome, /ERR_SESSION_STORE no|ERR_SESSION_OUTCOME_UNKNOWN/);
      await recovered(made, cookie);
      const now = (await countOf(made, cookie)) ?? 0;
      if (outcome === "ERR_SESSION_OUTCOME_UNKNOWN") assert.ok(now === counted || now === counted + 1);
      else assert.equal(now, counted);
      counted = now;
    }
  });

  test("a network that swallows everything ends each request in time, and afterwards all is as before", async (t) => {
    const { proxy, world: made } = await rig(t);
    await outlivesSilence(made, proxy);
  });

  test("a Redis that is killed and started again: nobody is logged out, what ended stays ended, and counting goes on", async (t) => {
    const { server, store } = await rig(t);
    await outlivesDeath(store, server.process);
  });
});

describe("connect-pg-simple", { skip: needs("postgres") }, () => {
  test("a PostgreSQL that is killed and started again: nobody is logged out, and counting goes on", async (t) => {
    const server = await startPostgres({ durable: true });
    t.after(() => server.stop());
    const { over, end } = connectPg(server.url);
    t.after(end);
    await outlivesDeath(expressSessionStore({ store: over }), server.process);
  });
});
