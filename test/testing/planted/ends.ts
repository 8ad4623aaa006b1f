import type { SessionHandle } from "../../../src/core/id.ts";
import type { SessionRecord, Tombstone } from "../../../src/core/record.ts";
import type { RetireOutcome, RotateOutcome, TouchOutcome } from "../../../src/core/store.ts";
import type { Fault } from "./fault.ts";
import { pause, PlainStore } from "./plain-store.ts";

type RotateArguments = Parameters<PlainStore["rotate"]>;

/** Faults of `touch`, `retire` and `rotate`. */
export const endFaults: readonly Fault[] = [
  {
    name: "touch creates",
    Store: class extends PlainStore {
      override async touch(handle: SessionHandle, version: string, expiresAt: number): Promise<TouchOutcome> {
        if (this.find(handle) === undefined) {
          this.put({ handle, data: "", version, createdAt: 0, expiresAt, userId: null, epoch: 0 });
        }
        return super.touch(handle, version, expiresAt);
      }
    },
    caughtBy: ["touch never creates: a touch of nothing leaves nothing"],
  },
  {
    name: "touch revives",
    Store: class extends PlainStore {
      readonly #last = new Map<string, SessionRecord>();
      override bury(handle: SessionHandle, stone: Tombstone): void {
        const record = this.disk.entries.get(handle)?.record;
        if (record) this.#last.set(handle, record);
        super.bury(handle, stone);
      }
      override async touch(handle: SessionHandle, version: string, expiresAt: number): Promise<TouchOutcome> {
        const record = this.#last.get(handle);
        if (record !== undefined) this.put(record);
        return super.touch(handle, version, expiresAt);
      }
    },
    caughtBy: ["a touch that arrives after the session ended does not bring it back"],
  },
  {
    name: "touch brings the deadline nearer",
    Store: class extends PlainStore {
      override async touch(handle: SessionHandle, version: string, expiresAt: number): Promise<TouchOutcome> {
        const entry = this.find(handle);
        if (entry?.record?.version !== version) return { status: "stale" };
        entry.record = { ...entry.record, expiresAt };
        return { status: "touched" };
      }
    },
    caughtBy: ["touch never brings a deadline nearer", "a touch that is delivered twice or late does no more than once"],
  },
  {
    name: "touch ignores the version, and so outlives a shorter expiry",
    Store: class extends PlainStore {
      override async touch(handle: SessionHandle, _: string, expiresAt: number): Promise<TouchOutcome> {
        return super.touch(handle, this.find(handle)?.record?.version ?? "", expiresAt);
      }
    },
    caughtBy: [
      "touch is for the version that was read, and stale for another",
      "a touch from before a shorter deadline was saved does not lengthen it",
      "in a race between touch and a save that shortens the deadline, the shorter deadline holds",
    ],
  },
  {
    name: "touch counts as a write",
    Store: class extends PlainStore {
      override async touch(handle: SessionHandle, version: string, expiresAt: number): Promise<TouchOutcome> {
        const outcome = await super.touch(handle, version, expiresAt);
        const entry = this.disk.entries.get(handle);
        if (entry?.record && outcome.status === "touched") entry.record = { ...entry.record, version: `${version}+` };
        return outcome;
      }
    },
    caughtBy: [
      "touch moves the deadline and nothing else",
      "in a race between touch and a save that shortens the deadline, the shorter deadline holds",
    ],
  },
  {
    name: "unconditional retire",
    Store: class extends PlainStore {
      override async retire(handle: SessionHandle, tombstone: Tombstone): Promise<RetireOutcome> {
        return super.retire(handle, tombstone);
      }
    },
    caughtBy: ["retire with a version ends only the record that still has it"],
  },
  {
    name: "retire without a version ends only what nobody wrote",
    Store: class extends PlainStore {
      readonly #first = new Map<string, string>();
      override put(record: SessionRecord): void {
        if (!this.disk.entries.has(record.handle)) this.#first.set(record.handle, record.version);
        super.put(record);
      }
      override async retire(handle: SessionHandle, stone: Tombstone, version?: string): Promise<RetireOutcome> {
        return super.retire(handle, stone, version ?? this.#first.get(handle));
      }
    },
    caughtBy: ["retire without a version ends the record whatever was written meanwhile"],
  },
  {
    name: "tombstone forgotten",
    Store: class extends PlainStore {
      override bury(handle: SessionHandle): void {
        this.remove(handle);
      }
    },
    caughtBy: [
      "retire ends a record, and says why from then on",
      "create refuses the handle of a session that is over, so it does not come back",
      "a retire that is delivered twice finds its own tombstone",
      "everything is there after a restart: records, tombstones, users and their epochs",
      "in a race between two ends of a session, the first reason holds for both",
      "changing a tombstone that was given or given back does not change what is stored",
      "the tombstone of a rotation is known by its token as well",
    ],
  },
  {
    name: "retire of nothing leaves a tombstone",
    Store: class extends PlainStore {
      override async retire(handle: SessionHandle, tombstone: Tombstone, version?: string): Promise<RetireOutcome> {
        const outcome = await super.retire(handle, tombstone, version);
        if (outcome.status === "missing") this.bury(handle, tombstone);
        return outcome;
      }
    },
    caughtBy: ["retire of nothing leaves nothing behind"],
  },
  {
    name: "a later tombstone replaces an earlier one",
    Store: class extends PlainStore {
      override async retire(handle: SessionHandle, tombstone: Tombstone, version?: string): Promise<RetireOutcome> {
        if (this.disk.entries.get(handle)?.stone) this.bury(handle, tombstone);
        return super.retire(handle, tombstone, version);
      }
    },
    caughtBy: [
      "an earlier tombstone stays, and the one who comes later is told its reason and its token",
      "a tombstone's time may move later, and never earlier",
      "in a race between two ends of a session, the first reason holds for both",
    ],
  },
  {
    name: "an ended record stays in the lists",
    Store: class extends PlainStore {
      override bury(handle: SessionHandle, stone: Tombstone): void {
        const record = this.disk.entries.get(handle)?.record ?? null;
        super.bury(handle, stone);
        this.disk.entries.set(handle, { record, stone });
        if (record?.userId) this.disk.indexOf(record.userId).add(handle);
      }
    },
    caughtBy: [
      "a session that is over is in no list",
      "a listing leaves out tombstones, and a page is full while records follow",
      "a user's sessions are listed exactly: created, saved, ended",
      "a rotated session is listed under its new handle only",
      "a tombstone stays for its own time, whatever deadline the record had",
      "logins and logouts of one user at once leave exactly the live ones in the list",
      "a revoked record is still there to be listed and ended",
    ],
  },
  {
    name: "a tombstone forgets where the session went on",
    Store: class extends PlainStore {
      override bury(handle: SessionHandle, stone: Tombstone): void {
        super.bury(handle, { ...stone, successor: null });
      }
    },
    caughtBy: [
      "a tombstone comes back as it was left: its reason, its token, its successor and its time",
      "rotate leaves the tombstone that it was given",
    ],
  },
  {
    name: "a tombstone without its time",
    Store: class extends PlainStore {
      override bury(handle: SessionHandle, stone: Tombstone): void {
        super.bury(handle, { ...stone, until: Date.now() + 30_000 });
      }
    },
    caughtBy: [
      "a sweep removes tombstones whose time is at or before its moment, and no others",
      "a batch removes at most its limit, and fewer only when none is left",
    ],
  },
  {
    name: "rotate after gone",
    Store: class extends PlainStore {
      override async rotate(...[handle, version, record, tombstone]: RotateArguments): Promise<RotateOutcome> {
        const outcome = await super.rotate(handle, version, record, tombstone);
        if (outcome.status !== "retired" && outcome.status !== "missing") return outcome;
        this.put(record);
        return { status: "rotated" };
      }
    },
    caughtBy: [
      "a rotation that arrives after logout does not bring the session back under a new id",
      "a rotation of nothing creates nothing",
      "of 20 rotations of one session at once, one wins, and the others leave nothing",
      "of two rotations over two handles, one wins, and the other leaves nothing",
      "a rotation that is delivered twice happens once, and the writer finds its own version",
    ],
  },
  {
    name: "rotate in two steps, the new record first",
    Store: class extends PlainStore {
      override async rotate(...[handle, version, record, tombstone]: RotateArguments): Promise<RotateOutcome> {
        if (this.isRevoked(record)) return { status: "revoked" };
        if (this.disk.entries.has(record.handle)) return { status: "exists" };
        this.put(record);
        await pause();
        const outcome = await this.retire(handle, tombstone, version);
        if (outcome.status !== "retired") return outcome;
        const { reason, token } = outcome.tombstone;
        return token === tombstone.token ? { status: "rotated" } : { status: "retired", reason };
      }
    },
    caughtBy: [
      "a rotation after another write is a conflict, and neither half happens",
      "of 20 rotations of one session at once, one wins, and the others leave nothing",
      "in a race between rotate and logout, the old id is over, and there is an heir only if the rotation came first",
      "in a race between rotate and save, one wins and nothing that was acknowledged is lost",
    ],
  },
  {
    name: "rotate without comparing",
    Store: class extends PlainStore {
      override async rotate(...[handle, , record, tombstone]: RotateArguments): Promise<RotateOutcome> {
        return super.rotate(handle, this.find(handle)?.record?.version ?? "", record, tombstone);
      }
    },
    caughtBy: [
      "a rotation after another write is a conflict, and neither half happens",
      "in a race between rotate and save, one wins and nothing that was acknowledged is lost",
    ],
  },
  {
    name: "rotate onto a taken handle",
    Store: class extends PlainStore {
      override async rotate(...[handle, version, record, tombstone]: RotateArguments): Promise<RotateOutcome> {
        if (record.handle !== handle) this.remove(record.handle);
        return super.rotate(handle, version, record, tombstone);
      }
    },
    caughtBy: ["a rotation onto a handle that is taken is refused, and changes nothing"],
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
    caughtBy: [
      "rotate moves the session to its new handle and retires the old one",
      "a rotation that is delivered twice happens once, and the writer finds its own version",
    ],
  },
  {
    name: "rotate leaves a tombstone of its own",
    Store: class extends PlainStore {
      override async rotate(...[handle, version, record, tombstone]: RotateArguments): Promise<RotateOutcome> {
        return super.rotate(handle, version, record, { ...tombstone, reason: "rotated", token: "" });
      }
    },
    caughtBy: ["rotate leaves the tombstone that it was given", "the tombstone of a rotation is known by its token as well"],
  },
];
