import { equal, fail, settle } from "../assert.ts";
import type { SessionRecord } from "../../core/record.ts";
import type { StoreRule } from "../store-rule.ts";
import { asHandle, created, expectLive, expectRetired, next, successor, tombstone } from "./support.ts";

/** Changes every field of a record that a store was given or gave; a record that cannot be changed is as good as a copy. */
async function scribble(record: SessionRecord): Promise<void> {
  const changes: SessionRecord = {
    handle: asHandle("0".repeat(48)),
    data: "scribbled",
    version: "scribbled",
    createdAt: 1,
    expiresAt: 1,
    userId: "scribbler",
    epoch: 99,
  };
  for (const [field, value] of Object.entries(changes)) {
    await settle(() => Reflect.set(record, field, value));
  }
}

/** A store shares no live object with its callers. */
export const sharingRules: readonly StoreRule[] = [
  {
    name: "changing a record after it was created does not change what is stored",
    async run({ store, record }) {
      const given = record({ userId: "u" });
      const copy = { ...given };
      await created(store, given);
      await scribble(given);
      await expectLive(store, copy);
    },
  },
  {
    name: "changing a record after it was saved or rotated does not change what is stored",
    async run({ store, record, now }) {
      const first = record();
      await created(store, first);
      const given = next(first, { data: "saved" });
      const copy = { ...given };
      await store.save(given, first.version);
      await scribble(given);
      await expectLive(store, copy, "after save");
      if (store.rotate === undefined) return;
      const renewed = successor(copy);
      const renewedCopy = { ...renewed };
      await store.rotate(copy.handle, copy.version, renewed, tombstone(now, "rotated"));
      await scribble(renewed);
      await expectLive(store, renewedCopy, "after rotate");
    },
  },
  {
    name: "changing a record that load gave does not change what is stored",
    async run({ store, record }) {
      const written = record();
      await created(store, written);
      const outcome = await store.load(written.handle);
      if (outcome.status !== "live") fail(`load: expected a live record, got ${outcome.status}`);
      await scribble(outcome.record);
      await expectLive(store, written);
    },
  },
  {
    name: "changing a record that a conflict showed does not change what is stored",
    async run({ store, record, now }) {
      const written = record();
      await created(store, written);
      const outcomes = [
        await store.save(next(written), "another-version"),
        await store.retire(written.handle, tombstone(now), "another-version"),
        await store.rotate?.(written.handle, "another-version", successor(written), tombstone(now)),
      ];
      for (const outcome of outcomes) {
        if (outcome === undefined) continue;
        if (outcome.status !== "conflict") fail(`expected a conflict, got ${outcome.status}`);
        await scribble(outcome.record);
        await expectLive(store, written);
      }
    },
  },
  {
    name: "changing a record of a list does not change what is stored",
    async run({ store, record }) {
      const written = record({ userId: "u" });
      await created(store, written);
      const lists = [(await store.list?.({ limit: 10 })) ?? [], (await store.users?.sessionsOf("u")) ?? []];
      for (const listed of lists.flat()) {
        await scribble(listed);
        await expectLive(store, written);
      }
      if (store.list !== undefined) equal((await store.list({ limit: 10 })).length, 1, "the list");
      if (store.users !== undefined) equal((await store.users.sessionsOf("u")).length, 1, "the user's sessions");
    },
  },
  {
    name: "changing a tombstone that was given or given back does not change what is stored",
    async run({ store, record, now }) {
      const session = record();
      await created(store, session);
      const given = tombstone(now);
      const copy = { ...given };
      await store.retire(session.handle, given);
      Reflect.set(given, "reason", "rotated");
      await expectRetired(store, session.handle, copy, "after changing what was given");
      for (const outcome of [await store.load(session.handle), await store.retire(session.handle, copy)]) {
        if (outcome.status !== "retired") fail(`expected a tombstone, got ${outcome.status}`);
        await settle(() => Reflect.set(outcome.tombstone, "reason", "rotated"));
        await expectRetired(store, session.handle, copy, "after changing what was given back");
      }
    },
  },
  {
    name: "frozen records are accepted",
    async run({ store, record, now }) {
      const first = Object.freeze(record({ userId: "u" }));
      await created(store, first);
      const second = Object.freeze(next(first));
      equal((await store.save(second, first.version)).status, "saved", "save");
      await expectLive(store, second);
      equal((await store.retire(second.handle, Object.freeze(tombstone(now)))).status, "retired", "retire");
    },
  },
];
