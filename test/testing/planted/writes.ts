import type { SessionRecord } from "../../../src/core/record.ts";
import type { CreateOutcome, LoadOutcome, SaveOutcome } from "../../../src/core/store.ts";
import type { SessionHandle } from "../../../src/core/id.ts";
import type { Fault } from "./fault.ts";
import { pause, PlainStore } from "./plain-store.ts";

/** Faults of `load`, `create` and `save`. */
export const writeFaults: readonly Fault[] = [
  {
    name: "says nothing about itself",
    Store: class extends PlainStore {
      override readonly name = "";
    },
    caughtBy: ["a store says what it is: a name, where processes meet, whether sessions survive a restart"],
  },
  {
    name: "upsert instead of save",
    Store: class extends PlainStore {
      override async save(record: SessionRecord, expectedVersion: string): Promise<SaveOutcome> {
        const entry = this.find(record.handle);
        if (entry?.record && entry.record.version !== expectedVersion) return this.conflict(entry.record);
        this.put({ ...record, createdAt: entry?.record?.createdAt ?? record.createdAt });
        return { status: "saved" };
      }
    },
    caughtBy: [
      "save never creates: a write onto nothing leaves nothing",
      "a write that arrives after logout does not bring the session back",
      "a write that arrives after a rotation is told so, and does not bring the old id back",
      "in a race between logout and writes, the session stays ended",
      "in a race between logout and writes over two handles, the session stays ended",
    ],
  },
  {
    name: "save without comparing",
    Store: class extends PlainStore {
      override async save(record: SessionRecord): Promise<SaveOutcome> {
        const entry = this.find(record.handle);
        return super.save(record, entry?.record?.version ?? "");
      }
    },
    caughtBy: [
      "save onto another version is a conflict that shows the record, and changes nothing",
      "a save that is delivered late, after others, changes nothing",
      "a save that is delivered twice is stored once, and the writer finds its own version",
      "of many saves at once onto one version, one is saved, and the others are shown what stands there",
      "what one handle wrote, another reads at once",
      "changing a record that a conflict showed does not change what is stored",
      "a refused write leaves the lists as they were",
    ],
  },
  {
    name: "compare first, write later",
    Store: class extends PlainStore {
      override async save(record: SessionRecord, expectedVersion: string): Promise<SaveOutcome> {
        const entry = this.find(record.handle);
        if (entry?.record?.version !== expectedVersion) return super.save(record, expectedVersion);
        await pause();
        this.put({ ...record, createdAt: entry.record.createdAt });
        return { status: "saved" };
      }
    },
    caughtBy: [
      "200 increments at once, each retried until it is saved, count 200",
      "200 increments over two handles, each retried until it is saved, count 200",
      "many visitors at once do not get in each other's way",
      "in a race between logout and writes, the session stays ended",
      "in a race between rotate and save, one wins and nothing that was acknowledged is lost",
    ],
  },
  {
    name: "looks first, creates later",
    Store: class extends PlainStore {
      override async create(record: SessionRecord): Promise<CreateOutcome> {
        if (this.disk.entries.has(record.handle)) return { status: "exists" };
        await pause();
        this.put(record);
        return { status: "created" };
      }
    },
    caughtBy: [
      "of 100 creates of one handle at once, one wins, and its record is the one that is stored",
      "of creates of one handle over two handles, one wins",
    ],
  },
  {
    name: "create overwrites",
    Store: class extends PlainStore {
      override async create(record: SessionRecord): Promise<CreateOutcome> {
        this.put(record);
        return { status: "created" };
      }
    },
    caughtBy: [
      "create refuses a handle that a record has, and leaves the record alone",
      "create refuses the handle of an expired record",
      "create refuses the handle of a session that is over, so it does not come back",
      "a create that is delivered twice stores one record, and the writer finds its own version",
      "a refused create leaves no trace in the user's list",
      "the record of a lock is a record like any other",
    ],
  },
  {
    name: "counters as versions",
    Store: class extends PlainStore {
      override put(record: SessionRecord): void {
        const before = this.disk.entries.get(record.handle)?.record?.version ?? "0";
        super.put({ ...record, version: String(Number(before) + 1) });
      }
    },
    caughtBy: [
      "a new record comes back exactly as it was written",
      "save replaces the record that still has the version that was read",
      "a create that is delivered twice stores one record, and the writer finds its own version",
      "any text may be a version",
      "what is in a record stays together under many writes",
    ],
  },
  {
    name: "a retry counted twice: a conflict is written over, on the version found",
    Store: class extends PlainStore {
      override async save(record: SessionRecord, expectedVersion: string): Promise<SaveOutcome> {
        const outcome = await super.save(record, expectedVersion);
        return outcome.status === "conflict" ? super.save(record, outcome.record.version) : outcome;
      }
    },
    caughtBy: [
      "a save that is delivered twice is stored once, and the writer finds its own version",
      "a save that is delivered late, after others, changes nothing",
    ],
  },
  {
    name: "versions compared without their case",
    Store: class extends PlainStore {
      override async save(record: SessionRecord, expectedVersion: string): Promise<SaveOutcome> {
        const version = this.find(record.handle)?.record?.version;
        return super.save(record, version?.toLowerCase() === expectedVersion.toLowerCase() ? version : expectedVersion);
      }
    },
    caughtBy: ["versions that differ only in case are different versions"],
  },
  {
    name: "versions compared as numbers",
    Store: class extends PlainStore {
      override async save(record: SessionRecord, expectedVersion: string): Promise<SaveOutcome> {
        const version = this.find(record.handle)?.record?.version;
        const same = version !== undefined && Number(version) === Number(expectedVersion);
        return super.save(record, same ? version : expectedVersion);
      }
    },
    caughtBy: ["versions that look like numbers stay text"],
  },
  {
    name: "save moves the moment when the session began",
    Store: class extends PlainStore {
      override put(record: SessionRecord): void {
        super.put(this.disk.entries.has(record.handle) ? { ...record, createdAt: Date.now() } : record);
      }
    },
    caughtBy: ["save keeps the moment when the session began"],
  },
  {
    name: "save keeps the later deadline",
    Store: class extends PlainStore {
      override put(record: SessionRecord): void {
        const before = this.disk.entries.get(record.handle)?.record?.expiresAt ?? 0;
        super.put({ ...record, expiresAt: Math.max(before, record.expiresAt) });
      }
    },
    caughtBy: [
      "save may bring the deadline nearer",
      "in a race between touch and a save that shortens the deadline, the shorter deadline holds",
      "a touch from before a shorter deadline was saved does not lengthen it",
    ],
  },
  {
    name: "a conflict shows the user's epoch from long ago",
    Store: class extends PlainStore {
      override conflict(record: SessionRecord): { status: "conflict"; record: SessionRecord; userEpoch: number } {
        return { status: "conflict", record: { ...record }, userEpoch: 0 };
      }
    },
    caughtBy: ["a conflict that brings a user's epoch brings the present one"],
  },
  {
    name: "expired records are removed when they are read",
    Store: class extends PlainStore {
      override async load(handle: SessionHandle): Promise<LoadOutcome> {
        const entry = this.disk.entries.get(handle);
        if (entry !== undefined && this.isOver(entry, Date.now())) this.remove(handle);
        return super.load(handle);
      }
    },
    caughtBy: [
      "a record past its deadline is served, because the session decides on expiry",
      "a tombstone past its time is still a tombstone until it is swept",
      "a sweep goes by the moment that it is given, not by a clock of its own",
    ],
  },
  {
    name: "an expired record cannot be written or ended",
    Store: class extends PlainStore {
      override find(handle: SessionHandle) {
        const entry = super.find(handle);
        return entry !== undefined && this.isOver(entry, Date.now()) ? undefined : entry;
      }
      override async retire(...args: Parameters<PlainStore["retire"]>) {
        return this.find(args[0]) === undefined ? ({ status: "missing" } as const) : super.retire(...args);
      }
    },
    caughtBy: [
      "save writes onto a record past its deadline, because the session decides on expiry",
      "retire ends a record past its deadline",
    ],
  },
  {
    name: "the engine's slack is part of the deadline that is given back",
    Store: class extends PlainStore {
      override put(record: SessionRecord): void {
        super.put({ ...record, expiresAt: record.expiresAt + 60_000 });
      }
    },
    caughtBy: ["a new record comes back exactly as it was written", "a record of a user comes back with its user and epoch"],
  },
  {
    name: "loading an unknown handle makes an empty record",
    Store: class extends PlainStore {
      override async load(handle: SessionHandle): Promise<LoadOutcome> {
        const outcome = await super.load(handle);
        if (outcome.status === "missing") {
          this.put({ handle, data: "", version: "0", createdAt: 0, expiresAt: 0, userId: null, epoch: 0 });
        }
        return outcome;
      }
    },
    caughtBy: ["loading a handle that holds nothing creates nothing"],
  },
  {
    name: "an unknown handle is served as an empty session",
    Store: class extends PlainStore {
      override async load(handle: SessionHandle): Promise<LoadOutcome> {
        const outcome = await super.load(handle);
        if (outcome.status !== "missing") return outcome;
        const record = { handle, data: "{}", version: "0", createdAt: 0, expiresAt: Infinity, userId: null, epoch: 0 };
        return { status: "live", record };
      }
    },
    caughtBy: [
      "a handle that was never stored is missing",
      "text that is no handle finds nothing, and never another's record",
    ],
  },
  {
    name: "reading counts as a change",
    Store: class extends PlainStore {
      override async load(handle: SessionHandle): Promise<LoadOutcome> {
        const outcome = await super.load(handle);
        const entry = this.disk.entries.get(handle);
        if (entry?.record) entry.record = { ...entry.record, version: `${entry.record.version}+` };
        return outcome;
      }
    },
    caughtBy: ["loading changes nothing, however often it is done"],
  },
  {
    name: "one place for all records",
    Store: class extends PlainStore {
      override put(record: SessionRecord): void {
        super.put(record);
        for (const entry of this.disk.entries.values())
          if (entry.record) entry.record = { ...entry.record, data: record.data };
      }
    },
    caughtBy: ["many records do not mix"],
  },
  {
    name: "an unreadable record is taken as missing",
    Store: class extends PlainStore {
      override async load(handle: SessionHandle): Promise<LoadOutcome> {
        const entry = this.disk.entries.get(handle);
        return entry?.record === null && entry.stone === null ? { status: "missing" } : super.load(handle);
      }
    },
    caughtBy: ["an unreadable record is refused as unreadable, never taken as missing"],
  },
  {
    name: "an unreadable record is overwritten",
    Store: class extends PlainStore {
      override async save(record: SessionRecord, expectedVersion: string): Promise<SaveOutcome> {
        const entry = this.disk.entries.get(record.handle);
        if (entry?.record !== null || entry.stone !== null) return super.save(record, expectedVersion);
        this.put(record);
        return { status: "saved" };
      }
    },
    caughtBy: ["an unreadable record is never overwritten"],
  },
  {
    name: "an unreadable record cannot be ended",
    Store: class extends PlainStore {
      override async retire(...args: Parameters<PlainStore["retire"]>) {
        this.find(args[0]);
        return super.retire(...args);
      }
    },
    caughtBy: ["an unreadable record can still be ended"],
  },
];
