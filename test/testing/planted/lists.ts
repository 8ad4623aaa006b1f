import { isLockHandle, type SessionHandle } from "../../../src/core/id.ts";
import type { SessionRecord } from "../../../src/core/record.ts";
import type { ClearBatch, ListPage } from "../../../src/core/store.ts";
import type { Fault } from "./fault.ts";
import { type Entry, pause, PlainStore } from "./plain-store.ts";

/** Faults of `list` and `clearExpired`. */
export const listFaults: readonly Fault[] = [
  {
    name: "list includes tombstones",
    Store: class extends PlainStore {
      override sorted(): SessionRecord[] {
        const stones = [...this.disk.entries]
          .filter(([, { stone }]) => stone !== null)
          .map(([handle]) => handle as SessionHandle);
        const empty = { data: "", version: "", createdAt: 0, expiresAt: 0, userId: null, epoch: 0 };
        const records = [...super.sorted(), ...stones.map((handle) => ({ handle, ...empty }))];
        return records.toSorted((a, b) => (a.handle < b.handle ? -1 : 1));
      }
    },
    caughtBy: [
      "a listing leaves out tombstones, and a page is full while records follow",
      "a session that is over is in no list",
    ],
  },
  {
    name: "a page is cut before tombstones are left out",
    Store: class extends PlainStore {
      override async list({ after = "" as SessionHandle, limit }: ListPage): Promise<SessionRecord[]> {
        const handles = [...this.disk.entries.keys()].toSorted().filter((handle) => handle > after);
        return handles.slice(0, limit).flatMap((handle) => {
          const record = this.disk.entries.get(handle)?.record;
          return record ? [{ ...record }] : [];
        });
      }
    },
    caughtBy: ["a listing leaves out tombstones, and a page is full while records follow"],
  },
  {
    name: "list in the order of insertion",
    Store: class extends PlainStore {
      override sorted(): SessionRecord[] {
        return super.sorted().toSorted((a, b) => a.data.localeCompare(b.data));
      }
    },
    caughtBy: [
      "a listing gives whole records in the order of their handles",
      "pages of any size, put together, are the whole list",
    ],
  },
  {
    name: "a page begins with the handle that it should begin after",
    Store: class extends PlainStore {
      override async list({ after = "" as SessionHandle, limit }: ListPage): Promise<SessionRecord[]> {
        const page = this.sorted().filter(({ handle }) => handle >= after);
        return page.slice(0, limit);
      }
    },
    caughtBy: ["pages of any size, put together, are the whole list"],
  },
  {
    name: "a page begins after a handle that it looks for",
    Store: class extends PlainStore {
      override async list({ after, limit }: ListPage): Promise<SessionRecord[]> {
        const all = this.sorted();
        const start = all.findIndex(({ handle }) => handle === after) + 1;
        return all.slice(start, start + limit);
      }
    },
    caughtBy: ["a page begins after a handle that is no longer there"],
  },
  {
    name: "list leaves out what has expired by its own clock",
    Store: class extends PlainStore {
      override sorted(): SessionRecord[] {
        return super.sorted().filter(({ expiresAt }) => expiresAt > Date.now());
      }
    },
    caughtBy: ["a listing shows expired records, because the session decides on expiry"],
  },
  {
    name: "list shows a record as it was created",
    Store: class extends PlainStore {
      readonly #first = new Map<string, SessionRecord>();
      override put(record: SessionRecord): void {
        super.put(record);
        if (!this.#first.has(record.handle)) this.#first.set(record.handle, { ...record });
      }
      override sorted(): SessionRecord[] {
        return super.sorted().map((record) => ({ ...(this.#first.get(record.handle) ?? record) }));
      }
    },
    caughtBy: ["a listing shows what was saved and touched last"],
  },
  {
    name: "an empty list has an empty record",
    Store: class extends PlainStore {
      override async list(page: ListPage): Promise<SessionRecord[]> {
        const found = await super.list(page);
        const handle = (page.after ?? "") as SessionHandle;
        return found.length > 0 || page.after !== undefined
          ? found
          : [{ handle, data: "", version: "", createdAt: 0, expiresAt: 0, userId: null, epoch: 0 }];
      }
    },
    caughtBy: ["an empty store lists nothing"],
  },
  {
    name: "clearExpired removes a live record",
    Store: class extends PlainStore {
      override isOver(entry: Entry, before: number): boolean {
        return super.isOver(entry, before + 1);
      }
    },
    caughtBy: [
      "a sweep removes records whose deadline is at or before its moment, and no others",
      "a tombstone's time may move later, and never earlier",
    ],
  },
  {
    name: "clearExpired leaves what is over at that very moment",
    Store: class extends PlainStore {
      override isOver(entry: Entry, before: number): boolean {
        return super.isOver(entry, before - 1);
      }
    },
    caughtBy: [
      "a sweep removes records whose deadline is at or before its moment, and no others",
      "a batch that ends exactly at its limit is followed by an empty one",
      "a handle that was swept is free again",
    ],
  },
  {
    name: "clearExpired goes by the machine's clock",
    Store: class extends PlainStore {
      override isOver(entry: Entry): boolean {
        return super.isOver(entry, Date.now());
      }
    },
    caughtBy: ["a sweep goes by the moment that it is given, not by a clock of its own"],
  },
  {
    name: "clearExpired knows no tombstones",
    Store: class extends PlainStore {
      override isOver(entry: Entry, before: number): boolean {
        return entry.record !== null && super.isOver(entry, before);
      }
    },
    caughtBy: ["a sweep removes tombstones whose time is at or before its moment, and no others"],
  },
  {
    name: "clearExpired removes everything at once",
    Store: class extends PlainStore {
      override async clearExpired({ before }: ClearBatch): Promise<number> {
        return super.clearExpired({ before, limit: Infinity });
      }
    },
    caughtBy: [
      "a batch removes at most its limit, and fewer only when none is left",
      "a batch that ends exactly at its limit is followed by an empty one",
    ],
  },
  {
    name: "clearExpired says that it removed its limit",
    Store: class extends PlainStore {
      override async clearExpired(batch: ClearBatch): Promise<number> {
        return (await super.clearExpired(batch)) && batch.limit;
      }
    },
    caughtBy: ["sweeps over two handles remove each record once"],
  },
  {
    name: "clearExpired of nothing says one",
    Store: class extends PlainStore {
      override async clearExpired(batch: ClearBatch): Promise<number> {
        return Math.max(1, await super.clearExpired(batch));
      }
    },
    caughtBy: ["a sweep of an empty store removes nothing"],
  },
  {
    name: "clearExpired goes by the deadline that a record had first",
    Store: class extends PlainStore {
      readonly #first = new Map<string, number>();
      override put(record: SessionRecord): void {
        if (!this.disk.entries.has(record.handle)) this.#first.set(record.handle, record.expiresAt);
        super.put(record);
      }
      override isOver(entry: Entry, before: number): boolean {
        if (entry.record === null) return super.isOver(entry, before);
        return (this.#first.get(entry.record.handle) ?? Infinity) <= before;
      }
    },
    caughtBy: ["a sweep goes by the deadline that was written last", "a sweep never removes what was renewed while it ran"],
  },
  {
    name: "clearExpired takes locks for what nobody needs",
    Store: class extends PlainStore {
      override isOver(entry: Entry, before: number): boolean {
        return super.isOver(entry, entry.record !== null && isLockHandle(entry.record.handle) ? Infinity : before);
      }
    },
    caughtBy: ["a sweep leaves a lock alone until its deadline, and then removes it"],
  },
  {
    name: "clearExpired looks no further than its limit",
    Store: class extends PlainStore {
      readonly #first = new Map<string, number>();
      override put(record: SessionRecord): void {
        if (!this.disk.entries.has(record.handle)) this.#first.set(record.handle, record.expiresAt);
        super.put(record);
      }
      override async clearExpired({ before, limit }: ClearBatch): Promise<number> {
        const isDue = ([handle]: [string, Entry]): boolean => (this.#first.get(handle) ?? 0) <= before;
        const front = [...this.disk.entries].filter(isDue).slice(0, limit);
        const over = front.filter(([, entry]) => this.isOver(entry, before));
        for (const [handle] of over) this.remove(handle);
        return over.length;
      }
    },
    caughtBy: ["a sweep finds what is over behind any number of sessions that were renewed"],
  },
  {
    name: "clearExpired looks first and removes later",
    Store: class extends PlainStore {
      override async clearExpired({ before, limit }: ClearBatch): Promise<number> {
        const over = [...this.disk.entries].filter(([, entry]) => this.isOver(entry, before)).slice(0, limit);
        await pause();
        for (const [handle] of over) this.remove(handle);
        return over.length;
      }
      override async touch(...args: Parameters<PlainStore["touch"]>) {
        await Promise.resolve();
        return super.touch(...args);
      }
    },
    caughtBy: ["a sweep never removes what was renewed while it ran", "sweeps over two handles remove each record once"],
  },
  {
    name: "a tombstone goes with the deadline of its record",
    Store: class extends PlainStore {
      readonly #deadline = new Map<string, number>();
      override put(record: SessionRecord): void {
        super.put(record);
        this.#deadline.set(record.handle, record.expiresAt);
      }
      override isOver(entry: Entry, before: number): boolean {
        const handle = [...this.disk.entries].find(([, each]) => each === entry)?.[0] ?? "";
        return entry.stone === null ? super.isOver(entry, before) : (this.#deadline.get(handle) ?? 0) <= before;
      }
    },
    caughtBy: ["a tombstone stays for its own time, whatever deadline the record had"],
  },
];
