import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { isSessionError } from "../../../src/core/errors.ts";
import type { SessionHandle } from "../../../src/core/id.ts";
import type { LoadOutcome } from "../../../src/core/store.ts";
import type { SqlStore } from "../../../src/stores/sql/store.ts";
import { pause, until } from "../../servers/process.ts";
import { startProxy } from "../../servers/proxy.ts";
import { world } from "../../core/support.ts";
import { HOUR, next, NOW, record, tombstone } from "../sqlite/support.ts";
import type { Lab } from "./lab.ts";
import { newTable } from "./targets.ts";

type Outcome = { readonly status: string };

/** Each write that carries a token: how it is sent, by which text its request is known, and what sending it again must give. */
const WRITES: Readonly<
  Record<
    string,
    (store: SqlStore) => Promise<{ mark: string; send(): Promise<Outcome>; again: string; check?(): Promise<void> }>
  >
> = {
  async create(store) {
    const session = record();
    const check = async (): Promise<void> =>
      assert.deepEqual(await store.load(session.handle), { status: "live", record: session });
    return { mark: session.version, send: () => store.create(session), again: "exists", check };
  },
  async save(store) {
    const before = record();
    await store.create(before);
    const after = next(before, { data: "after" });
    const check = async (): Promise<void> => {
      assert.deepEqual(await store.save(after, before.version), { status: "conflict", record: after }, "it meets itself");
    };
    return { mark: after.version, send: () => store.save(after, before.version), again: "conflict", check };
  },
  async touch(store) {
    const session = record();
    await store.create(session);
    const later = session.expiresAt + HOUR;
    const check = async (): Promise<void> =>
      assert.deepEqual(await store.load(session.handle), { status: "live", record: { ...session, expiresAt: later } });
    return {
      mark: session.version,
      send: () => store.touch(session.handle, session.version, later),
      again: "touched",
      check,
    };
  },
  async retire(store) {
    const session = record();
    await store.create(session);
    const stone = tombstone();
    const check = async (): Promise<void> =>
      assert.deepEqual(
        await store.retire(session.handle, stone),
        { status: "retired", tombstone: stone },
        "it meets itself",
      );
    return { mark: stone.token, send: () => store.retire(session.handle, stone, session.version), again: "retired", check };
  },
  async rotate(store) {
    const session = record();
    await store.create(session);
    const heir = record();
    const stone = tombstone({ reason: "rotated", successor: heir.handle });
    const check = async (): Promise<void> => {
      assert.deepEqual(await store.load(heir.handle), { status: "live", record: heir });
      assert.deepEqual(await store.load(session.handle), { status: "retired", tombstone: stone });
    };
    return {
      mark: heir.version,
      send: () => store.rotate(session.handle, session.version, heir, stone),
      again: "retired",
      check,
    };
  },
};

/** What a write gives when it is the first to be stored. */
const FIRST: Readonly<Record<string, string>> = {
  create: "created",
  save: "saved",
  touch: "touched",
  retire: "retired",
  rotate: "rotated",
};

/** The drivers of which a statement can be ended. */
const CANCELS: ReadonlySet<string> = new Set(["pg", "mysql2/promise", "mysql2"]);

/** Opens a store of one driver, warm, and ends it with the test. */
export async function openStore(
  t: TestContext,
  lab: Lab,
  driver: string,
  port?: number,
  user?: string,
  table = newTable(),
): Promise<SqlStore> {
  const { store, end } = lab.drivers[driver]?.(lab.url(port, user), table) ?? assert.fail();
  // A connection may be gone by then, without the client having seen it.
  t.after(() => end().catch(() => undefined));
  await store.load("0".repeat(48) as SessionHandle);
  return store;
}

