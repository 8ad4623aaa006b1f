import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { openFileStore } from "../../src/stores/file/store.ts";
import { arrange, type Call, callsOf, isAmong, judged, look, type Setting, settings } from "./file/calls.ts";
import { ageEntries, quickFolder } from "./file/support.ts";

/**
 * One call is held before each of its changes on the disk in turn, another store on the same folder runs a second call to its end,
 * and the first goes on, or never does, as after a crash. What both answer and leave must be what one after the other would have
 * answered and left: the memory store, which does one thing at a time, is the judge.
 */

interface Held {
  /** Resolves when the call is held or done. */
  readonly stopped: Promise<unknown>;
  readonly outcome: Promise<unknown>;
  readonly isHeld: boolean;
  resume(): void;
}

function hold(root: string, call: Call, stepNumber: number): Held {
  const gate = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  let count = 0;
  let isHeld = false;
  const store = openFileStore(root, {
    sync: "none",
    takeAfterMs: 2,
    step() {
      if (count++ !== stepNumber) return;
      isHeld = true;
      reached.resolve();
      return gate.promise;
    },
  });
  const outcome = Promise.resolve(call.run(store));
  return {
    stopped: Promise.race([reached.promise, outcome]),
    outcome,
    get isHeld() {
      return isHeld;
    },
    resume: gate.resolve,
  };
}

/** Every schedule of two calls; gives how many there were. */
async function interleave(folder: string, setting: Setting, first: Call, second: Call): Promise<number> {
  const before = await judged(setting, [first, second]);
  const after = await judged(setting, [second, first]);
  const crashed = [await judged(setting, [second]), before].map(({ answers, left }) => ({
    answers: answers.slice(-1),
    left,
  }));
  for (let step = 0; ; step++) {
    const root = mkdtempSync(join(folder, "at-"));
    const store = openFileStore(root, { sync: "none", takeAfterMs: 2 });
    await arrange(store, setting);
    ageEntries(root, ["u", "w"]);
    const held = hold(root, first, step);
    await held.stopped;
    ageEntries(root, ["u", "w"]);
    const answer = await second.run(store);
    const what = `${first.name}, held at step ${step}; ${second.name}`;
    if (held.isHeld) isAmong({ answers: [answer], left: await look(store) }, crashed, `${what}; and no more`);
    ageEntries(root, ["u", "w"]);
    held.resume();
    const result = { answers: [await held.outcome, answer], left: await look(store) };
    isAmong(result, [before, { ...after, answers: after.answers.toReversed() }], what);
    rmSync(root, { recursive: true });
    if (!held.isHeld) return step;
  }
}

/** Seconds that change nothing on a session that is there, or what another of them changes as well. */
const ALIKE = new Set(["create", "create for a user", "save for a user", "retire one version", "advance the epoch"]);
const AT_ONCE = 4;

for (const setting of settings) {
  test(`on ${setting.name}, a call that is held up at any step is as good as one before or after the other`, async (context) => {
    const folder = quickFolder(context);
    const isLive = setting.records.length > 0 && setting.retired !== true;
    const seconds = callsOf("second").filter(({ name }) => !isLive || !ALIKE.has(name));
    const pairs = callsOf("first").flatMap((first) => seconds.map((second) => ({ first, second })));
    let schedules = 0;
    const work = async (): Promise<void> => {
      for (let pair = pairs.pop(); pair !== undefined; pair = pairs.pop()) {
        const count = await interleave(folder, setting, pair.first, pair.second);
        schedules += count;
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    context.diagnostic(`${schedules} schedules`);
    assert.ok(schedules > 300);
  });
}
