import { lockHandleOf } from "../../core/id.ts";
import { equal, ok } from "../assert.ts";
import type { StoreRule } from "../store-rule.ts";
import {
  clear,
  created,
  expectLive,
  expectMissing,
  expectRetired,
  HOUR,
  MINUTE,
  newHandle,
  next,
  sweep,
  tombstone,
} from "./support.ts";

const needs = ["clearExpired"] as const;

/** What `clearExpired` promises: what is over goes, in batches, and nothing else does. */
export const sweepRules: readonly StoreRule[] = [
  {
    name: "a sweep of an empty store removes nothing",
    needs,
    async run({ store, now }) {
      equal(await clear(store, now), 0, "clearExpired");
    },
  },
  {
    name: "a sweep removes records whose deadline is at or before its moment, and no others",
    needs,
    async run({ store, record, now }) {
      const before = record({ expiresAt: now - 1 });
      const at = record({ expiresAt: now });
      const after = record({ expiresAt: now + 1 });
      await created(store, before, at, after);
      equal(await clear(store, now), 2, "clearExpired");
      await expectMissing(store, before.handle, "a deadline before it");
      await expectMissing(store, at.handle, "a deadline at it");
      await expectLive(store, after, "a deadline after it");
    },
  },
  {
    name: "a sweep goes by the moment that it is given, not by a clock of its own",
    needs,
    async run({ store, record, now }) {
      const past = record({ createdAt: now - HOUR, expiresAt: now - 1 });
      const future = record({ expiresAt: now + HOUR });
      await created(store, past, future);
      equal(await clear(store, now - 2), 0, "a sweep from before both");
      await expectLive(store, past, "a record that had expired by the machine's clock");
      equal(await clear(store, now + HOUR), 2, "a sweep from after both");
      await expectMissing(store, future.handle, "a record that had not expired by the machine's clock");
    },
  },
  {
    name: "a sweep removes tombstones whose time is at or before its moment, and no others",
    needs,
    async run({ store, record, now }) {
      const [before, at, after] = [record(), record(), record()];
      await created(store, before, at, after);
      await store.retire(before.handle, tombstone(now, "ended", now + MINUTE - 1));
      await store.retire(at.handle, tombstone(now, "rotated", now + MINUTE));
      await store.retire(after.handle, tombstone(now, "ended", now + MINUTE + 1));
      equal(await clear(store, now + MINUTE), 2, "clearExpired");
      await expectMissing(store, before.handle, "a time before it");
      await expectMissing(store, at.handle, "a time at it");
      await expectRetired(store, after.handle, "ended", "a time after it");
    },
  },
  {
    name: "a tombstone stays for its own time, whatever deadline the record had",
    needs,
    async run({ store, record, now }) {
      const short = record({ expiresAt: now + 1 });
      const long = record({ expiresAt: now + HOUR });
      await created(store, short, long);
      for (const { handle } of [short, long]) await store.retire(handle, tombstone(now, "ended", now + MINUTE));
      equal(await clear(store, now + MINUTE - 1), 0, "a sweep before the tombstones' time");
      await expectRetired(store, short.handle, "ended");
      equal(await clear(store, now + MINUTE), 2, "a sweep at the tombstones' time");
      await expectMissing(store, long.handle);
    },
  },
  {
    name: "a batch removes at most its limit, and fewer only when none is left",
    needs,
    async run({ store, record, now }) {
      const expired = Array.from({ length: 7 }, () => record({ expiresAt: now - 1 }));
      const over = Array.from({ length: 3 }, () => record());
      const live = Array.from({ length: 3 }, () => record());
      await created(store, ...expired, ...over, ...live);
      for (const { handle } of over) await store.retire(handle, tombstone(now, "ended", now - 1));
      const batches = await sweep(store, now, 4);
      equal(
        batches.reduce((sum, each) => sum + each, 0),
        10,
        "how many were removed",
      );
      ok(
        batches.every((each) => each <= 4),
        "no batch is over its limit",
      );
      for (const each of live) await expectLive(store, each);
    },
  },
  {
    name: "a batch that ends exactly at its limit is followed by an empty one",
    needs,
    async run({ store, record, now }) {
      await created(store, ...Array.from({ length: 4 }, () => record({ expiresAt: now })));
      equal(await sweep(store, now, 2), [2, 2, 0], "what the batches removed");
    },
  },
  {
    name: "a handle that was swept is free again",
    needs,
    async run({ store, record, now }) {
      const old = record({ expiresAt: now });
      await created(store, old);
      await clear(store, now);
      const reborn = next(old, { expiresAt: now + HOUR });
      await created(store, reborn);
      await expectLive(store, reborn);
      equal(await clear(store, now), 0, "a sweep at the old deadline");
      await expectLive(store, reborn);
    },
  },
  {
    name: "a sweep leaves a lock alone until its deadline, and then removes it",
    needs,
    async run({ store, record, now }) {
      const held = record({ handle: lockHandleOf(newHandle()), expiresAt: now + 1 });
      const over = record({ handle: lockHandleOf(newHandle()), expiresAt: now });
      await created(store, held, over);
      equal(await clear(store, now), 1, "clearExpired");
      await expectLive(store, held, "the lock that is held");
      equal(await clear(store, now + 1), 1, "a sweep at its deadline");
      await expectMissing(store, held.handle, "the lock");
    },
  },
  {
    name: "a sweep finds what is over behind any number of sessions that were renewed",
    needs,
    async run({ store, record, now }) {
      const renewed = Array.from({ length: 40 }, () => record({ expiresAt: now - 2 }));
      const over = record({ expiresAt: now - 1 });
      await created(store, ...renewed, over);
      for (const each of renewed) await store.touch(each.handle, each.version, now + HOUR);
      equal(await sweep(store, now, 3), [1], "what the batches removed");
      for (const each of renewed) await expectLive(store, { ...each, expiresAt: now + HOUR }, "a renewed session");
    },
  },
  {
    name: "a sweep goes by the deadline that was written last",
    needs,
    async run({ store, record, now }) {
      const touched = record({ expiresAt: now });
      const saved = record({ expiresAt: now });
      const shortened = record({ expiresAt: now + HOUR });
      await created(store, touched, saved, shortened);
      await store.touch(touched.handle, touched.version, now + HOUR);
      const longer = next(saved, { expiresAt: now + HOUR });
      await store.save(longer, saved.version);
      await store.save(next(shortened, { expiresAt: now }), shortened.version);
      equal(await clear(store, now), 1, "clearExpired");
      await expectLive(store, { ...touched, expiresAt: now + HOUR }, "the touched record");
      await expectLive(store, longer, "the saved record");
      await expectMissing(store, shortened.handle, "the shortened record");
    },
  },
  {
    name: "a sweep never removes what was renewed while it ran",
    needs,
    async run({ store, record, now }) {
      const records = Array.from({ length: 20 }, () => record({ expiresAt: now - 1 }));
      await created(store, ...records);
      const renewals = records.map((each) => store.touch(each.handle, each.version, now + HOUR));
      const sweeps = [clear(store, now, 3), clear(store, now, 50)];
      const outcomes = await Promise.all(renewals);
      await Promise.all(sweeps);
      for (const [index, each] of records.entries()) {
        if (outcomes[index]?.status === "touched")
          await expectLive(store, { ...each, expiresAt: now + HOUR }, "a renewed record");
        else await expectMissing(store, each.handle, "a swept record");
      }
    },
  },
];
