import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import test, { type TestContext } from "node:test";
import type { SessionStore } from "../../src/core/store.ts";
import { fileStore } from "../../src/stores/file.ts";
import { clear } from "../../src/testing/rules/support.ts";
import { arrange, callsOf, here, type Setting, settings, stepsOf } from "./file/calls.ts";
import { start, type Worker } from "./file/processes.ts";
import {
  age,
  filesIn,
  handleFrom,
  MINUTE,
  NOW,
  quickFolder,
  record,
  temporaryFolder,
  tombstone,
  usersOf,
} from "./file/support.ts";

const YEAR = 365 * 24 * 60 * MINUTE;

function savesOf({ said }: Worker): number {
  return said.filter((line) => "saved" in line).length;
}

async function counterOf(store: SessionStore): Promise<number> {
  const found = await store.load(here);
  assert.ok(found.status === "live");
  return Number(found.record.data);
}

test("4 processes that add 200 each count 800, with a sweep going on and clocks that disagree by years", async (context) => {
  const root = temporaryFolder(context);
  const store = fileStore({ dir: root, sync: "none" });
  await store.create(record({ handle: here, data: "0" }));
  const workers = [0, YEAR, -YEAR, -NOW].map((clockOffMs) =>
    start({ root, task: "count", handle: here, times: 200, clockOffMs }),
  );
  // To this one every lock and every prepared file is a year old, and is cleared away at once.
  const sweeper = start({ root, task: "sweep", times: 100_000, clockOffMs: YEAR });
  assert.deepEqual(await Promise.all(workers.map(({ over }) => over)), [0, 0, 0, 0]);
  assert.equal(sweeper.process.exitCode, null, "the sweep went on to the end");
  sweeper.process.kill("SIGKILL");
  await sweeper.over;
  assert.equal(await counterOf(store), 800);
});

test("processes that are killed at any moment lose nothing that they had been told, and hold nobody up", async (context) => {
  const root = temporaryFolder(context);
  const store = fileStore({ dir: root, sync: "none" });
  await store.create(record({ handle: here, data: "0" }));
  let least = 0;
  let killed = 0;
  for (let round = 0; round < 4; round++) {
    const workers = [1, 2, 3].map(() => start({ root, task: "count", handle: here, times: 100_000 }));
    await Promise.all(workers.map((worker) => worker.heard("saved")));
    for (const worker of workers) {
      await delay(Math.random() * 20);
      worker.process.kill("SIGKILL");
      assert.equal(await worker.over, "SIGKILL");
      killed += 1;
    }
    least += workers.reduce((sum, worker) => sum + savesOf(worker), 0);
  }
  const count = await counterOf(store);
  // Of each process, one write may have been stored that it could not tell any more.
  assert.ok(count >= least && count <= least + killed, `counted ${count}, told of ${least}, killed ${killed}`);
  const next = start({ root, task: "count", handle: here, times: 10 });
  assert.equal(await next.over, 0);
  assert.equal(await counterOf(store), count + 10);
});

test("after a logout in one process, no write of another is told that it was stored", async (context) => {
  const root = temporaryFolder(context);
  const store = fileStore({ dir: root, sync: "none" });
  await store.create(record({ handle: here, data: "0", userId: "u" }));
  const workers = [1, 2, 3].map(() => start({ root, task: "count", handle: here, times: 100_000 }));
  await Promise.all(workers.map((worker) => worker.heard("saved")));
  const before = await counterOf(store);
  const mine = tombstone();
  assert.deepEqual(await store.retire(here, mine), { status: "retired", tombstone: mine });
  assert.deepEqual(await Promise.all(workers.map(({ over }) => over)), [0, 0, 0]);
  for (const worker of workers) assert.equal(await worker.heard("over"), "retired");
  assert.ok(workers.reduce((sum, worker) => sum + savesOf(worker), 0) >= before);
  assert.deepEqual(await store.load(here), { status: "retired", tombstone: mine });
  assert.deepEqual(await usersOf(store).sessionsOf("u"), []);
});

/** Resolves when the process is stopped; then it stays so until it is told to go on. */
async function stopped(worker: Worker): Promise<void> {
  await worker.heard("signal");
  const state = (): string => readFileSync(`/proc/${worker.process.pid}/stat`, "utf8").split(") ")[1]?.[0] ?? "";
  while (state() !== "T") await delay(1);
}

const linux = process.platform === "linux" ? false : "it looks into /proc for processes that are stopped";

/** A call on a visitor's session, and the number of its steps. */
async function stepsOfCall(
  context: TestContext,
  name: string,
): Promise<{ readonly steps: number; readonly setting: Setting }> {
  const setting = settings.find((each) => each.name === "a visitor's session");
  const call = callsOf("first").find((each) => each.name === name);
  assert.ok(setting !== undefined && call !== undefined);
  return { setting, steps: await stepsOf(quickFolder(context), setting, call) };
}

test(
  "a process that sleeps through its lock and its session's end writes nothing late",
  { skip: linux },
  async (context) => {
    for (const name of ["save", "touch", "rotate for another user"]) {
      const { steps, setting } = await stepsOfCall(context, name);
      for (let at = 0; at < steps; at++) {
        const root = quickFolder(context);
        const store = fileStore({ dir: root, sync: "none" });
        await arrange(store, setting);
        const worker = start({ root, task: "call", name, at, signal: "SIGSTOP" });
        await stopped(worker);
        const heir = await store.load(handleFrom("b"));
        assert.equal((await store.retire(here, tombstone())).status, "retired");
        // The tombstone goes as well, and so does everything that the sleeper had prepared.
        age(root);
        assert.ok((await clear(store, NOW + MINUTE)) >= 1);
        worker.process.kill("SIGCONT");
        assert.equal(await worker.over, 0, "a late writer is refused, and does not fail");
        const what = `${name}, asleep before step ${at}`;
        assert.deepEqual(await store.load(here), { status: "missing" }, what);
        // A rotation that had happened before it fell asleep stays.
        assert.deepEqual(await store.load(handleFrom("b")), heir, what);
        if (heir.status === "live") continue;
        assert.notDeepEqual(await worker.heard("answer"), { status: "rotated" }, what);
        const left = filesIn(root).filter((path) => path.startsWith("sessions"));
        assert.deepEqual(left, [], what);
      }
    }
  },
);

test("a late write of a process that slept through its lock is told of the conflict", { skip: linux }, async (context) => {
  const { steps, setting } = await stepsOfCall(context, "save");
  let conflicts = 0;
  for (let at = 0; at < steps; at++) {
    const root = quickFolder(context);
    const store = fileStore({ dir: root, sync: "none" });
    await arrange(store, setting);
    const worker = start({ root, task: "call", name: "save", at, signal: "SIGSTOP" });
    await stopped(worker);
    const found = await store.load(here);
    assert.ok(found.status === "live");
    const mine = { ...found.record, version: "mine", data: "mine" };
    assert.deepEqual(await store.save(mine, found.record.version), { status: "saved" });
    worker.process.kill("SIGCONT");
    assert.equal(await worker.over, 0);
    assert.deepEqual(await store.load(here), { status: "live", record: mine }, "the late write has changed nothing");
    const wasFirst = found.record.version !== "v1";
    const answer = wasFirst ? { status: "saved" } : { status: "conflict", record: mine };
    assert.deepEqual(await worker.heard("answer"), answer, `asleep before step ${at}`);
    if (!wasFirst) conflicts += 1;
  }
  assert.ok(conflicts >= 5 && conflicts < steps);
});
