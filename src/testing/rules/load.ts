import { equal, ok } from "../assert.ts";
import type { StoreRule } from "../store-rule.ts";
import {
  created,
  expectLive,
  expectMissing,
  expectUnreadable,
  HOUR,
  MINUTE,
  newHandle,
  next,
  notAcknowledged,
  retiredBy,
  tombstone,
} from "./support.ts";

/** What a store is, and what `load` answers. */
export const loadRules: readonly StoreRule[] = [
  {
    name: "a store says what it is: a name, where processes meet, whether sessions survive a restart",
    async run({ store }) {
      ok(typeof store.name === "string" && store.name.length > 0, "the name is text");
      ok(
        ["process", "machine", "network"].includes(store.reach),
        "the reach of a store with state is process, machine or network",
      );
      equal(typeof store.durable, "boolean", "durable");
    },
  },
  {
    name: "a new record comes back exactly as it was written",
    async run({ store, record }) {
      const written = record({ data: 'j1:{"count":1}' });
      await created(store, written);
      await expectLive(store, written);
    },
  },
  {
    name: "a record of a user comes back with its user and epoch",
    async run({ store, record }) {
      const written = record({ userId: "42", epoch: 7 });
      await created(store, written);
      await expectLive(store, written);
    },
  },
  {
    name: "a handle that was never stored is missing",
    async run({ store }) {
      await expectMissing(store, newHandle());
    },
  },
  {
    name: "loading a handle that holds nothing creates nothing",
    async run({ store, record }) {
      const never = record();
      await expectMissing(store, never.handle);
      await expectMissing(store, never.handle, "the second load");
      await created(store, never);
      await expectLive(store, never);
    },
  },
  {
    name: "loading changes nothing, however often it is done",
    async run({ store, record }) {
      const written = record({ userId: "u" });
      await created(store, written);
      for (let round = 0; round < 3; round++) await expectLive(store, written);
      equal((await store.save(next(written), written.version)).status, "saved", "a save on the version that was loaded");
    },
  },
  {
    name: "a record past its deadline is served, because the session decides on expiry",
    async run({ store, record, now }) {
      const expired = record({ createdAt: now - HOUR, expiresAt: now - 1 });
      await created(store, expired);
      await expectLive(store, expired);
      await expectLive(store, expired, "the second load");
    },
  },
  {
    name: "a tombstone past its time is still a tombstone until it is swept",
    async run({ store, record, now }) {
      const ended = record();
      await created(store, ended);
      await store.retire(ended.handle, tombstone(now, "ended", now - 1));
      equal((await store.load(ended.handle)).status, "retired", "load");
      equal((await store.create(next(ended))).status, "exists", "create");
    },
  },
  {
    name: "many records do not mix",
    async run({ store, record }) {
      const records = Array.from({ length: 50 }, (_, index) => record({ data: `data ${index}` }));
      await Promise.all(records.map((each) => created(store, each)));
      for (const each of records) await expectLive(store, each);
    },
  },
  {
    name: "a load that comes with a user brings the user's present epoch",
    needs: ["users"],
    async run({ store, record }) {
      const bound = record({ userId: "u", epoch: 0 });
      const free = record();
      await created(store, bound, free);
      equal(await expectLive(store, bound), 0, "the epoch of a user that was never revoked");
      await store.users?.advanceEpoch("u", 3);
      equal(await expectLive(store, bound), 3, "the epoch after revoking");
      await expectLive(store, free);
    },
  },
  {
    name: "an unreadable record is refused as unreadable, never taken as missing",
    needs: ["corrupt"],
    async run({ store, record, corrupt }) {
      const damaged = record({ expiresAt: record().expiresAt + MINUTE });
      const other = record();
      await created(store, damaged, other);
      await corrupt(damaged.handle);
      await expectUnreadable(store, damaged.handle);
      await expectLive(store, other, "its neighbour");
    },
  },
  {
    name: "an unreadable record is never overwritten",
    needs: ["corrupt"],
    async run({ store, record, corrupt, now }) {
      const damaged = record({ userId: "u" });
      await created(store, damaged);
      await corrupt(damaged.handle);
      const later = damaged.expiresAt + HOUR;
      const target = next(damaged, { handle: newHandle() });
      const attempts: [string, () => unknown][] = [
        ["create", () => store.create(next(damaged))],
        ["save", () => store.save(next(damaged), damaged.version)],
        ["touch", () => store.touch(damaged.handle, damaged.version, later)],
        ["rotate", () => store.rotate?.(damaged.handle, damaged.version, target, tombstone(now, "rotated"))],
      ];
      for (const [verb, attempt] of attempts) {
        await notAcknowledged(attempt, verb);
        await expectUnreadable(store, damaged.handle, `after ${verb}`);
      }
      await expectMissing(store, target.handle, "the rotation's new handle");
    },
  },
  {
    name: "an unreadable record can still be ended",
    needs: ["corrupt"],
    async run({ store, record, corrupt, now }) {
      const damaged = record();
      await created(store, damaged);
      await corrupt(damaged.handle);
      const stone = tombstone(now);
      equal(await store.retire(damaged.handle, stone), retiredBy(stone), "retire");
      equal((await store.load(damaged.handle)).status, "retired", "load");
    },
  },
];
