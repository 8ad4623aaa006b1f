import { join } from "node:path";
import { isSessionError } from "../../core/errors.ts";
import { isLockHandle, type SessionHandle } from "../../core/id.ts";
import type { SessionRecord } from "../../core/record.ts";
import type { ClearBatch, ListPage, UnfinishedBatch } from "../../core/store.ts";
import type { Disk } from "./disk.ts";
import { type Header, parseHeader } from "./format.ts";
import type { Guard } from "./guard.ts";
import { handleOfFile, lockOf, SHARDS, userHash } from "./layout.ts";
import { breathe, type Serial } from "./serial.ts";
import type { Sessions } from "./sessions.ts";
import type { Users } from "./users.ts";

const HOUR_MS = 3_600_000;
const LOCK_LEFT_MS = 60_000;
/** Removals under way at once, about as many as the runtime has threads for the disk. */
const REMOVALS_AT_ONCE = 4;
/** How many files a batch looks at, a whole sub-folder at the least, before it says that there are more. */
const LOOKED_AT = 2000;

interface Due {
  readonly identity: string;
  readonly header: Header;
}

/** What goes through all sessions: the listing and the sweep. It never holds more than one sub-folder's names. */
export class Sweep {
  readonly #disk: Disk;
  readonly #guard: Guard;
  readonly #sessions: Sessions;
  readonly #users: Users;
  readonly #serial: Serial;
  /** The sub-folders that a sweep up to `before` has not looked through yet: a batch goes on where the one before it ended. */
  #pass: { readonly before: number; readonly left: string[] } | undefined;
  #userShard = Math.floor(Math.random() * SHARDS.length);

  constructor(disk: Disk, guard: Guard, sessions: Sessions, users: Users, serial: Serial) {
    this.#disk = disk;
    this.#guard = guard;
    this.#sessions = sessions;
    this.#users = users;
    this.#serial = serial;
  }

  async list({ after = "" as SessionHandle, limit }: ListPage): Promise<readonly SessionRecord[]> {
    const records: SessionRecord[] = [];
    for (const shard of await this.#shards()) {
      if (shard < after.slice(0, 2)) continue;
      for (const handle of (await this.#handlesIn(shard)).sort()) {
        if (handle <= after || isLockHandle(handle)) continue;
        if (records.length >= limit) return records;
        const found = await this.#sessions.find(handle);
        if (found.status === "live") records.push(found.record);
        await breathe(records.length);
      }
    }
    return records;
  }

  async clearExpired({ before, limit }: ClearBatch): Promise<number | UnfinishedBatch> {
    if (limit < 1) return 0;
    if (this.#pass === undefined || this.#pass.before < before) this.#pass = { before, left: await this.#shards() };
    const pass = this.#pass;
    let removed = 0;
    let seen = 0;
    for (let shard = pass.left[0]; shard !== undefined; shard = pass.left[0]) {
      if (seen >= Math.max(limit, LOOKED_AT)) return { removed, more: true };
      const done = await this.#clearShard(shard, before, limit - removed);
      removed += done.removed;
      seen += done.seen;
      if (removed >= limit) return removed;
      // Another batch may have been through it meanwhile.
      if (pass.left[0] === shard) pass.left.shift();
    }
    if (this.#pass === pass) this.#pass = undefined;
    await this.#tidy();
    return removed;
  }

  /** The sub-folders that are there, in order. */
  async #shards(): Promise<string[]> {
    const there = new Set(await this.#disk.names(this.#sessions.layout.sessionShards));
    return SHARDS.filter((shard) => there.has(shard));
  }

  async #handlesIn(shard: string): Promise<SessionHandle[]> {
    const names = await this.#disk.names(this.#sessions.layout.sessionShard(shard));
    return names.map(handleOfFile).filter((handle) => handle !== null);
  }

  async #clearShard(shard: string, before: number, limit: number): Promise<{ removed: number; seen: number }> {
    let removed = 0;
    let due: SessionHandle[] = [];
    const flush = async (): Promise<void> => {
      const gone = await Promise.all(due.map((handle) => this.#remove(handle, before)));
      removed += gone.filter(Boolean).length;
      due = [];
    };
    let seen = 0;
    for (const handle of await this.#handlesIn(shard)) {
      if (this.#due(handle, before) !== null) due.push(handle);
      if (removed + due.length >= limit || due.length >= REMOVALS_AT_ONCE) await flush();
      if (removed >= limit) break;
      await breathe((seen += 1));
    }
    await flush();
    return { removed, seen };
  }

  /** The session, if its time is over; a file that cannot be read is left as it is. */
  #due(handle: SessionHandle, before: number): Due | null {
    try {
      const file = this.#disk.head(this.#sessions.layout.session(handle));
      if (file === null) return null;
      const [line] = file.content.toString("utf8").split("\n", 1);
      const header = parseHeader(line, handle);
      const deadline = header.state === "live" ? header.record.expiresAt : header.tombstone.until;
      return deadline <= before ? { identity: file.identity, header } : null;
    } catch (error) {
      return orElse(null, error);
    }
  }

  #remove(handle: SessionHandle, before: number): Promise<boolean> {
    return this.#serial.run(handle, async () => {
      for (;;) {
        const due = this.#due(handle, before);
        if (due === null || !(await this.#prepareRemoval(due.header))) return false;
        // A file that was changed meanwhile is looked at again: it may still be due.
        if (!(await this.#guard.swap(this.#sessions.layout.session(handle), due.identity, null))) continue;
        const user = userOf(due.header);
        if (user !== null) await this.#users.discard(user, handle);
        return true;
      }
    });
  }

  /** False when what a tombstone says is still needed. */
  async #prepareRemoval(header: Header): Promise<boolean> {
    if (header.state === "live" || header.rotation === null) return true;
    try {
      await this.#sessions.settle(header.rotation);
      return true;
    } catch (error) {
      // The other file cannot be read; once it is restored, this one tells what became of it.
      return orElse(false, error);
    }
  }

  /**
   * Clears away what processes that were killed have left. By the machine's clock: nothing here decides on a session.
   */
  async #tidy(): Promise<void> {
    const { layout } = this.#sessions;
    const now = Date.now();
    for (const name of await this.#disk.names(layout.tmp)) {
      if (await this.#isOlder(join(layout.tmp, name), now - HOUR_MS)) {
        // What may not be removed, because another user of the machine left it, does no harm.
        await this.#disk.remove(join(layout.tmp, name)).catch(() => {});
      }
    }
    for (const shard of await this.#shards()) {
      const folder = layout.sessionShard(shard);
      for (const name of await this.#disk.names(folder)) {
        if (!name.endsWith(".lock") || !(await this.#isOlder(join(folder, name), now - LOCK_LEFT_MS))) continue;
        await this.#guard.break(lockOf(join(folder, name)));
      }
    }
    this.#userShard = (this.#userShard + 1) % SHARDS.length;
    await this.#users.tidy(SHARDS[this.#userShard] ?? "00");
  }

  async #isOlder(path: string, moment: number): Promise<boolean> {
    const changed = await this.#disk.changedAt(path);
    return changed !== null && changed < moment;
  }
}

/** `value` in the place of a file that cannot be read; any other error is thrown. */
function orElse<T>(value: T, error: unknown): T {
  if (isSessionError(error, "ERR_SESSION_UNREADABLE")) return value;
  throw error;
}

function userOf(header: Header): string | null {
  if (header.state === "retired") return header.user;
  return header.record.userId === null ? null : userHash(header.record.userId);
}
