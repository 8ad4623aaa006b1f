import { SessionError } from "../../../src/core/errors.ts";
import type { SessionHandle } from "../../../src/core/id.ts";
import type { SessionRecord, Tombstone } from "../../../src/core/record.ts";
import type {
  ClearBatch,
  LoadOutcome,
  RetireOutcome,
  RotateOutcome,
  SaveOutcome,
  SessionStore,
} from "../../../src/core/store.ts";
import type { ClientChoices } from "../../../src/testing/schedule/reference-driver.ts";
import { type Disk, PlainStore } from "./plain-store.ts";

type RotateArguments = Parameters<PlainStore["rotate"]>;

/** A store that is broken in one way, and what schedules say about it. */
export interface ScheduledFault {
  readonly name: string;
  readonly Store: new (disk: Disk) => SessionStore;
  readonly says: RegExp;
}

const LOST = /lost the write|increments that were acknowledged/;
const BACK = /was ended, and is open|although its end was acknowledged|under another id/;

/** Faults of stores that show only when requests meet. */
export const scheduledFaults: readonly ScheduledFault[] = [
  {
    name: "upsert instead of save",
    Store: class extends PlainStore {
      override async save(record: SessionRecord): Promise<SaveOutcome> {
        this.put(record);
        return { status: "saved" };
      }
    },
    says: BACK,
  },
  {
    name: "save without comparing",
    Store: class extends PlainStore {
      override async save(record: SessionRecord): Promise<SaveOutcome> {
        return super.save(record, this.find(record.handle)?.record?.version ?? "");
      }
    },
    says: LOST,
  },
  {
    name: "rotate without comparing",
    Store: class extends PlainStore {
      override async rotate(...[handle, , record, tombstone]: RotateArguments): Promise<RotateOutcome> {
        return super.rotate(handle, this.find(handle)?.record?.version ?? "", record, tombstone);
      }
    },
    says: LOST,
  },
  {
    name: "rotate after gone",
    Store: class extends PlainStore {
      override async rotate(...[handle, version, record, tombstone]: RotateArguments): Promise<RotateOutcome> {
        const outcome = await super.rotate(handle, version, record, tombstone);
        if (outcome.status !== "retired") return outcome;
        this.put(record);
        return { status: "rotated" };
      }
    },
    says: BACK,
  },
  {
    name: "rotate forgets to retire",
    Store: class extends PlainStore {
      override async rotate(...[handle, version, record, tombstone]: RotateArguments): Promise<RotateOutcome> {
        const before = this.disk.entries.get(handle);
        const outcome = await super.rotate(handle, version, record, tombstone);
        if (outcome.status === "rotated" && before) this.disk.entries.set(handle, before);
        return outcome;
      }
    },
    says: /is open under \d ids/,
  },
  {
    name: "the tombstone of a rotation forgets where the session went on",
    Store: class extends PlainStore {
      override bury(handle: SessionHandle, stone: Tombstone): void {
        super.bury(handle, { ...stone, successor: null });
      }
    },
    says: /The end of .* was acknowledged, and it is open under another id/,
  },
  {
    name: "unconditional retire, and no rotation in one step",
    Store: class extends PlainStore {
      override readonly rotate = undefined as never;
      override async retire(handle: SessionHandle, tombstone: Tombstone): Promise<RetireOutcome> {
        return super.retire(handle, tombstone);
      }
    },
    says: LOST,
  },
  {
    name: "refill after revoke: a cache of what was loaded",
    Store: class extends PlainStore {
      readonly #cache = new Map<string, LoadOutcome>();
      override async load(handle: SessionHandle): Promise<LoadOutcome> {
        const cached = this.#cache.get(handle);
        if (cached !== undefined) return structuredClone(cached);
        const outcome = await super.load(handle);
        if (outcome.status === "live") this.#cache.set(handle, structuredClone(outcome));
        return outcome;
      }
    },
    says: BACK,
  },
  {
    name: "load without the user's epoch, and a login from before a revocation is stored",
    Store: class extends PlainStore {
      override isRevoked(): boolean {
        return false;
      }
      override async load(handle: SessionHandle): Promise<LoadOutcome> {
        const outcome = await super.load(handle);
        return outcome.status === "live" ? { status: "live", record: outcome.record } : outcome;
      }
      override async sessionsOf(userId: string): Promise<SessionRecord[]> {
        return (await super.sessionsOf(userId)).slice(1);
      }
    },
    says: /open although its user was revoked/,
  },
  {
    name: "the index is not kept when the id changes",
    Store: class extends PlainStore {
      override async rotate(...[handle, version, record, tombstone]: RotateArguments): Promise<RotateOutcome> {
        const outcome = await super.rotate(handle, version, record, tombstone);
        if (outcome.status === "rotated" && record.userId !== null) this.disk.indexOf(record.userId).delete(record.handle);
        return outcome;
      }
    },
    says: /missing from its user's list/,
  },
  {
    name: "clearExpired removes a live record",
    Store: class extends PlainStore {
      override async clearExpired({ limit }: ClearBatch): Promise<number> {
        return super.clearExpired({ before: Infinity, limit });
      }
    },
    says: /is gone, and nobody ended it/,
  },
  {
    name: "a write that was stored is reported as surely not stored",
    Store: class extends PlainStore {
      #writes = 0;
      override async save(record: SessionRecord, version: string): Promise<SaveOutcome> {
        const outcome = await super.save(record, version);
        if (outcome.status === "saved" && ++this.#writes % 2 === 0) {
          throw new SessionError("ERR_SESSION_STORE", "The store said no", { applied: "no" });
        }
        return outcome;
      }
    },
    says: /of which its writer was told that it was not stored/,
  },
  {
    name: "a rotation begins the session anew",
    Store: class extends PlainStore {
      override async rotate(...[handle, version, record, tombstone]: RotateArguments): Promise<RotateOutcome> {
        const outcome = await super.rotate(handle, version, record, tombstone);
        if (outcome.status === "rotated") this.put({ ...record, createdAt: record.createdAt + 1 });
        return outcome;
      }
    },
    says: /has lost the moment when it began/,
  },
];

/** A client that chooses wrongly, over a store that is right. */
export interface ClientFault {
  readonly name: string;
  readonly choices: ClientChoices;
  readonly says: RegExp;
}

const right: Omit<ClientChoices, "version"> = { isOwn: (found, sent) => found.version === sent.version, repeats: false };
let versions = 0;

/** Faults of clients: what a version and a retry are for. */
export const clientFaults: readonly ClientFault[] = [
  {
    name: "counters as versions",
    choices: { ...right, version: (base) => String(Number(base?.version.length === 16 ? 0 : (base?.version ?? 0)) + 1) },
    says: LOST,
  },
  {
    name: "a retry counted twice",
    choices: { version: () => `version ${++versions}`, isOwn: () => false, repeats: true },
    says: /has an update twice|increments can have been stored/,
  },
];
