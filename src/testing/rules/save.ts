import { newVersion } from "../../core/id.ts";
import { equal, fail } from "../assert.ts";
import type { StoreRule } from "../store-rule.ts";
import {
  created,
  expectLive,
  expectMissing,
  expectRetired,
  HOUR,
  listAll,
  MINUTE,
  next,
  sameRecord,
  tombstone,
} from "./support.ts";

/** What `save` promises: onto the version that was read, or not at all. */
export const saveRules: readonly StoreRule[] = [
  {
    name: "save replaces the record that still has the version that was read",
    async run({ store, record, now }) {
      const first = record({ data: "first" });
      await created(store, first);
      const second = next(first, { data: "second", expiresAt: now + 2 * HOUR, userId: "u", epoch: 1 });
      equal(await store.save(second, first.version), { status: "saved" }, "save");
      await expectLive(store, second);
    },
  },
  {
    name: "save keeps the moment when the session began",
    async run({ store, record, now }) {
      const first = record({ createdAt: now - HOUR });
      await created(store, first);
      const second = next(first, { createdAt: now });
      equal((await store.save(second, first.version)).status, "saved", "save");
      await expectLive(store, { ...second, createdAt: first.createdAt });
    },
  },
  {
    name: "save may bring the deadline nearer",
    async run({ store, record, now }) {
      const first = record({ expiresAt: now + HOUR });
      await created(store, first);
      const shorter = next(first, { expiresAt: now + MINUTE });
      equal((await store.save(shorter, first.version)).status, "saved", "save");
      await expectLive(store, shorter);
    },
  },
  {
    name: "save writes onto a record past its deadline, because the session decides on expiry",
    async run({ store, record, now }) {
      const expired = record({ createdAt: now - HOUR, expiresAt: now - 1 });
      await created(store, expired);
      const renewed = next(expired, { expiresAt: now + HOUR });
      equal((await store.save(renewed, expired.version)).status, "saved", "save");
      await expectLive(store, renewed);
    },
  },
  {
    name: "save onto another version is a conflict that shows the record, and changes nothing",
    async run({ store, record }) {
      const first = record({ data: "first" });
      await created(store, first);
      const second = next(first, { data: "second" });
      await store.save(second, first.version);
      const late = await store.save(next(first, { data: "late" }), first.version);
      if (late.status !== "conflict") fail(`save: expected a conflict, got ${late.status}`);
      sameRecord(late.record, second, "the record in the way");
      await expectLive(store, second);
    },
  },
  {
    name: "a conflict that brings a user's epoch brings the present one",
    needs: ["users"],
    async run({ store, record }) {
      const bound = record({ userId: "u", epoch: 5 });
      await created(store, bound);
      await store.users?.advanceEpoch("u", 5);
      const outcome = await store.save(next(bound), newVersion());
      if (outcome.status !== "conflict") fail(`save: expected a conflict, got ${outcome.status}`);
      if (outcome.userEpoch !== undefined) equal(outcome.userEpoch, 5, "the epoch with the conflict");
    },
  },
  {
    name: "versions that differ only in case are different versions",
    async run({ store, record }) {
      const first = record({ version: "aBcDeFgHiJkLmNoP" });
      await created(store, first);
      const outcome = await store.save(next(first), first.version.toLowerCase());
      equal(outcome.status, "conflict", "save");
      equal((await store.touch(first.handle, "ABCDEFGHIJKLMNOP", first.expiresAt + HOUR)).status, "stale", "touch");
      await expectLive(store, first);
    },
  },
  {
    name: "versions that look like numbers stay text",
    async run({ store, record }) {
      for (const [version, other] of [
        ["0000000000000007", "7"],
        ["00000000000001e3", "1000"],
        ["1234567890123456", "1234567890123456.0"],
      ] as const) {
        const numeric = record({ version });
        await created(store, numeric);
        await expectLive(store, numeric);
        equal((await store.save(next(numeric), other)).status, "conflict", "save onto the same number");
        equal((await store.save(next(numeric), version)).status, "saved", "save onto the same text");
      }
    },
  },
  {
    name: "a save that is delivered twice is stored once, and the writer finds its own version",
    async run({ store, record }) {
      const first = record();
      await created(store, first);
      const second = next(first, { data: "once" });
      equal((await store.save(second, first.version)).status, "saved", "the first delivery");
      const again = await store.save(second, first.version);
      if (again.status !== "conflict") fail(`the second delivery: expected a conflict, got ${again.status}`);
      equal(again.record.version, second.version, "the version that the writer finds");
      await expectLive(store, second);
    },
  },
  {
    name: "a save that is delivered late, after others, changes nothing",
    async run({ store, record }) {
      const first = record();
      await created(store, first);
      const second = next(first, { data: "second" });
      const third = next(second, { data: "third" });
      await store.save(second, first.version);
      await store.save(third, second.version);
      equal((await store.save(second, first.version)).status, "conflict", "the late delivery");
      await expectLive(store, third);
    },
  },
  {
    name: "save never creates: a write onto nothing leaves nothing",
    async run({ store, record }) {
      const never = record({ userId: "u" });
      equal(await store.save(never, newVersion()), { status: "missing" }, "save");
      equal(await store.save(never, never.version), { status: "missing" }, "save onto its own version");
      await expectMissing(store, never.handle);
      if (store.list !== undefined) equal(await listAll(store), [], "the list");
      if (store.users !== undefined) equal(await store.users.sessionsOf("u"), [], "the user's sessions");
      await created(store, never);
    },
  },
  {
    name: "a write that arrives after logout does not bring the session back",
    async run({ store, record, now }) {
      const session = record();
      await created(store, session);
      await store.retire(session.handle, tombstone(now, "ended"));
      equal(await store.save(next(session), session.version), { status: "retired", reason: "ended" }, "save");
      await expectRetired(store, session.handle, "ended");
    },
  },
  {
    name: "a write that arrives after a rotation is told so, and does not bring the old id back",
    async run({ store, record, now }) {
      const session = record();
      await created(store, session);
      await store.retire(session.handle, tombstone(now, "rotated"));
      equal(await store.save(next(session), session.version), { status: "retired", reason: "rotated" }, "save");
      await expectRetired(store, session.handle, "rotated");
    },
  },
];
