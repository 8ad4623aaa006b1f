import assert from "node:assert/strict";
import type { SessionRecord } from "../../../src/core/record.ts";
import type { SessionStore } from "../../../src/core/store.ts";
import { openFileStore } from "../../../src/stores/file/store.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { handleFrom, MINUTE, NOW, record, tombstone, usersOf } from "./support.ts";

/** Something that is asked of a store. */
export interface Call {
  readonly name: string;
  run(store: SessionStore): unknown;
}

/** What stands in a store beforehand. */
export interface Setting {
  readonly name: string;
  readonly records: readonly SessionRecord[];
  readonly retired?: boolean;
}

/** The handle that all calls are about. */
export const here = handleFrom("a");
const stood = record({ version: "v1", data: "before", expiresAt: NOW + MINUTE });
/** Later than everything in a setting. */
export const later = NOW + 5 * MINUTE;

export const settings: readonly Setting[] = [
  { name: "a visitor's session", records: [stood] },
  { name: "a user's session", records: [{ ...stood, userId: "u" }] },
  { name: "nothing", records: [] },
  { name: "a tombstone", records: [{ ...stood, userId: "u" }], retired: true },
];

/** The calls of one side. Versions, tokens and new handles are its own, as those of a request are. */
export function callsOf(side: "first" | "second"): readonly Call[] {
  const by = (name: string): string => `${side} ${name}`;
  const heir = handleFrom(side === "first" ? "b" : "c");
  const rotate = (store: SessionStore, userId: string | null): unknown => {
    const next = { ...stood, handle: heir, version: by("rotation"), userId, expiresAt: later };
    return store.rotate?.(here, "v1", next, tombstone({ reason: "rotated", token: by("rotation"), successor: heir }));
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

/** Puts a setting into an empty store. */
export async function arrange(store: SessionStore, { records, retired = false }: Setting): Promise<void> {
  for (const each of records) {
    await store.create(each);
    if (retired) await store.retire(each.handle, tombstone({ token: "t0" }));
  }
}

/** All that can be seen of a store. */
export async function look(store: SessionStore): Promise<unknown> {
  return {
    here: await store.load(here),
    heirs: [await store.load(handleFrom("b")), await store.load(handleFrom("c"))],
    list: await store.list?.({ limit: 10 }),
    ofU: await usersOf(store).sessionsOf("u"),
    ofW: await usersOf(store).sessionsOf("w"),
    epoch: await usersOf(store).epoch("u"),
  };
}

/** What calls answer, in their order, and leave. */
export interface Result {
  readonly answers: readonly unknown[];
  readonly left: unknown;
}

/** What calls should answer and leave, one after the other: the memory store, which does one thing at a time, is the judge. */
export async function judged(setting: Setting, order: readonly Call[]): Promise<Result> {
  const store = memoryStore();
  await arrange(store, setting);
  const answers: unknown[] = [];
  for (const call of order) answers.push(await call.run(store));
  return { answers, left: await look(store) };
}

/** Asserts that a result is one of those that are right. */
export function isAmong(actual: unknown, admissible: readonly unknown[], what: string): void {
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

/** How many changes on the disk a call makes, on a setting in an empty folder. */
export async function stepsOf(root: string, setting: Setting, call: Call): Promise<number> {
  let steps = 0;
  await arrange(openFileStore(root, { sync: "none" }), setting);
  await call.run(openFileStore(root, { sync: "none", step: () => void steps++ }));
  return steps;
}
