import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import type { SessionRecord } from "../../src/core/record.ts";
import type { SessionStore } from "../../src/core/store.ts";
import { openFileStore } from "../../src/stores/file/store.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { ageEntries, handleFrom, MINUTE, NOW, record, temporaryFolder, tombstone, usersOf } from "./file/support.ts";

/**
 * One call is held before each of its changes on the disk in turn, another store on the same folder runs a second call to its end,
 * and the first goes on, or never does, as after a crash. What both answer and leave must be what one after the other would have
 * answered and left: the memory store, which does one thing at a time, is the judge.
 */

interface Call {
  readonly name: string;
  run(store: SessionStore): unknown;
}

interface Setting {
  readonly name: string;
  readonly records: readonly SessionRecord[];
  readonly retired?: boolean;
}

const here = handleFrom("a");
const stood = record({ version: "v1", data: "before", expiresAt: NOW + MINUTE });
const later = NOW + 5 * MINUTE;

const settings: readonly Setting[] = [
  { name: "a visitor's session", records: [stood] },
  { name: "a user's session", records: [{ ...stood, userId: "u" }] },
  { name: "nothing", records: [] },
  { name: "a tombstone", records: [{ ...stood, userId: "u" }], retired: true },
];

/** The calls of one side. Versions, tokens and new handles are its own, as those of a request are. */
function callsOf(side: "first" | "second"): readonly Call[] {
  const by = (name: string): string => `${side} ${name}`;
  const heir = handleFrom(side === "first" ? "b" : "c");
  const rotate = (store: SessionStore, userId: string | null): unknown => {
    const next = { ...stood, handle: heir, version: by("rotation"), userId, expiresAt: later };
    return store.rotate?.(here, "v1", next, tombstone({ reason: "rotated", token: by("rotation") }));
  };
  return [
    { name: "create", run: (store) => store.create({ ...stood, version: by("create") }) },
    { name: "create for a user", run: (store) => store.create({ ...stood, version: by("user"), userId: "u" }) },
    { name: "save", run: (store) => store.save({ ...stood, version: by("save"), data: "saved" }, "v1") },
    { name: "save for a user", run: (store) => store.save({ ...stood, version: by("user"), userId: "u" }, "v1") },
    { name: "save for another user", run: (store) => store.save({ ...stood, version: by("other"), userId: "w" }, "v1") },
    { name: "touch", run: (store) => store.touch(here, "v1", later) },
    { name: "retire", run: (store) => store.retire(here, tombstone({ token: by("retire") })) },
    {
      name: "retire one version",
      run: (store) => store.retire(here, tombstone({ token: by("version"), until: later }), "v1"),
    },
    { name: "rotate", run: (store) => rotate(store, null) },
    { name: "rotate for another user", run: (store) => rotate(store, "w") },
    { name: "clear expired", run: (store) => store.clearExpired?.({ before: NOW + MINUTE, limit: 10 }) },
    { name: "advance the epoch", run: (store) => store.users?.advanceEpoch("u", 7) },
    { name: "look at a user", run: async (store) => (await store.users?.sessionsOf("u"))?.map(({ version }) => version) },
  ];
}

async function arrange(store: SessionStore, { records, retired = false }: Setting): Promise<void> {
  for (const each of records) {
    await store.create(each);
    if (retired) await store.retire(each.handle, tombstone({ token: "t0" }));
  }
}

/** All that can be seen of a store. */
async function look(store: SessionStore): Promise<unknown> {
  return {
    here: await store.load(here),
    heirs: [await store.load(handleFrom("b")), await store.load(handleFrom("c"))],
    list: await store.list?.({ limit: 10 }),
    ofU: await usersOf(store).sessionsOf("u"),
    ofW: await usersOf(store).sessionsOf("w"),
    epoch: await usersOf(store).epoch("u"),
  };
}

interface Result {
  readonly answers: readonly unknown[];
  readonly left: unknown;
}

/** What calls answer and leave, one after the other. */
async function judged(setting: Setting, order: readonly Call[]): Promise<Result> {
  const store = memoryStore();
  await arrange(store, setting);
  const answers: unknown[] = [];
  for (const call of order) answers.push(await call.run(store));
  return { answers, left: await look(store) };
}

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

function isAmong(actual: unknown, admissible: readonly unknown[], what: string): void {
  for (const each of admissible) {
    try {
      assert.deepEqual(actual, each);
      return;
    } catch {
      // The next order.
    }
  }
  assert.deepEqual(actual, admissible[0], what);
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
    const folder = temporaryFolder(context);
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
