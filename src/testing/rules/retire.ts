import { newVersion } from "../../core/id.ts";
import { equal, fail } from "../assert.ts";
import type { StoreRule } from "../store-rule.ts";
import {
  clear,
  created,
  expectLive,
  expectMissing,
  expectRetired,
  HOUR,
  listAll,
  MINUTE,
  next,
  retiredBy,
  sameRecord,
  successor,
  tombstone,
} from "./support.ts";

/** What `retire` promises: what is over stays over. */
export const retireRules: readonly StoreRule[] = [
  {
    name: "retire ends a record, and says why from then on",
    async run({ store, record, now }) {
      for (const reason of ["ended", "rotated"] as const) {
        const session = record();
        await created(store, session);
        const stone = tombstone(now, reason);
        equal(await store.retire(session.handle, stone), retiredBy(stone), "retire");
        await expectRetired(store, session.handle, reason);
      }
    },
  },
  {
    name: "a tombstone comes back as it was left: its reason, its token, its successor and its time",
    async run({ store, record, now }) {
      for (const reason of ["ended", "rotated"] as const) {
        const session = record();
        await created(store, session);
        const stone = tombstone(now, reason, now + 12_345);
        equal(await store.retire(session.handle, stone), retiredBy(stone), "retire");
        await expectRetired(store, session.handle, stone, "load");
      }
    },
  },
  {
    name: "retire without a version ends the record whatever was written meanwhile",
    async run({ store, record, now }) {
      const first = record();
      await created(store, first);
      await store.save(next(first), first.version);
      equal((await store.retire(first.handle, tombstone(now))).status, "retired", "retire");
      await expectRetired(store, first.handle, "ended");
    },
  },
  {
    name: "retire with a version ends only the record that still has it",
    async run({ store, record, now }) {
      const first = record();
      await created(store, first);
      const second = next(first, { data: "written meanwhile" });
      await store.save(second, first.version);
      const refused = await store.retire(first.handle, tombstone(now, "rotated"), first.version);
      if (refused.status !== "conflict") fail(`retire: expected a conflict, got ${refused.status}`);
      sameRecord(refused.record, second, "the record in the way");
      await expectLive(store, second);
      const stone = tombstone(now, "rotated");
      equal(await store.retire(first.handle, stone, second.version), retiredBy(stone), "retire with the right version");
      await expectRetired(store, first.handle, "rotated");
    },
  },
  {
    name: "retire of nothing leaves nothing behind",
    async run({ store, record, now }) {
      const never = record();
      equal(await store.retire(never.handle, tombstone(now)), { status: "missing" }, "retire");
      equal(await store.retire(never.handle, tombstone(now), newVersion()), { status: "missing" }, "retire with a version");
      await expectMissing(store, never.handle);
      await created(store, never);
      await expectLive(store, never);
    },
  },
  {
    name: "an earlier tombstone stays, and the one who comes later is told its reason and its token",
    async run({ store, record, now }) {
      for (const [first, second] of [
        ["ended", "rotated"],
        ["rotated", "ended"],
      ] as const) {
        const session = record();
        await created(store, session);
        const stone = tombstone(now, first);
        await store.retire(session.handle, stone);
        equal(await store.retire(session.handle, tombstone(now, second)), retiredBy(stone), "the second retire");
        const conditional = await store.retire(session.handle, tombstone(now, second), session.version);
        equal(conditional, retiredBy(stone), "a third, with a version");
        await expectRetired(store, session.handle, first);
      }
    },
  },
  {
    name: "a retire that is delivered twice finds its own tombstone",
    async run({ store, record, now }) {
      const session = record();
      await created(store, session);
      const stone = tombstone(now, "rotated");
      await store.retire(session.handle, stone, session.version);
      equal(await store.retire(session.handle, stone, session.version), retiredBy(stone), "the second delivery");
    },
  },
  {
    name: "the tombstone of a rotation is known by its token as well",
    needs: ["rotate"],
    async run({ store, record, now }) {
      const session = record();
      await created(store, session);
      const stone = tombstone(now, "rotated");
      await store.rotate?.(session.handle, session.version, successor(session), stone);
      equal(await store.retire(session.handle, tombstone(now)), retiredBy(stone), "retire after the rotation");
    },
  },
  {
    name: "retire ends a record past its deadline",
    async run({ store, record, now }) {
      const expired = record({ createdAt: now - HOUR, expiresAt: now - 1 });
      await created(store, expired);
      const stone = tombstone(now);
      equal(await store.retire(expired.handle, stone), retiredBy(stone), "retire");
      await expectRetired(store, expired.handle, "ended");
    },
  },
  {
    name: "a tombstone's time may move later, and never earlier",
    needs: ["clearExpired"],
    async run({ store, record, now }) {
      const session = record();
      await created(store, session);
      const stone = tombstone(now, "ended", now + MINUTE);
      await store.retire(session.handle, stone);
      const later = { ...stone, until: now + 2 * MINUTE };
      for (const until of [now + 2 * MINUTE, now + MINUTE]) {
        equal(await store.retire(session.handle, tombstone(now, "ended", until)), retiredBy(later), "a later retire");
      }
      await expectRetired(store, session.handle, later, "the tombstone");
      equal(await clear(store, now + 2 * MINUTE - 1), 0, "a sweep before the later time");
      await expectRetired(store, session.handle, "ended");
      equal(await clear(store, now + 2 * MINUTE), 1, "a sweep at the later time");
      await expectMissing(store, session.handle);
    },
  },
  {
    name: "a session that is over is in no list",
    async run({ store, record, now }) {
      const over = record({ userId: "u" });
      await created(store, over);
      await store.retire(over.handle, tombstone(now));
      if (store.list !== undefined) equal(await listAll(store), [], "the list");
      if (store.users !== undefined) equal(await store.users.sessionsOf("u"), [], "the user's sessions");
    },
  },
];
