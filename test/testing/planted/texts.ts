import type { SessionHandle } from "../../../src/core/id.ts";
import type { SessionRecord } from "../../../src/core/record.ts";
import type { CreateOutcome } from "../../../src/core/store.ts";
import type { Fault } from "./fault.ts";
import { type Entry, PlainStore } from "./plain-store.ts";

/** A store that keeps one field in another form. */
function storing(change: (record: SessionRecord) => Partial<SessionRecord>): Fault["Store"] {
  return class extends PlainStore {
    override put(record: SessionRecord): void {
      super.put({ ...record, ...change(record) });
    }
  };
}

/** A store for which several handles are one. */
function finding(by: (handle: string) => string): Fault["Store"] {
  return class extends PlainStore {
    override find(handle: SessionHandle): Entry | undefined {
      return super.find(by(handle) as SessionHandle);
    }
    override async retire(...[handle, ...rest]: Parameters<PlainStore["retire"]>) {
      return super.retire(by(handle) as SessionHandle, ...rest);
    }
  };
}

/** A store for which several users are one. */
function naming(by: (userId: string) => string): Fault["Store"] {
  return class extends PlainStore {
    override async advanceEpoch(userId: string, atLeast: number): Promise<number> {
      return super.advanceEpoch(by(userId), atLeast);
    }
    override async epoch(userId: string): Promise<number> {
      return super.epoch(by(userId));
    }
  };
}

const SPELLING = "a user is exactly the text that was given: no other spelling is the same user";
const CHARACTERS = "data comes back character by character, whatever is in it";
const NO_HANDLE = "text that is no handle finds nothing, and never another's record";
const APART = "text that is no handle is refused, or kept apart like any other";

/** Faults of text, numbers and handles that are none. */
export const textFaults: readonly Fault[] = [
  { name: "data is trimmed", Store: storing(({ data }) => ({ data: data.trim() })), caughtBy: [CHARACTERS] },
  {
    name: "data is brought to one Unicode form",
    Store: storing(({ data }) => ({ data: data.normalize("NFC") })),
    caughtBy: [CHARACTERS],
  },
  {
    name: "data is kept as Latin-1",
    Store: storing(({ data }) => ({ data: Buffer.from(data, "latin1").toString("latin1") })),
    caughtBy: [CHARACTERS],
  },
  {
    name: "line ends are changed",
    Store: storing(({ data }) => ({ data: data.replaceAll("\r\n", "\n") })),
    caughtBy: [CHARACTERS],
  },
  {
    name: "data is cut at 64 KB",
    Store: storing(({ data }) => ({ data: data.slice(0, 65_535) })),
    caughtBy: ["data of 1 MB comes back whole"],
  },
  {
    name: "half a surrogate pair becomes a question mark in silence",
    Store: storing(({ data }) => ({ data: data.toWellFormed() })),
    caughtBy: ["data that an engine cannot hold is refused, never changed"],
  },
  {
    name: "data ends at a NUL",
    Store: storing(({ data }) => ({ data: data.split("\0")[0] ?? "" })),
    caughtBy: ["data that an engine cannot hold is refused, never changed"],
  },
  {
    name: "times are kept in seconds of 32 bits",
    Store: storing(({ expiresAt }) => ({ expiresAt: (Math.floor(expiresAt / 1000) | 0) * 1000 })),
    caughtBy: ["times from 1970 to the year 9999 come back to the millisecond"],
  },
  {
    name: "epochs are kept in 32 bits",
    Store: storing(({ epoch }) => ({ epoch: epoch | 0 })),
    caughtBy: ["epochs as large as a time in milliseconds come back exactly"],
  },
  { name: "users are kept in lower case", Store: naming((userId) => userId.toLowerCase()), caughtBy: [SPELLING] },
  { name: "users lose spaces at their end", Store: naming((userId) => userId.trimEnd()), caughtBy: [SPELLING] },
  {
    name: "users that are numbers are numbers",
    Store: naming((userId) => String(Number(userId) || userId)),
    caughtBy: [SPELLING],
  },
  { name: "users are cut at 254 characters", Store: naming((userId) => userId.slice(0, 254)), caughtBy: [SPELLING] },
  {
    name: "users are brought to one Unicode form",
    Store: naming((userId) => userId.normalize("NFC")),
    caughtBy: [SPELLING],
  },
  {
    name: "the record's user is cut at 100 characters",
    Store: storing(({ userId }) => ({ userId: userId?.slice(0, 100) ?? null })),
    caughtBy: [SPELLING],
  },
  {
    name: "a mark of an earlier version is refused",
    Store: class extends PlainStore {
      override async create(record: SessionRecord): Promise<CreateOutcome> {
        if (!/^\w+$/.test(record.version)) throw new TypeError("That is no version.");
        return super.create(record);
      }
    },
    caughtBy: ["any text may be a version"],
  },
  {
    name: "locks are not kept",
    Store: class extends PlainStore {
      override async create(record: SessionRecord): Promise<CreateOutcome> {
        return record.handle.startsWith("lock-") ? { status: "created" } : super.create(record);
      }
    },
    caughtBy: ["the record of a lock is a record like any other"],
  },
  {
    name: "every tenth write keeps the old data",
    Store: class extends PlainStore {
      #writes = 0;
      override put(record: SessionRecord): void {
        const old = this.disk.entries.get(record.handle)?.record?.data ?? record.data;
        super.put(++this.#writes % 10 === 0 ? { ...record, data: old } : record);
      }
    },
    caughtBy: ["what is in a record stays together under many writes"],
  },
  { name: "handles are found in any case", Store: finding((handle) => handle.toLowerCase()), caughtBy: [NO_HANDLE] },
  { name: "handles are found with spaces around them", Store: finding((handle) => handle.trim()), caughtBy: [NO_HANDLE] },
  { name: "handles end at a NUL", Store: finding((handle) => handle.split("\0")[0] ?? ""), caughtBy: [NO_HANDLE] },
  { name: "handles are paths", Store: finding((handle) => handle.split("/").at(-1) ?? ""), caughtBy: [NO_HANDLE] },
  { name: "handles are cut at 48 characters", Store: finding((handle) => handle.slice(0, 48)), caughtBy: [NO_HANDLE] },
  {
    name: "odd handles are stored in one place",
    Store: class extends PlainStore {
      override put(record: SessionRecord): void {
        super.put(record);
        const entry = this.disk.entries.get(record.handle);
        if (entry && !/^[0-9a-f]{48}$/.test(record.handle)) {
          for (const handle of this.disk.entries.keys())
            if (!/^[0-9a-f]{48}$/.test(handle)) this.disk.entries.set(handle, entry);
        }
      }
    },
    caughtBy: [APART],
  },
];
