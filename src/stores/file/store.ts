import { isSessionError } from "../../core/errors.ts";
import { newVersion, type SessionHandle } from "../../core/id.ts";
import type { SessionRecord, Tombstone } from "../../core/record.ts";
import type { LoadOutcome, RetireOutcome, RotateOutcome, SaveOutcome, SessionStore } from "../../core/store.ts";
import { Disk, type Step, type SyncLevel } from "./disk.ts";
import { encodeLive, encodeRetired, type Rotation } from "./format.ts";
import { Guard } from "./guard.ts";
import { Layout, userHash } from "./layout.ts";
import { Serial } from "./serial.ts";
import { type Found, Sessions } from "./sessions.ts";
import { Sweep } from "./sweep.ts";
import { Users } from "./users.ts";

type Live = Extract<Found, { status: "live" }>;
type Retired = Extract<Found, { status: "retired" }>;
type Refusal = Exclude<SaveOutcome, { status: "saved" }>;

/** What the tests may set beside the options that everybody has. */
export interface Internals {
  readonly sync: SyncLevel;
  /** Called before each change on the disk; a process can be stopped or killed in it. */
  readonly step?: Step;
  /** How long a lock may stay the same before it is taken from its holder. */
  readonly takeAfterMs?: number;
}

/** A file store on a folder that is there. */
export function openFileStore(root: string, { sync, step, takeAfterMs }: Internals): SessionStore {
  const layout = new Layout(root);
  const disk = new Disk(root, sync, step);
  const guard = new Guard(disk, layout.tmp, takeAfterMs);
  const sessions = new Sessions(layout, disk, guard);
  const users = new Users(disk, guard, sessions);
  const serial = new Serial();
  const sweep = new Sweep(disk, guard, sessions, users, serial);

  async function withEpoch<Status extends "live" | "conflict">(status: Status, record: SessionRecord) {
    return record.userId === null ? { status, record } : { status, record, userEpoch: await users.epoch(record.userId) };
  }

  async function isRevoked({ userId, epoch }: SessionRecord): Promise<boolean> {
    return userId !== null && epoch < (await users.epoch(userId));
  }

  /** What a write may go onto, or why there is nothing. */
  async function target(handle: SessionHandle, version: string, revoked: boolean): Promise<Live | Refusal> {
    const found = await sessions.find(handle);
    if (found.status === "missing" || found.status === "pending") return { status: "missing" };
    if (found.status === "retired") return { status: "retired", reason: found.tombstone.reason };
    if (revoked) return { status: "revoked" };
    return found.record.version === version ? found : withEpoch("conflict", found.record);
  }

  async function create(record: SessionRecord, path: string, text: string): Promise<"created" | "exists"> {
    const { handle, userId } = record;
    if (userId === null) return (await guard.create(path, text)) ? "created" : "exists";
    let made = false;
    try {
      while (!made && !disk.exists(path)) {
        await users.add(userId, handle);
        made = await guard.swap(path, null, text, () => users.has(userId, handle));
      }
    } finally {
      if (!made) await users.discard(userHash(userId), handle);
    }
    return made ? "created" : "exists";
  }

  async function save(next: SessionRecord, path: string, version: string): Promise<SaveOutcome> {
    const { handle, userId } = next;
    const revoked = await isRevoked(next);
    // The user whose index has an entry for nothing: first the new one, and once it is saved the one before.
    let stale: string | null = null;
    try {
      for (;;) {
        const found = await target(handle, version, revoked);
        if (found.status !== "live") return found;
        const before = found.record;
        const enters = userId !== null && userId !== before.userId;
        if (enters) await users.add((stale = userId), handle);
        const text = encodeLive({ ...next, createdAt: before.createdAt });
        if (!(await guard.swap(path, found.identity, text, () => !enters || users.has(userId, handle)))) continue;
        stale = before.userId === userId ? null : before.userId;
        return { status: "saved" };
      }
    } finally {
      if (stale !== null) await users.discard(userHash(stale), handle);
    }
  }

  async function retire(handle: SessionHandle, tombstone: Tombstone, version?: string): Promise<RetireOutcome> {
    const path = layout.session(handle);
    for (;;) {
      // Taken before it is read: so what is replaced is surely what could not be read.
      const identity = disk.identity(path);
      const found = await sessions.find(handle).catch((error: unknown) => unreadableUnder(version, error));
      if (found.status === "missing" || found.status === "pending") return { status: "missing" };
      if (found.status === "retired") {
        if (!(await extend(handle, found, tombstone.until))) continue;
        const until = Math.max(found.tombstone.until, tombstone.until);
        return { status: "retired", tombstone: { ...found.tombstone, until } };
      }
      if (found.status === "unreadable") {
        if (!(await guard.swap(path, identity, encodeRetired(handle, tombstone)))) continue;
        return { status: "retired", tombstone: { ...tombstone } };
      }
      if (version !== undefined && found.record.version !== version) return withEpoch("conflict", found.record);
      if (await bury(found, tombstone)) return { status: "retired", tombstone: { ...tombstone } };
    }
  }

  async function extend(handle: SessionHandle, found: Retired, until: number): Promise<boolean> {
    if (until <= found.tombstone.until) return true;
    const text = encodeRetired(handle, { ...found.tombstone, until }, found.user, found.rotation);
    return guard.swap(layout.session(handle), found.identity, text);
  }

  async function bury({ record, identity }: Live, tombstone: Tombstone, rotation?: Rotation): Promise<boolean> {
    const { handle, userId } = record;
    const user = userId === null ? null : userHash(userId);
    const text = encodeRetired(handle, tombstone, user, rotation);
    if (!(await guard.swap(layout.session(handle), identity, text))) return false;
    if (user !== null) await users.discard(user, handle);
    return true;
  }

  async function rotate(
    handle: SessionHandle,
    version: string,
    next: SessionRecord,
    grave: Tombstone,
  ): Promise<RotateOutcome> {
    const { userId } = next;
    const mark = newVersion();
    const pending = encodeLive(next, { handle, mark });
    const revoked = await isRevoked(next);
    let made = false;
    let done = false;
    try {
      for (;;) {
        const found = await target(handle, version, revoked);
        if (found.status !== "live") return found;
        made ||= await guard.create(layout.session(next.handle), pending);
        if (!made) {
          // Another rotation may have taken both meanwhile; then the old session's end is the answer.
          const now = await target(handle, version, revoked);
          return now.status === "live" ? { status: "exists" } : now;
        }
        while (userId !== null && !users.has(userId, next.handle)) await users.add(userId, next.handle);
        done = await bury(found, grave, { handle: next.handle, mark });
        if (done) return { status: "rotated" };
      }
    } finally {
      if (made && !done) await withdraw(next).catch(() => {});
    }
  }

  /**
   * Removes the record of a rotation that has not happened. Where that fails, it counts as missing, and is swept in its
   * time.
   */
  async function withdraw({ handle, userId }: SessionRecord): Promise<void> {
    const found = await sessions.find(handle);
    if (found.status !== "pending") return;
    await guard.swap(layout.session(handle), found.identity, null);
    if (userId !== null) await users.discard(userHash(userId), handle);
  }

  return {
    name: "file",
    reach: "machine",
    durable: true,
    users,

    async load(handle): Promise<LoadOutcome> {
      const found = await sessions.find(handle);
      if (found.status === "live") return withEpoch("live", found.record);
      return found.status === "retired" ? { status: "retired", tombstone: found.tombstone } : { status: "missing" };
    },

    async create(record) {
      const path = layout.session(record.handle);
      const text = encodeLive(record);
      if (await isRevoked(record)) return { status: disk.exists(path) ? "exists" : "revoked" };
      return serial.run(record.handle, async () => ({ status: await create(record, path, text) }));
    },

    async save(record, expectedVersion) {
      const path = layout.session(record.handle);
      return serial.run(record.handle, () => save(record, path, expectedVersion));
    },

    async touch(handle, version, expiresAt) {
      const path = layout.session(handle);
      return serial.run(handle, async () => {
        for (;;) {
          const found = await sessions.find(handle);
          if (found.status !== "live" || found.record.version !== version) return { status: "stale" };
          if (expiresAt <= found.record.expiresAt) return { status: "touched" };
          const text = encodeLive({ ...found.record, expiresAt });
          if (await guard.swap(path, found.identity, text)) return { status: "touched" };
        }
      });
    },

    async retire(handle, tombstone, expectedVersion) {
      layout.session(handle);
      return serial.run(handle, () => retire(handle, tombstone, expectedVersion));
    },

    async rotate(handle, expectedVersion, record, tombstone) {
      layout.session(handle);
      layout.session(record.handle);
      return serial.run(handle, () => rotate(handle, expectedVersion, record, tombstone));
    },

    list: (page) => sweep.list(page),
    clearExpired: (batch) => sweep.clearExpired(batch),
    close: () => serial.idle(),
  };
}

/** What cannot be read may be ended, but only by a call that asks for no version. */
function unreadableUnder(version: string | undefined, error: unknown): { readonly status: "unreadable" } {
  if (version !== undefined || !isSessionError(error, "ERR_SESSION_UNREADABLE")) throw error;
  return { status: "unreadable" };
}
