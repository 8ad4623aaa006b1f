import assert from "node:assert/strict";
import { test } from "node:test";
import type { CallOptions, LoadOptions, SessionStore } from "../../src/core/store.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { world } from "./support.ts";

/** A memory store that notes what came with each call. */
function noting(fields: Partial<SessionStore>) {
  const inner = memoryStore();
  const loads: (LoadOptions | undefined)[] = [];
  const saves: (CallOptions | undefined)[] = [];
  const store: SessionStore = {
    name: inner.name,
    reach: inner.reach,
    durable: inner.durable,
    load: async (handle, options) => (loads.push(options), inner.load(handle)),
    create: async (record) => inner.create(record),
    save: async (record, version, options) => (saves.push(options), inner.save(record, version)),
    touch: async (...call) => inner.touch(...call),
    retire: async (...call) => inner.retire(...call),
    ...fields,
  };
  return { store, loads, saves, inner };
}

test("a load that has to be fresh says so to the store, and others do not", async () => {
  const { store, loads } = noting({});
  const { request, open, sessions } = world({ store });
  const { cookie } = await request({ handle: async (s) => void ((await s.load()).count = 1) });
  const { session } = open({ cookie });
  await session.load();
  assert.deepEqual(loads.splice(0), [undefined]);
  await session.load({ fresh: true });
  assert.deepEqual(loads.splice(0), [{ fresh: true }]);
  await sessions.find(session.id ?? "");
  assert.deepEqual(loads.splice(0), [{ fresh: true }]);
  await session.exclusive((visit) => (visit.count = 2));
  assert.ok(loads.length >= 2);
  for (const options of loads) assert.deepEqual(options, { fresh: true });
});

test("a store that cancels gets a signal, which is aborted when the time for the call is over", async () => {
  let given: AbortSignal | undefined;
  const never = new Promise<never>(() => undefined);
  const { store, saves, inner } = noting({ cancels: true });
  const { open, request } = world({ store, storeTimeoutSeconds: 0.05, breakerFailures: 0 });
  const { cookie } = await request({ handle: async (s) => void ((await s.load()).count = 1) });
  await open({ cookie }).session.update((visit) => (visit.count = 2));
  assert.equal(saves[0]?.signal?.aborted, false, "a call that was answered is not cancelled");
  store.load = (_handle, options) => ((given = options?.signal), never);
  await assert.rejects(open({ cookie }).session.load(), { code: "ERR_SESSION_STORE" });
  assert.equal(given?.aborted, true);
  store.load = (handle) => inner.load(handle);
  store.save = (_record, _version, options) => ((given = options?.signal), never);
  await assert.rejects(
    open({ cookie }).session.update((visit) => (visit.count = 3)),
    { code: "ERR_SESSION_OUTCOME_UNKNOWN" },
  );
  assert.equal(given?.aborted, true);
});

test("a lock is refused where two processes could hold it at once", async () => {
  const { store } = noting({ compareAndSwap: false, reach: "network" });
  const { request, open } = world({ store });
  const { cookie } = await request({ handle: async (s) => void ((await s.load()).count = 1) });
  await assert.rejects(
    open({ cookie }).session.exclusive(() => undefined),
    { code: "ERR_SESSION_UNSUPPORTED" },
  );
  const alone = noting({ compareAndSwap: false });
  const here = world({ store: alone.store });
  const visitor = await here.request({ handle: async (s) => void ((await s.load()).count = 1) });
  assert.equal(await here.open(visitor).session.exclusive((visit) => visit.count), 1);
});
