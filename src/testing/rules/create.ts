import { equal } from "../assert.ts";
import type { StoreRule } from "../store-rule.ts";
import { created, expectLive, expectRetired, HOUR, newHandle, next, tombstone } from "./support.ts";

/** What `create` promises: a handle is given out once. */
export const createRules: readonly StoreRule[] = [
  {
    name: "create refuses a handle that a record has, and leaves the record alone",
    async run({ store, record }) {
      const first = record({ data: "first" });
      await created(store, first);
      equal((await store.create(next(first, { data: "second" }))).status, "exists", "create");
      await expectLive(store, first);
    },
  },
  {
    name: "create refuses the handle of an expired record",
    async run({ store, record, now }) {
      const expired = record({ createdAt: now - HOUR, expiresAt: now - 1 });
      await created(store, expired);
      equal((await store.create(next(expired, { expiresAt: now + HOUR }))).status, "exists", "create");
      await expectLive(store, expired);
    },
  },
  {
    name: "create refuses the handle of a session that is over, so it does not come back",
    async run({ store, record, now }) {
      for (const reason of ["ended", "rotated"] as const) {
        const over = record();
        await created(store, over);
        await store.retire(over.handle, tombstone(now, reason));
        equal((await store.create(next(over))).status, "exists", `create over ${reason}`);
        await expectRetired(store, over.handle, reason);
      }
    },
  },
  {
    name: "a create that is delivered twice stores one record, and the writer finds its own version",
    async run({ store, record }) {
      const written = record();
      await created(store, written);
      equal((await store.create(written)).status, "exists", "the second delivery");
      await expectLive(store, written);
    },
  },
  {
    name: "a refused create leaves no trace in the user's list",
    needs: ["users"],
    async run({ store, record }) {
      const taken = record();
      await created(store, taken);
      equal((await store.create(next(taken, { userId: "intruder" }))).status, "exists", "create");
      equal(await store.users?.sessionsOf("intruder"), [], "the intruder's sessions");
    },
  },
  {
    name: "of 100 creates of one handle at once, one wins, and its record is the one that is stored",
    async run({ store, record }) {
      const handle = newHandle();
      const rivals = Array.from({ length: 100 }, (_, index) => record({ handle, data: `rival ${index}` }));
      const outcomes = await Promise.all(rivals.map((rival) => store.create(rival)));
      const winners = rivals.filter((_, index) => outcomes[index]?.status === "created");
      equal(winners.length, 1, "how many were told that they created it");
      equal(outcomes.filter(({ status }) => status === "exists").length, 99, "how many were refused");
      for (const winner of winners) await expectLive(store, winner);
    },
  },
];
