import { newVersion } from "../../core/id.ts";
import { equal } from "../assert.ts";
import type { StoreRule } from "../store-rule.ts";
import { created, expectLive, expectMissing, expectRetired, HOUR, listAll, MINUTE, next, tombstone } from "./support.ts";

/** What `touch` promises: it moves a deadline later, and does nothing else. */
export const touchRules: readonly StoreRule[] = [
  {
    name: "touch moves the deadline and nothing else",
    async run({ store, record, now }) {
      const first = record({ data: "data", expiresAt: now + MINUTE, userId: "u", epoch: 2 });
      await created(store, first);
      equal(await store.touch(first.handle, first.version, now + HOUR), { status: "touched" }, "touch");
      const touched = { ...first, expiresAt: now + HOUR };
      await expectLive(store, touched);
      equal((await store.save(next(touched), first.version)).status, "saved", "a save on the version from before the touch");
    },
  },
  {
    name: "touch never brings a deadline nearer",
    async run({ store, record, now }) {
      const first = record({ expiresAt: now + HOUR });
      await created(store, first);
      equal((await store.touch(first.handle, first.version, now + MINUTE)).status, "touched", "an earlier deadline");
      await expectLive(store, first, "after an earlier deadline");
      equal((await store.touch(first.handle, first.version, now + HOUR)).status, "touched", "the same deadline");
      await expectLive(store, first, "after the same deadline");
    },
  },
  {
    name: "touch is for the version that was read, and stale for another",
    async run({ store, record, now }) {
      const first = record({ expiresAt: now + MINUTE });
      await created(store, first);
      equal(await store.touch(first.handle, newVersion(), now + HOUR), { status: "stale" }, "touch");
      await expectLive(store, first);
    },
  },
  {
    name: "a touch from before a shorter deadline was saved does not lengthen it",
    async run({ store, record, now }) {
      const first = record({ expiresAt: now + HOUR });
      await created(store, first);
      const shorter = next(first, { expiresAt: now + MINUTE });
      await store.save(shorter, first.version);
      equal((await store.touch(first.handle, first.version, now + 2 * HOUR)).status, "stale", "touch");
      await expectLive(store, shorter);
    },
  },
  {
    name: "touch never creates: a touch of nothing leaves nothing",
    async run({ store, record, now }) {
      const never = record();
      equal(await store.touch(never.handle, never.version, now + HOUR), { status: "stale" }, "touch");
      await expectMissing(store, never.handle);
      if (store.list !== undefined) equal(await listAll(store), [], "the list");
      await created(store, never);
    },
  },
  {
    name: "a touch that arrives after the session ended does not bring it back",
    async run({ store, record, now }) {
      for (const reason of ["ended", "rotated"] as const) {
        const over = record();
        await created(store, over);
        await store.retire(over.handle, tombstone(now, reason));
        equal((await store.touch(over.handle, over.version, now + 2 * HOUR)).status, "stale", `touch after ${reason}`);
        await expectRetired(store, over.handle, reason);
      }
    },
  },
  {
    name: "a touch that is delivered twice or late does no more than once",
    async run({ store, record, now }) {
      const first = record({ expiresAt: now + MINUTE });
      await created(store, first);
      await store.touch(first.handle, first.version, now + 2 * MINUTE);
      await store.touch(first.handle, first.version, now + HOUR);
      await store.touch(first.handle, first.version, now + 2 * MINUTE);
      await expectLive(store, { ...first, expiresAt: now + HOUR });
    },
  },
];
