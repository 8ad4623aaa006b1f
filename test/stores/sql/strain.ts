import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { systemClock } from "../../../src/core/clock.ts";
import { isSessionError } from "../../../src/core/errors.ts";
import { world } from "../../core/support.ts";
import { until } from "../../servers/process.ts";
import { startProxy } from "../../servers/proxy.ts";
import { outcomeOf } from "../redis/support.ts";
import { HOUR, next, NOW, record, tombstone } from "../sqlite/support.ts";
import { openStore } from "./faults.ts";
import type { Lab } from "./lab.ts";
import { newTable } from "./targets.ts";

const TIMEOUT_SECONDS = 0.5;
const LONGEST_MS = 3 * TIMEOUT_SECONDS * 1000 + 400;

const plus = (data: { count?: number }): number => (data.count = (data.count ?? 0) + 1);

/** How a whole server becomes read-only, and the user for whom that holds. */
export interface ReadOnly {
  readonly user: string;
  set(on: boolean): Promise<void>;
}

/** What holds when replies are cut or late, and while the server takes no writes. */
export function strainTests(lab: () => Lab, drivers: readonly string[], readOnly: () => ReadOnly): void {
  for (const driver of drivers) {
    test(`${driver}: a connection cut in the middle of a reply gives the whole reply or an error, and never half`, async (t) => {
      await using proxy = await startProxy(lab().port);
      const store = await openStore(t, lab(), driver, proxy.port);
      const session = record({ data: "🦊".repeat(50_000), userId: "u" });
      await store.create(session);
      const cut = async (mark: string, bytes: number, call: () => Promise<unknown>): Promise<string> => {
        const before = proxy.hits;
        proxy.set({ kind: "cut", matches: (request) => request.includes(mark), bytes });
        const outcome = await outcomeOf(call);
        assert.equal(proxy.hits, before + 1, "a reply was cut");
        proxy.set({ kind: "pass" });
        await until("the store reads again", async () => (await store.load(session.handle)).status === "live", 10);
        return outcome;
      };
      for (const bytes of [1, 7, 100, 1000, 100_001]) {
        let loaded: unknown;
        const outcome = await cut(session.handle, bytes, async () => (loaded = await store.load(session.handle)));
        assert.match(outcome, /^(live|driver error|ERR_SESSION_STORE no)$/);
        if (loaded !== undefined) assert.deepEqual(loaded, { status: "live", record: session, userEpoch: 0 });
      }
      let current = session;
      for (const bytes of [1, 7, 20]) {
        const following = next(current, { data: String(bytes) });
        const outcome = await cut(following.version, bytes, () => store.save(following, current.version));
        const found = await store.load(session.handle);
        assert.ok(found.status === "live");
        const isStored = found.record.version === following.version;
        assert.deepEqual(found.record, isStored ? following : current);
        if (isStored) assert.notEqual(outcome, "ERR_SESSION_STORE no");
        else assert.notEqual(outcome, "saved");
        current = found.record;
      }
    });

    test(`${driver}: slow replies: within the limit nothing fails, beyond it requests end in time, and nobody gets another's`, async (t) => {
      await using proxy = await startProxy(lab().port);
      const store = await openStore(t, lab(), driver, proxy.port);
      const settings = { clock: systemClock, storeTimeoutSeconds: TIMEOUT_SECONDS, breakerFailures: 1_000_000 };
      const { open, request } = world({ store, ...settings });
      const { cookie } = await request({ handle: (session) => session.update(plus) });
      const update = (): Promise<string> => outcomeOf(() => open({ cookie }).session.update(plus));
      assert.equal(await update(), "done");
      proxy.set({ kind: "delay", milliseconds: 20 });
      assert.equal(await update(), "done");
      proxy.set({ kind: "delay", milliseconds: 900 });
      const started = performance.now();
      assert.equal(await update(), "ERR_SESSION_STORE no");
      assert.ok(performance.now() - started < LONGEST_MS, `${performance.now() - started} ms`);
      proxy.set({ kind: "pass" });
      await until("requests work again", async () => (await update()) === "done", 10);
      assert.equal((await open({ cookie }).session.load()).count, 4);
      const sessions = Array.from({ length: 30 }, (_, index) => record({ data: String(index) }));
      await Promise.all(sessions.map((session) => store.create(session)));
      const found = await Promise.all(sessions.map(({ handle }) => store.load(handle)));
      assert.deepEqual(
        found.map((each) => each.status === "live" && each.record.data),
        sessions.map(({ data }) => data),
      );
    });

    test(`${driver}: a server that becomes read-only refuses every write as not applied, and is read; afterwards all is as before`, async (t) => {
      const { user, set } = readOnly();
      const table = newTable();
      // The tables are the administrator's work.
      await openStore(t, lab(), driver, undefined, undefined, table);
      const store = await openStore(t, lab(), driver, undefined, user, table);
      const { sessions, open, request } = world({ store, clock: systemClock, breakerFailures: 1_000_000 });
      const { cookie } = await request({ handle: (session) => session.update(plus) });
      const session = record({ userId: "u" });
      const { handle, version } = session;
      assert.equal(await outcomeOf(() => store.create(session)), "created");
      t.after(() => set(false));
      await set(true);
      await until("it refuses writes", async () => (await outcomeOf(() => store.create(record()))) !== "created", 5);
      for (const write of [
        () => store.create(record()),
        () => store.save(next(session), version),
        () => store.touch(handle, version, session.expiresAt + 1),
        () => store.retire(handle, tombstone()),
        () => store.rotate(handle, version, record(), tombstone()),
        () => store.users.advanceEpoch("u", 1),
        () => store.clearExpired({ before: NOW + 2 * HOUR, limit: 10 }),
        () => open({ cookie }).session.update(plus),
        () => open({ cookie }).session.logout(),
        () => sessions.revokeUser("u"),
      ]) {
        assert.equal(await outcomeOf(write), "ERR_SESSION_STORE no", String(write));
      }
      assert.deepEqual(await store.load(handle), { status: "live", record: session, userEpoch: 0 });
      assert.equal((await open({ cookie }).session.load()).count, 1);
      await set(false);
      const again = () => outcomeOf(() => open({ cookie }).session.update(plus));
      await until("requests work again", async () => (await again()) === "done", 10);
      assert.equal((await open({ cookie }).session.load()).count, 2);
    });
  }
}

