import { isLockHandle, type SessionHandle } from "../../core/id.ts";
import type { SessionRecord, Tombstone } from "../../core/record.ts";
import { Deadlines, type Entry, type Grave, type LiveEntry } from "./deadlines.ts";

/** The bounds of a table. */
export interface TableBounds {
  readonly maxSessions: number;
  readonly maxDataLength: number;
}

/** Up to this many entries nothing is swept: the memory is not worth a look. */
const SWEEP_ABOVE = 10_000;
const SWEEP_SLACK_MS = 60_000;
/** More than one, so that sweeping outruns growing. */
const SWEEP_PER_INSERT = 8;

/** The entries of a memory store, with their users, their deadlines and their bounds. */
export class Table {
  readonly #bounds: TableBounds;
  readonly #entries = new Map<SessionHandle, Entry>();
  readonly #byUser = new Map<string, Set<SessionHandle>>();
  readonly #sessions = new Deadlines();
  readonly #tombstones = new Deadlines();
  readonly #locks = new Deadlines();
  #dataLength = 0;
  #evicted = 0;

  constructor(bounds: TableBounds) {
    this.#bounds = bounds;
  }

  get sessions(): number {
    return this.#sessions.count;
  }

  get evicted(): number {
    return this.#evicted;
  }

  get(handle: SessionHandle): Entry | undefined {
    return this.#entries.get(handle);
  }

  /** Adds a record under a handle that is free, and makes room for it. */
  insert(record: SessionRecord): void {
    const { handle, expiresAt } = record;
    const entry: Entry = { handle, record, tombstone: null, deadline: expiresAt, queuedAt: expiresAt, dead: false };
    this.#entries.set(handle, entry);
    this.#queueOf(entry).add(entry);
    this.#dataLength += record.data.length;
    if (record.userId !== null) this.#addToUser(record.userId, handle);
    this.#makeRoom(entry);
  }

  /** Puts a record in the place of the entry's own. */
  replace(entry: LiveEntry, record: SessionRecord): void {
    const before = entry.record;
    entry.record = record;
    entry.deadline = record.expiresAt;
    this.#queueOf(entry).moved(entry);
    if (before.userId !== record.userId) {
      if (before.userId !== null) this.#removeFromUser(before.userId, record.handle);
      if (record.userId !== null) this.#addToUser(record.userId, record.handle);
    }
    this.#dataLength += record.data.length - before.data.length;
    if (record.data.length > before.data.length) this.#makeRoom(entry);
  }

  /** Puts a tombstone in the place of the entry's record. */
  bury(entry: LiveEntry, tombstone: Tombstone): void {
    const { handle } = entry;
    const { until } = tombstone;
    const grave: Entry = { handle, record: null, tombstone, deadline: until, queuedAt: until, dead: false };
    this.remove(entry);
    this.#entries.set(handle, grave);
    this.#tombstones.add(grave);
    // A tombstone that goes early lets nothing back in, as no write ever creates.
    while (this.#tombstones.count > Math.max(this.#bounds.maxSessions, SWEEP_ABOVE)) {
      const first = this.#tombstones.first();
      if (first === undefined) return;
      this.remove(first);
    }
  }

  /** Puts a tombstone in the place of the entry's own. */
  extend(entry: Grave, tombstone: Tombstone): void {
    entry.tombstone = tombstone;
    entry.deadline = tombstone.until;
    this.#tombstones.moved(entry);
  }

  remove(entry: Entry): void {
    this.#entries.delete(entry.handle);
    this.#queueOf(entry).remove(entry);
    const { record } = entry;
    if (record === null) return;
    this.#dataLength -= record.data.length;
    if (record.userId !== null) this.#removeFromUser(record.userId, record.handle);
  }

  /** Removes at most `limit` entries whose deadline is at or before `before`, and gives their number. */
  removeDue(before: number, limit: number): number {
    let removed = 0;
    for (const queue of [this.#sessions, this.#tombstones, this.#locks]) {
      for (let first = queue.first(); first !== undefined && first.deadline <= before; first = queue.first()) {
        if (removed >= limit) return removed;
        this.remove(first);
        removed += 1;
      }
    }
    return removed;
  }

  /** A moment that has surely passed: lets go of a few entries that were over well before it. */
  sweep(passed: number): void {
    if (this.#entries.size > SWEEP_ABOVE) this.removeDue(passed - SWEEP_SLACK_MS, SWEEP_PER_INSERT);
  }

  recordsOf(userId: string): SessionRecord[] {
    const handles = this.#byUser.get(userId) ?? [];
    return Array.from(handles, (handle) => this.#entries.get(handle)?.record ?? null).filter((record) => record !== null);
  }

  /** The first `limit` sessions after `after`, in the order of their handles. */
  page(after: string, limit: number): SessionRecord[] {
    let found: SessionRecord[] = [];
    let end: SessionHandle | undefined;
    for (const { handle, record } of this.#entries.values()) {
      if (record === null || handle <= after || (end !== undefined && handle > end) || isLockHandle(handle)) continue;
      found.push(record);
      if (found.length < 2 * limit + 1000) continue;
      found = found.sort(byHandle).slice(0, limit);
      end = found.at(-1)?.handle;
    }
    return found.sort(byHandle).slice(0, limit);
  }

  clear(): void {
    this.#entries.clear();
    this.#byUser.clear();
    for (const queue of [this.#sessions, this.#tombstones, this.#locks]) queue.clear();
    this.#dataLength = 0;
  }

  #queueOf(entry: Entry): Deadlines {
    if (entry.record === null) return this.#tombstones;
    return isLockHandle(entry.handle) ? this.#locks : this.#sessions;
  }

  /** Evicts sessions, the soonest to expire first, until the bounds hold; never the one just written. */
  #makeRoom(written: Entry): void {
    while (this.#sessions.count > this.#bounds.maxSessions || this.#dataLength > this.#bounds.maxDataLength) {
      const first = this.#firstBut(written);
      if (first === undefined) return;
      this.remove(first);
      this.#evicted += 1;
    }
  }

  #firstBut(written: Entry): Entry | undefined {
    const first = this.#sessions.first();
    if (first !== written) return first;
    const deadline = written.deadline;
    // Behind everything else for the moment of the question.
    written.deadline = Infinity;
    const second = this.#sessions.first();
    written.deadline = deadline;
    this.#sessions.moved(written);
    return second === written ? undefined : second;
  }

  #addToUser(userId: string, handle: SessionHandle): void {
    const handles = this.#byUser.get(userId);
    if (handles === undefined) this.#byUser.set(userId, new Set([handle]));
    else handles.add(handle);
  }

  #removeFromUser(userId: string, handle: SessionHandle): void {
    const handles = this.#byUser.get(userId);
    if (handles?.delete(handle) && handles.size === 0) this.#byUser.delete(userId);
  }
}

function byHandle(left: SessionRecord, right: SessionRecord): number {
  return left.handle < right.handle ? -1 : left.handle > right.handle ? 1 : 0;
}
