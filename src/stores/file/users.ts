import { join } from "node:path";
import { isSessionError } from "../../core/errors.ts";
import { newVersion, type SessionHandle } from "../../core/id.ts";
import type { SessionRecord } from "../../core/record.ts";
import type { UserIndex } from "../../core/store.ts";
import type { Disk } from "./disk.ts";
import { failedWith, storeFailure } from "./failure.ts";
import { encodeEpoch, parseEpoch } from "./format.ts";
import type { Guard } from "./guard.ts";
import { handleOfEntry, isUserHash, userHash } from "./layout.ts";
import { breathe } from "./serial.ts";
import type { Sessions } from "./sessions.ts";

const FRESH_MS = 10_000;

/**
 * The index of users: a folder a user, an empty file a session.
 *
 * An entry is made before its record, and the record is written only while the entry is seen to be there, under the
 * lock of the record's file. Whoever thinks that an entry is stale first gives it a name of its own, so that it no
 * longer counts for such a writer but is still listed, then breaks the lock of the session's file, so that no such
 * writer is under way, and looks again: only then the entry goes. So a live session is never without an entry, whoever
 * is killed and whenever.
 */
export class Users implements UserIndex {
  readonly #disk: Disk;
  readonly #guard: Guard;
  readonly #sessions: Sessions;

  constructor(disk: Disk, guard: Guard, sessions: Sessions) {
    this.#disk = disk;
    this.#guard = guard;
    this.#sessions = sessions;
  }

  async epoch(userId: string): Promise<number> {
    const file = await this.#disk.read(this.#sessions.layout.epoch(userHash(userId)));
    return file === null ? 0 : parseEpoch(file.content);
  }

  async advanceEpoch(userId: string, atLeast: number): Promise<number> {
    const path = this.#sessions.layout.epoch(userHash(userId));
    for (;;) {
      const file = await this.#disk.read(path);
      const epoch = Math.max(atLeast, file === null ? 0 : parseEpoch(file.content));
      const text = encodeEpoch(epoch);
      if (await (file === null ? this.#guard.create(path, text) : this.#guard.swap(path, file.identity, text))) return epoch;
    }
  }

  async sessionsOf(userId: string): Promise<readonly SessionRecord[]> {
    const hash = userHash(userId);
    const records = new Map<SessionHandle, SessionRecord>();
    for (const name of await this.#disk.names(this.#sessions.layout.user(hash))) {
      const handle = handleOfEntry(name);
      if (handle === null || records.has(handle)) continue;
      const owned = (await this.#owned(handle, hash)) ?? (await this.#repair(hash, name, handle));
      if (owned?.status === "live" && owned.record.userId === userId) records.set(handle, owned.record);
      await breathe(records.size);
    }
    return [...records.values()];
  }

  /** Makes the entry of a session that is about to be the user's. */
  async add(userId: string, handle: SessionHandle): Promise<void> {
    const folder = this.#sessions.layout.user(userHash(userId));
    try {
      await this.#disk.inFolder(folder, () => this.#disk.write(join(folder, handle), ""));
      await this.#disk.settle(folder);
    } catch (error) {
      if (!failedWith(error, "EEXIST")) throw storeFailure(error, true);
    }
  }

  /** True while the entry counts; asked under the lock of the session's file. */
  has(userId: string, handle: SessionHandle): boolean {
    return this.#disk.exists(join(this.#sessions.layout.user(userHash(userId)), handle));
  }

  /**
   * Removes the entry of a session that is the user's no longer, if that is so. Whatever fails is left to the next
   * reader.
   */
  async discard(hash: string, handle: SessionHandle): Promise<void> {
    try {
      await this.#drop(hash, handle, handle);
    } catch {
      // A stale entry does no harm.
    }
  }

  /** Looks through one sub-folder of the index and removes what is stale: what a process that was killed has left. */
  async tidy(shard: string): Promise<void> {
    const { layout } = this.#sessions;
    for (const hash of (await this.#disk.names(layout.userShard(shard))).filter(isUserHash)) {
      for (const name of await this.#disk.names(layout.user(hash))) {
        const handle = handleOfEntry(name);
        if (handle !== null && (await this.#owned(handle, hash)) === null) await this.#repair(hash, name, handle);
      }
    }
  }

  /** Drops a stale entry; gives the user's record if there is one after all. */
  async #repair(hash: string, name: string, handle: SessionHandle): Promise<Owned | null> {
    const changed = await this.#disk.changedAt(join(this.#sessions.layout.user(hash), name));
    // By the machine's clock, out of courtesy: readers that doubt every new entry would keep its writer from ever
    // getting through.
    if (changed === null || Math.abs(Date.now() - changed) < FRESH_MS) return null;
    await this.#drop(hash, name, handle);
    return this.#owned(handle, hash);
  }

  async #drop(hash: string, name: string, handle: SessionHandle): Promise<void> {
    const { layout } = this.#sessions;
    const folder = layout.user(hash);
    const doubted = join(folder, `${handle}.${newVersion()}`);
    try {
      await this.#disk.rename(join(folder, name), doubted);
      await this.#guard.break(layout.session(handle));
      if ((await this.#owned(handle, hash)) !== null) return;
      await this.#disk.unlink(doubted);
      await this.#disk.rmdir(folder);
    } catch (error) {
      // Another reader was here, or the user has other sessions.
      if (!failedWith(error, "ENOENT", "ENOTEMPTY", "EEXIST")) throw storeFailure(error, true);
    }
  }

  /**
   * The user's record of a handle, also one that cannot be read or whose rotation has yet to happen; null when there is
   * none.
   */
  async #owned(handle: SessionHandle, hash: string): Promise<Owned | null> {
    try {
      const found = await this.#sessions.find(handle);
      if (found.status !== "live" && found.status !== "pending") return null;
      const { status, record } = found;
      return record.userId !== null && userHash(record.userId) === hash ? { status, record } : null;
    } catch (error) {
      if (isSessionError(error, "ERR_SESSION_UNREADABLE")) return { status: "unreadable" };
      throw error;
    }
  }
}

type Owned = { readonly status: "live" | "pending"; readonly record: SessionRecord } | { readonly status: "unreadable" };
