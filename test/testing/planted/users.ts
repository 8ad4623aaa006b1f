import type { SessionRecord, Tombstone } from "../../../src/core/record.ts";
import type { SessionHandle } from "../../../src/core/id.ts";
import type { CreateOutcome, LoadOutcome, RetireOutcome, SaveOutcome } from "../../../src/core/store.ts";
import type { Fault } from "./fault.ts";
import { pause, PlainStore } from "./plain-store.ts";

/** Faults of users, their epochs and their lists. */
export const userFaults: readonly Fault[] = [
  {
    name: "revoked not refused",
    Store: class extends PlainStore {
      override isRevoked(): boolean {
        return false;
      }
    },
    caughtBy: [
      "a login from before a revocation is refused, by create, save and rotate",
      "revoking while logins run: what is live afterwards is listed, and load shows that it is revoked",
      "a user revoked through one handle is revoked for the other",
    ],
  },
  {
    name: "every record of a revoked user is refused",
    Store: class extends PlainStore {
      override isRevoked({ userId }: SessionRecord): boolean {
        return userId !== null && this.disk.epochs.has(userId);
      }
    },
    caughtBy: ["a record of the user's present epoch, or ahead of it, is accepted"],
  },
  {
    name: "one epoch for all",
    Store: class extends PlainStore {
      override isRevoked({ epoch }: SessionRecord): boolean {
        return epoch < Math.max(0, ...this.disk.epochs.values());
      }
    },
    caughtBy: ["a write of another visitor or of nobody is not touched by a user's revocation"],
  },
  {
    name: "epoch goes back",
    Store: class extends PlainStore {
      override async advanceEpoch(userId: string, atLeast: number): Promise<number> {
        this.disk.epochs.set(userId, atLeast);
        return atLeast;
      }
    },
    caughtBy: ["an epoch rises to what was asked, once however often it is sent, and never goes back"],
  },
  {
    name: "epochs are read first and written later",
    Store: class extends PlainStore {
      override async advanceEpoch(userId: string, atLeast: number): Promise<number> {
        const epoch = Math.max(atLeast, await this.epoch(userId));
        await pause();
        this.disk.epochs.set(userId, epoch);
        return epoch;
      }
    },
    caughtBy: ["of epochs advanced at once the highest holds"],
  },
  {
    name: "the epoch goes with the user's last session",
    Store: class extends PlainStore {
      override remove(handle: string): void {
        const userId = this.disk.entries.get(handle)?.record?.userId ?? null;
        super.remove(handle);
        if (userId !== null && this.disk.indexOf(userId).size === 0) this.disk.epochs.delete(userId);
      }
    },
    caughtBy: ["a swept session leaves its user's list, and the epoch stays"],
  },
  {
    name: "unknown users have epoch 1",
    Store: class extends PlainStore {
      override async epoch(userId: string): Promise<number> {
        return this.disk.epochs.get(userId) ?? 1;
      }
    },
    caughtBy: [
      "a user that was never revoked has epoch 0 and no sessions",
      "a load that comes with a user brings the user's present epoch",
    ],
  },
  {
    name: "load without the user's epoch",
    Store: class extends PlainStore {
      override async load(handle: SessionHandle): Promise<LoadOutcome> {
        const outcome = await super.load(handle);
        return outcome.status === "live" ? { status: "live", record: outcome.record } : outcome;
      }
    },
    caughtBy: ["a load that comes with a user brings the user's present epoch"],
  },
  {
    name: "index after record",
    Store: class extends PlainStore {
      override async create(record: SessionRecord): Promise<CreateOutcome> {
        const outcome = await super.create(record);
        await this.#indexLate(record, outcome.status === "created");
        return outcome;
      }
      override async save(record: SessionRecord, version: string): Promise<SaveOutcome> {
        const outcome = await super.save(record, version);
        await this.#indexLate(record, outcome.status === "saved");
        return outcome;
      }
      async #indexLate({ userId, handle }: SessionRecord, written: boolean): Promise<void> {
        if (!written || userId === null) return;
        this.disk.indexOf(userId).delete(handle);
        for (let turn = 0; turn < 5; turn++) await pause();
        this.disk.indexOf(userId).add(handle);
      }
    },
    caughtBy: ["at no moment is a live session missing from its user's list"],
  },
  {
    name: "index removed before the record",
    Store: class extends PlainStore {
      override async retire(handle: SessionHandle, tombstone: Tombstone, version?: string): Promise<RetireOutcome> {
        const userId = this.disk.entries.get(handle)?.record?.userId ?? null;
        if (userId !== null) this.disk.indexOf(userId).delete(handle);
        for (let turn = 0; turn < 5; turn++) await pause();
        return super.retire(handle, tombstone, version);
      }
    },
    caughtBy: ["at no moment is a live session missing from its user's list"],
  },
  {
    name: "save leaves the index alone",
    Store: class extends PlainStore {
      override async save(record: SessionRecord, version: string): Promise<SaveOutcome> {
        const before = this.disk.entries.get(record.handle)?.record?.userId;
        const outcome = await super.save(record, version);
        if (outcome.status === "saved" && record.userId !== null && before !== record.userId) {
          this.disk.indexOf(record.userId).delete(record.handle);
        }
        return outcome;
      }
    },
    caughtBy: ["a session that changes its user moves from one list to the other"],
  },
  {
    name: "expired sessions are not listed for their user, nor more than 50",
    Store: class extends PlainStore {
      override async sessionsOf(userId: string): Promise<SessionRecord[]> {
        const records = await super.sessionsOf(userId);
        return records.filter(({ expiresAt }) => expiresAt > Date.now()).slice(0, 50);
      }
    },
    caughtBy: ["a user's sessions are listed exactly: created, saved, ended", "all of a user's 60 sessions are listed"],
  },
  {
    name: "a list of copies from when the session was bound",
    Store: class extends PlainStore {
      readonly #bound = new Map<string, SessionRecord>();
      override put(record: SessionRecord): void {
        super.put(record);
        if (!this.#bound.has(record.handle)) this.#bound.set(record.handle, { ...record });
      }
      override async sessionsOf(userId: string): Promise<SessionRecord[]> {
        const records = await super.sessionsOf(userId);
        return records.map((record) => ({ ...(this.#bound.get(record.handle) ?? record) }));
      }
    },
    caughtBy: [
      "a touched session is listed with its new deadline",
      "a user's sessions are listed exactly: created, saved, ended",
    ],
  },
  {
    name: "an index of users without a bound on what a refused write leaves",
    Store: class extends PlainStore {
      override async save(record: SessionRecord, version: string): Promise<SaveOutcome> {
        const outcome = await super.save(record, version);
        const entry = this.disk.entries.get(record.handle);
        if (outcome.status === "conflict" && entry?.record) entry.record = { ...entry.record, userId: record.userId };
        return outcome;
      }
    },
    caughtBy: ["a refused write leaves the lists as they were"],
  },
];