/** A disk on which files stop growing. */
export interface Disk {
  fill(): Promise<void>;
  /** Where that is possible while the server runs. */
  free?(): Promise<void>;
}

/** What holds when no more can be stored. */
export function fullDiskTests(lab: () => Lab, drivers: readonly string[], disk: Disk): void {
  for (const driver of drivers) {
    test(`${driver}: with a full disk writes are errors and change nothing, what is stored is read, and requests end`, async (t) => {
      const table = newTable();
      const store = await openStore(t, lab(), driver, undefined, undefined, table);
      t.after(() =>
        lab()
          .admin(`DROP TABLE ${table}`)
          .catch(() => undefined),
      );
      const { open, request } = world({ store, clock: systemClock, breakerFailures: 1_000_000 });
      const { cookie } = await request({ handle: (session) => session.update(plus) });
      const large = (): string => randomBytes(600_000).toString("base64");
      const stored = [record({ userId: "u" })];
      for (const session of stored) await store.create(session);
      t.after(() => disk.free?.());
      await disk.fill();
      let refused = record({ data: large() });
      for (let outcome = ""; outcome !== "refused"; refused = record({ data: large() })) {
        assert.ok(stored.length < 100, "the disk does not fill");
        const session = refused;
        const error: unknown = await Promise.resolve(store.create(session)).then(
          () => undefined,
          (reason: unknown) => reason,
        );
        if (error === undefined) {
          stored.push(session);
          continue;
        }
        if (isSessionError(error)) assert.equal(error.applied, "no");
        outcome = "refused";
        assert.equal((await store.load(session.handle)).status, "missing");
      }
      const [first = assert.fail()] = stored;
      assert.notEqual(await outcomeOf(() => store.save(next(first, { data: large() }), first.version)), "saved");
      const outcome = await outcomeOf(() => open({ cookie }).session.update((visit) => (visit["name"] = large())));
      assert.match(outcome, /^(ERR_SESSION_STORE no|ERR_SESSION_OUTCOME_UNKNOWN)$/);
      for (const session of stored) {
        const found = await store.load(session.handle);
        assert.deepEqual(found.status === "live" && found.record, session);
      }
      assert.equal((await open({ cookie }).session.load()).count, 1);
      if (disk.free === undefined) return;
      await disk.free();
      assert.equal(await outcomeOf(() => store.create(record({ data: large() }))), "created");
      assert.equal(await outcomeOf(() => open({ cookie }).session.update(plus)), "done");
    });
  }
}
