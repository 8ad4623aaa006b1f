import type { SessionHandle } from "../../../src/core/id.ts";
import type { SessionRecord, Tombstone } from "../../../src/core/record.ts";
import type { LoadOutcome, SaveOutcome } from "../../../src/core/store.ts";
import type { Fault } from "./fault.ts";
import { type Disk, PlainStore } from "./plain-store.ts";

/** Faults of what is shared: objects with the caller, storage with other handles, a process with the next. */
export const sharingFaults: readonly Fault[] = [
  {
    name: "live object shared: what was given is kept",
    Store: class extends PlainStore {
      override put(record: SessionRecord): void {
        super.put(record);
        this.disk.entries.set(record.handle, { record, stone: null });
      }
      override async save(record: SessionRecord, version: string): Promise<SaveOutcome> {
        const outcome = await super.save(record, version);
        if (outcome.status === "saved") this.put(record);
        return outcome;
      }
      override bury(handle: SessionHandle, stone: Tombstone): void {
        super.bury(handle, stone);
        this.disk.entries.set(handle, { record: null, stone });
      }
    },
    caughtBy: [
      "changing a record after it was created does not change what is stored",
      "changing a record after it was saved or rotated does not change what is stored",
      "changing a tombstone that was given or given back does not change what is stored",
    ],
  },
  {
    name: "live object shared: what is stored is given out",
    Store: class extends PlainStore {
      override async load(handle: SessionHandle): Promise<LoadOutcome> {
        const outcome = await super.load(handle);
        const record = this.disk.entries.get(handle)?.record;
        return outcome.status === "live" && record ? { ...outcome, record } : outcome;
      }
      override conflict(record: SessionRecord): { status: "conflict"; record: SessionRecord } {
        return { status: "conflict", record };
      }
      override sorted(): SessionRecord[] {
        return [...this.disk.entries.values()].flatMap(({ record }) => record ?? []);
      }
    },
    caughtBy: [
      "changing a record that load gave does not change what is stored",
      "changing a record that a conflict showed does not change what is stored",
      "changing a record of a list does not change what is stored",
    ],
  },
  {
    name: "a mark is left on the record that was given",
    Store: class extends PlainStore {
      override put(record: SessionRecord): void {
        Object.assign(record, { stored: true });
        super.put(record);
      }
    },
    caughtBy: ["frozen records are accepted"],
  },
  {
    name: "every handle reads what it saw first",
    Store: class extends PlainStore {
      readonly #seen = new Map<string, LoadOutcome>();
      override put(record: SessionRecord): void {
        super.put(record);
        this.#seen.delete(record.handle);
      }
      override bury(handle: SessionHandle, stone: Tombstone): void {
        super.bury(handle, stone);
        this.#seen.delete(handle);
      }
      override async load(handle: SessionHandle): Promise<LoadOutcome> {
        const outcome = this.#seen.get(handle) ?? (await super.load(handle));
        if (outcome.status === "live") this.#seen.set(handle, outcome);
        return outcome;
      }
    },
    caughtBy: ["what one handle wrote, another reads at once"],
  },
  {
    name: "copies that are kept for longer than declared, and given to those who want the original",
    Store: class extends PlainStore {
      readonly staleSeconds = 0.05;
      readonly #copies = new Map<string, LoadOutcome>();
      override put(record: SessionRecord): void {
        super.put(record);
        this.#copies.delete(record.handle);
      }
      override bury(handle: SessionHandle, stone: Tombstone): void {
        super.bury(handle, stone);
        this.#copies.delete(handle);
      }
      override async load(handle: SessionHandle): Promise<LoadOutcome> {
        const outcome = this.#copies.get(handle) ?? (await super.load(handle));
        this.#copies.set(handle, outcome);
        return outcome;
      }
    },
    caughtBy: [
      "what one handle wrote, another that keeps copies reads within the seconds that it declares",
      "a load that asks for the original sees at once what another handle wrote",
    ],
  },
  {
    name: "refill after revoke: a cache is filled by a load that was under way",
    Store: class extends PlainStore {
      readonly #cache = new Map<string, LoadOutcome>();
      override put(record: SessionRecord): void {
        super.put(record);
        this.#cache.delete(record.handle);
      }
      override bury(handle: SessionHandle, stone: Tombstone): void {
        super.bury(handle, stone);
        this.#cache.delete(handle);
      }
      override async load(handle: SessionHandle): Promise<LoadOutcome> {
        const cached = this.#cache.get(handle);
        if (cached !== undefined) return cached;
        const outcome = await super.load(handle);
        if (outcome.status === "live") this.#cache.set(handle, outcome);
        return outcome;
      }
    },
    caughtBy: ["a load that was under way when the session ended or changed does not bring the old state back"],
  },
  {
    name: "nothing but records survives a restart",
    Store: class extends PlainStore {
      constructor(disk: Disk) {
        super(disk);
        disk.epochs.clear();
        disk.index.clear();
        for (const [handle, { stone }] of disk.entries) if (stone !== null) disk.entries.delete(handle);
      }
    },
    caughtBy: ["everything is there after a restart: records, tombstones, users and their epochs"],
  },
  {
    name: "closing one handle closes the storage",
    Store: class extends PlainStore {
      override async close(): Promise<void> {
        this.disk.entries.clear();
      }
    },
    caughtBy: ["closing one handle leaves the other at work"],
  },
  {
    name: "closing twice fails",
    Store: class extends PlainStore {
      #closed = false;
      override async close(): Promise<void> {
        if (this.#closed) throw new Error("closed");
        this.#closed = true;
      }
    },
    caughtBy: ["closing twice is as good as once"],
  },
];