/** What holds when the network or the server fails. */
export function faultTests(lab: () => Lab, drivers: readonly string[]): void {
  for (const driver of drivers) {
    for (const [verb, prepare] of Object.entries(WRITES)) {
      test(`${driver}: the reply to ${verb} is dropped: the error does not say that nothing was stored, and sent again it is stored once`, async (t) => {
        await using proxy = await startProxy(lab().port);
        const store = await openStore(t, lab(), driver, proxy.port);
        const { mark, send, again, check } = await prepare(store);
        proxy.set({ kind: "drop-reply", matches: (request) => request.includes(mark) });
        await assert.rejects(send(), (error) => !(isSessionError(error) && error.applied === "no"));
        assert.equal(proxy.hits, 1);
        const { status } = await send();
        // `mariadb` prepares and executes in one burst: what was dropped may be the reply to the first alone.
        assert.ok(status === again || (driver === "mariadb" && status === FIRST[verb]), status);
        await check?.();
      });
    }

    test(`${driver}: with sessions on top, each reply to a write is dropped once, and 10 increments count 10`, async (t) => {
      await using proxy = await startProxy(lab().port);
      const { request } = world({ store: await openStore(t, lab(), driver, proxy.port) });
      let cookie: string | undefined;
      for (let round = 1; round <= 10; round++) {
        // Where values are written into the text, their quotes come with a backslash.
        proxy.set({ kind: "drop-reply", matches: (chunk) => /\\?"count\\?"/.test(chunk.toString("latin1")) });
        const reply = await request({
          cookie,
          handle: (session) => session.update((visit) => (visit.count = (visit.count ?? 0) + 1)),
        });
        cookie = reply.cookie;
      }
      assert.equal(proxy.hits, 10);
      await request({ cookie, handle: async (session) => assert.equal((await session.load()).count, 10) });
    });

    test(`${driver}: connections that are ended or reset are replaced, and the process lives on`, async (t) => {
      await using proxy = await startProxy(lab().port);
      const store = await openStore(t, lab(), driver, proxy.port);
      const session = record();
      await store.create(session);
      await lab().disconnectAll();
      await until("the store reads again", async () => (await store.load(session.handle)).status === "live", 5);
      proxy.set({ kind: "reset" });
      await assert.rejects(Promise.resolve(store.load(session.handle)));
      proxy.set({ kind: "pass" });
      await until("the store reads again", async () => (await store.load(session.handle)).status === "live", 5);
      proxy.set({ kind: "cut", bytes: 7 });
      // A pool that tries its connections before use meets the fault by itself.
      const found = await store.load(session.handle).then(
        ({ status }) => status,
        () => "rejected",
      );
      assert.ok(["rejected", "live"].includes(found), found);
      proxy.set({ kind: "pass" });
      await until("the store reads again", async () => (await store.load(session.handle)).status === "live", 5);
    });

    test(`${driver}: the server is stopped for four seconds: requests end in time, and work again by themselves`, async (t) => {
      const store = await openStore(t, lab(), driver);
      const { request } = world({ store, storeTimeoutSeconds: 0.5, breakerFailures: 0 });
      const { request: patiently } = world({ store, storeTimeoutSeconds: 10, breakerFailures: 0 });
      const handle = (session: Parameters<NonNullable<Parameters<typeof request>[0]>["handle"] & object>[0]) =>
        session.update((visit) => (visit.count = (visit.count ?? 0) + 1));
      const { cookie } = await patiently({ handle });
      lab().pause();
      const started = performance.now();
      try {
        const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => request({ cookie, handle })));
        for (const outcome of outcomes) assert.ok(outcome.status === "rejected" && isSessionError(outcome.reason));
        assert.ok(performance.now() - started < 3900, `they took ${performance.now() - started} ms`);
        await pause(Math.max(0, 4000 - (performance.now() - started)));
      } finally {
        lab().resume();
      }
      await until(
        "requests work again",
        async () =>
          request({ cookie, handle }).then(
            () => true,
            () => false,
          ),
        10,
      );
      await request({ cookie, handle: async (session) => assert.ok(((await session.load()).count ?? 0) >= 2) });
    });

    test(`${driver}: calls behind a lock are ended on the server after the time limit, and the pool is whole again`, async (t) => {
      const table = newTable();
      const store = await openStore(t, lab(), driver, undefined, undefined, table);
      if (!CANCELS.has(driver)) {
        assert.equal(store.cancels, false);
        return;
      }
      assert.equal(store.cancels, true);
      const { request } = world({ store, storeTimeoutSeconds: 0.5, breakerFailures: 0 });
      // Of the same store, for what nothing is in the way of but a busy machine.
      const { request: patiently } = world({ store, storeTimeoutSeconds: 10, breakerFailures: 0 });
      type Handle = (session: Parameters<NonNullable<Parameters<typeof request>[0]>["handle"] & object>[0]) => unknown;
      const plus: Handle = (session) => session.update((visit) => (visit.count = (visit.count ?? 0) + 1));
      // More than the pool has connections.
      const cookies = await Promise.all(Array.from({ length: 15 }, async () => (await patiently({ handle: plus })).cookie));
      const all = (ask: typeof request, handle: Handle) =>
        Promise.allSettled(cookies.map((cookie) => ask({ cookie, handle })));
      const free = await lab().hold(table);
      try {
        for (let round = 0; round < 2; round++) {
          const outcomes = await all(request, plus);
          assert.ok(outcomes.every((each) => each.status === "rejected" && isSessionError(each.reason)));
        }
        await until("no statement is under way", async () => (await lab().underWay(table)) === 0, 10);
        const reads = await all(patiently, async (session) => assert.equal((await session.load()).count, 1));
        assert.deepEqual([...new Set(reads.map((each) => each.status))], ["fulfilled"], "reads, while the rows are locked");
      } finally {
        await free();
      }
      const writes = await all(patiently, plus);
      assert.deepEqual([...new Set(writes.map((each) => each.status))], ["fulfilled"], "writes, when they are not");
      for (const cookie of cookies) {
        await patiently({ cookie, handle: async (session) => assert.equal((await session.load()).count, 2) });
      }
    });

    test(`${driver}: kill -9 under load and a restart: nothing that was acknowledged is lost, and every call ends`, async (t) => {
      const { process: server } = lab();
      const store = await openStore(t, lab(), driver);
      let running = true;
      const workers = Array.from({ length: 8 }, async () => {
        let current = record({ data: "0" });
        await store.create(current);
        let unsure = 0;
        while (running) {
          const following = next(current, { data: String(Number(current.data) + 1) });
          try {
            const outcome = await store.save(following, current.version);
            if (outcome.status === "saved") current = following;
            else if (outcome.status === "conflict") current = outcome.record;
          } catch (error) {
            if (!(isSessionError(error) && error.applied === "no")) unsure += 1;
            await pause(20);
          }
        }
        return { current, unsure };
      });
      await pause(300);
      const over = record();
      await store.create(over);
      await store.retire(over.handle, tombstone());
      await server.kill();
      const error = await store.save(record(), "x").then(
        () => undefined,
        (reason: unknown) => reason,
      );
      assert.ok(error !== undefined, "a dead server is an error");
      await server.restart();
      await until("the store works again", async () => (await store.create(record())).status === "created", 10);
      await pause(300);
      running = false;
      const load = async (handle: SessionHandle): Promise<LoadOutcome> => {
        let found: LoadOutcome | undefined;
        // A pool may still hold a connection of before.
        await until("the session is read", async () => (found = await store.load(handle)) !== undefined, 10);
        return found ?? assert.fail();
      };
      assert.equal((await load(over.handle)).status, "retired", "an ended session came back");
      for (const { current } of await Promise.all(workers)) {
        const found = await load(current.handle);
        assert.ok(found.status === "live");
        const [stored, acknowledged] = [Number(found.record.data), Number(current.data)];
        assert.ok(stored >= acknowledged && stored <= acknowledged + 1, `${stored} stored, ${acknowledged} acknowledged`);
      }
    });

    test(`${driver}: nobody listens: surely nothing was stored`, async (t) => {
      const proxy = await startProxy(lab().port);
      const store = await openStore(t, lab(), driver, proxy.port);
      await proxy.stop();
      await pause(50);
      // The first may go out on a connection whose end was not noticed yet.
      await store.create(record()).catch(() => undefined);
      await assert.rejects(
        store.create(record()),
        (error) => isSessionError(error, "ERR_SESSION_STORE") && error.applied === "no",
      );
    });

    test(`${driver}: a read-only database: reads work, and surely nothing is written`, async (t) => {
      const table = newTable();
      const writer = await openStore(t, lab(), driver, undefined, undefined, table);
      const session = record({ userId: "u" });
      await writer.create(session);
      const store = await openStore(t, lab(), driver, undefined, "reader", table);
      const { handle, version } = session;
      for (const write of [
        () => store.create(record()),
        () => store.save(next(session), version),
        () => store.touch(handle, version, session.expiresAt + 1),
        () => store.retire(handle, tombstone()),
        () => store.rotate(handle, version, record(), tombstone()),
        () => store.users.advanceEpoch("u", 1),
        () => store.clearExpired({ before: NOW + 2 * HOUR, limit: 10 }),
      ]) {
        await assert.rejects(
          Promise.resolve(write()),
          (error) => isSessionError(error, "ERR_SESSION_STORE") && error.applied === "no",
        );
      }
      assert.deepEqual(await store.load(handle), { status: "live", record: session, userEpoch: 0 });
    });
  }
}
