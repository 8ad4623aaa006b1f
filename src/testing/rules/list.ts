import { equal, fail } from "../assert.ts";
import type { SessionStore } from "../../core/store.ts";
import type { StoreRule, StoreRuleContext } from "../store-rule.ts";
import type { SessionRecord } from "../../core/record.ts";
import { created, HOUR, listAll, newHandle, next, sameRecord, tombstone } from "./support.ts";

const needs = ["list"] as const;

async function fill({ store, record }: StoreRuleContext, count: number): Promise<SessionRecord[]> {
  const records = Array.from({ length: count }, (_, index) => record({ data: `record ${index}` }));
  await created(store, ...records);
  return records.toSorted((a, b) => (a.handle < b.handle ? -1 : 1));
}

async function page(store: SessionStore, limit: number, after?: SessionRecord): Promise<readonly SessionRecord[]> {
  const found = await store.list?.(after === undefined ? { limit } : { after: after.handle, limit });
  return found ?? fail("the store has no list");
}

function sameRecords(actual: readonly SessionRecord[], expected: readonly SessionRecord[], what: string): void {
  equal(
    actual.map(({ handle }) => handle),
    expected.map(({ handle }) => handle),
    what,
  );
  for (const [index, record] of expected.entries()) sameRecord(actual[index] ?? fail(what), record, what);
}

/** What `list` promises: every live record, once, in order. */
export const listRules: readonly StoreRule[] = [
  {
    name: "an empty store lists nothing",
    needs,
    async run({ store }) {
      equal(await page(store, 10), [], "list");
    },
  },
  {
    name: "a listing gives whole records in the order of their handles",
    needs,
    async run(context) {
      const sorted = await fill(context, 12);
      sameRecords(await page(context.store, 100), sorted, "one page");
    },
  },
  {
    name: "pages of any size, put together, are the whole list",
    needs,
    async run(context) {
      const sorted = await fill(context, 12);
      for (const limit of [1, 5, 6, 12, 13]) sameRecords(await listAll(context.store, limit), sorted, `pages of ${limit}`);
      equal((await page(context.store, 5)).length, 5, "a page of 5");
      equal(await page(context.store, 5, sorted.at(-1)), [], "the page after the last");
    },
  },
  {
    name: "a page begins after a handle that is no longer there",
    needs,
    async run(context) {
      const { store, now } = context;
      const sorted = await fill(context, 6);
      const [, , third] = sorted;
      await store.retire((third ?? fail("six records")).handle, tombstone(now));
      sameRecords(await page(store, 10, third), sorted.slice(3), "after an ended one");
      const between = { ...context.record(), handle: newHandle() };
      const expected = sorted.filter((each) => each !== third && each.handle > between.handle);
      sameRecords(await page(store, 10, between), expected, "after a handle that never was");
    },
  },
  {
    name: "a listing leaves out tombstones, and a page is full while records follow",
    needs,
    async run(context) {
      const { store, now } = context;
      const sorted = await fill(context, 12);
      const kept = sorted.filter((_, index) => index % 4 === 3);
      for (const over of sorted.filter((each) => !kept.includes(each))) await store.retire(over.handle, tombstone(now));
      sameRecords(await page(store, 2), kept.slice(0, 2), "the first page");
      sameRecords(await page(store, 2, kept[1]), kept.slice(2), "the second page");
    },
  },
  {
    name: "a listing shows expired records, because the session decides on expiry",
    needs,
    async run(context) {
      const expired = context.record({ createdAt: context.now - HOUR, expiresAt: context.now - 1 });
      await created(context.store, expired);
      sameRecords(await page(context.store, 10), [expired], "list");
    },
  },
  {
    name: "a listing shows what was saved and touched last",
    needs,
    async run({ store, record, now }) {
      const first = record();
      await created(store, first);
      const second = next(first, { data: "second" });
      await store.save(second, first.version);
      await store.touch(second.handle, second.version, now + 2 * HOUR);
      sameRecords(await page(store, 10), [{ ...second, expiresAt: now + 2 * HOUR }], "list");
    },
  },
];
