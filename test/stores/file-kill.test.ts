import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import type { SessionStore } from "../../src/core/store.ts";
import { openFileStore } from "../../src/stores/file/store.ts";
import { arrange, type Call, callsOf, here, isAmong, judged, later, look, settings, stepsOf } from "./file/calls.ts";
import { start } from "./file/processes.ts";
import { age, filesIn, quickFolder, record, tombstone, usersOf } from "./file/support.ts";

/**
 * A process is killed before each change that a call makes on the disk. Another process then finds the old state or the new,
 * can go on writing, and the sweep clears everything away.
 */

const CALLS: Readonly<Record<string, readonly string[]>> = {
  "a visitor's session": ["save", "touch", "rotate", "clear expired"],
  "a user's session": ["save for another user", "retire", "rotate for another user", "clear expired", "advance the epoch"],
  nothing: ["create", "create for a user"],
  "a tombstone": ["retire one version", "clear expired"],
};
const AT_ONCE = 2;

/** Asserts that whatever stands there can be written onto, and ended. */
async function stillWorks(store: SessionStore): Promise<void> {
  const found = await store.load(here);
  const epoch = await usersOf(store).epoch("u");
  const fresh = record({ handle: here, version: "after", expiresAt: later });
  if (found.status === "missing") assert.equal((await store.create(fresh)).status, "created");
  if (found.status === "live") {
    const next = { ...found.record, version: "after", epoch };
    assert.equal((await store.save(next, found.record.version)).status, "saved");
  }
  assert.equal((await store.retire(here, tombstone({ until: later + 1 }))).status, "retired");
}

/** Asserts that when its time has come, nothing of a session is left on the disk, and nothing of the process that was killed. */
async function goesAway(root: string, store: SessionStore): Promise<void> {
  age(root);
  for (const userId of ["u", "w"]) await usersOf(store).sessionsOf(userId);
  for (let pass = 0; pass < 2; pass++) {
    await store.clearExpired?.({ before: Number.MAX_SAFE_INTEGER, limit: 100 });
    age(root);
  }
  assert.deepEqual(
    filesIn(root).filter((path) => !path.startsWith("epochs")),
    [],
  );
}

for (const setting of settings) {
  test(`on ${setting.name}, a process that is killed at any step leaves the old or the new`, async (context) => {
    const folder = quickFolder(context);
    const kills: { readonly call: Call; readonly at: number }[] = [];
    for (const call of callsOf("first").filter(({ name }) => CALLS[setting.name]?.includes(name))) {
      const steps = await stepsOf(mkdtempSync(join(folder, "steps-")), setting, call);
      for (let at = 0; at < steps; at++) kills.push({ call, at });
    }
    const work = async (): Promise<void> => {
      for (let kill = kills.pop(); kill !== undefined; kill = kills.pop()) {
        const { call, at } = kill;
        const root = mkdtempSync(join(folder, "killed-"));
        const store = openFileStore(root, { sync: "none", takeAfterMs: 20 });
        await arrange(store, setting);
        const worker = start({ root, task: "call", name: call.name, at });
        assert.equal(await worker.over, "SIGKILL");
        const what = `${call.name}, killed at step ${at}, a ${String(worker.said[0]?.["name"])}`;
        const admissible = [await judged(setting, []), await judged(setting, [call])];
        isAmong(
          await look(store),
          admissible.map(({ left }) => left),
          what,
        );
        await context.test(what, async () => {
          await stillWorks(store);
          await goesAway(root, store);
        });
      }
    };
    context.diagnostic(`${kills.length} kills`);
    assert.ok(kills.length >= 10);
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  });
}
