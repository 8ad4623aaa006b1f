import { SessionError } from "../core/errors.ts";
import type { SessionHandle } from "../core/id.ts";
import type { SessionRecord, Tombstone } from "../core/record.ts";
import type { LoadOutcome, RetireOutcome, RotateOutcome, SaveOutcome, SessionStore, UserIndex } from "../core/store.ts";
import type { LiveEntry } from "./memory/deadlines.ts";
import { Table } from "./memory/table.ts";

/** Options of {@link memoryStore}. */
export interface MemoryStoreOptions {
  /** The most sessions held at once. Default 100,000. */
  readonly maxSessions?: number;
  /** The most characters of session data held at once, over all sessions. Default 268,435,456 (256 Mi). */
  readonly maxDataLength?: number;
}

/** A {@link SessionStore} in this process's memory. */
export interface MemoryStore extends SessionStore {
  readonly users: UserIndex;
  /** Sessions held now, expired ones that were not swept yet included; tombstones and locks are not counted. */
  readonly size: number;
  /** Sessions let go before their time because the store was full. */
  readonly evicted: number;
}

const DEFAULT_MAX_SESSIONS = 100_000;
const DEFAULT_MAX_DATA_LENGTH = 256 * 1024 * 1024;

/**
 * Keeps sessions in the memory of this process: for development, tests, and servers of one process whose sessions may
 * end with it. Every call answers at once.
 *
 * It is bounded. A new session always finds room: at the bound, the session that is the soonest to expire goes, and
 * counts in `evicted`. New visitors have the shortest lifetime, so a flood of them pushes out its own and not those who
 * have logged in. Tombstones have a bound of their own, as large as `maxSessions` and at least 10,000, where the oldest
 * goes first; no write ever creates, so that lets nothing back in. Locks are not bounded. Epochs stay as long as the
 * process, one number for each user that was ever revoked.
 *
 * It sweeps itself, without a timer and without a clock: each new session lets go of a few entries that were over a
 * minute before that session began. Up to 10,000 entries it leaves everything to `clearExpired`.
 *
 * @throws {SessionError} `ERR_SESSION_CONFIG` when a bound is not a positive whole number
 */
export function memoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  const table = new Table({
    maxSessions: bound("maxSessions", options.maxSessions ?? DEFAULT_MAX_SESSIONS),
    maxDataLength: bound("maxDataLength", options.maxDataLength ?? DEFAULT_MAX_DATA_LENGTH),
  });
  const epochs = new Map<string, number>();
  const epochOf = (userId: string): number => epochs.get(userId) ?? 0;
  const isRevoked = ({ userId, epoch }: SessionRecord): boolean => userId !== null && epoch < epochOf(userId);

  function withEpoch<Status extends "live" | "conflict">(status: Status, record: SessionRecord) {
    return record.userId === null ? { status, record } : { status, record, userEpoch: epochOf(record.userId) };
  }

  /** The entry that `next` may be written onto, or why it may not. */
  function target(handle: SessionHandle, version: string, next: SessionRecord): LiveEntry | Refusal {
    const entry = table.get(handle);
    if (entry === undefined) return { status: "missing" };
    if (entry.tombstone !== null) return { status: "retired", reason: entry.tombstone.reason };
    if (isRevoked(next)) return { status: "revoked" };
    return entry.record.version === version ? entry : withEpoch("conflict", entry.record);
  }

  const users: UserIndex = {
    epoch: epochOf,
    advanceEpoch(userId, atLeast) {
      const epoch = Math.max(atLeast, epochOf(userId));
      epochs.set(userId, epoch);
      return epoch;
    },
    sessionsOf: (userId) => table.recordsOf(userId),
  };

  return {
    name: "memory",
    reach: "process",
    durable: false,
    users,

    get size() {
      return table.sessions;
    },
    get evicted() {
      return table.evicted;
    },

    load(handle): LoadOutcome {
      const entry = table.get(handle);
      if (entry === undefined) return { status: "missing" };
      if (entry.tombstone !== null) return { status: "retired", tombstone: entry.tombstone };
      return withEpoch("live", entry.record);
    },

    create(record) {
      if (table.get(record.handle) !== undefined) return { status: "exists" };
      if (isRevoked(record)) return { status: "revoked" };
      table.sweep(record.createdAt);
      table.insert(copy(record, record.createdAt));
      return { status: "created" };
    },

    save(record, expectedVersion) {
      const entry = target(record.handle, expectedVersion, record);
      if ("status" in entry) return entry;
      table.replace(entry, copy(record, entry.record.createdAt));
      return { status: "saved" };
    },

    touch(handle, version, expiresAt) {
      const entry = table.get(handle);
      if (entry === undefined || entry.tombstone !== null) return { status: "stale" };
      if (entry.record.version !== version) return { status: "stale" };
      if (expiresAt > entry.record.expiresAt) table.replace(entry, Object.freeze({ ...entry.record, expiresAt }));
      return { status: "touched" };
    },

    retire(handle, tombstone, expectedVersion): RetireOutcome {
      const entry = table.get(handle);
      if (entry === undefined) return { status: "missing" };
      if (entry.tombstone !== null) {
        const { until } = tombstone;
        if (until > entry.tombstone.until) table.extend(entry, Object.freeze({ ...entry.tombstone, until }));
        return { status: "retired", tombstone: entry.tombstone };
      }
      if (expectedVersion !== undefined && entry.record.version !== expectedVersion) {
        return withEpoch("conflict", entry.record);
      }
      const stone = copyStone(tombstone);
      table.bury(entry, stone);
      return { status: "retired", tombstone: stone };
    },

    rotate(handle, expectedVersion, record, tombstone): RotateOutcome {
      const entry = target(handle, expectedVersion, record);
      if ("status" in entry) return entry;
      if (table.get(record.handle) !== undefined) return { status: "exists" };
      table.bury(entry, copyStone(tombstone));
      table.insert(copy(record, record.createdAt));
      return { status: "rotated" };
    },

    list: ({ after, limit }) => table.page(after ?? "", limit),

    clearExpired: ({ before, limit }) => table.removeDue(before, limit),

    close() {
      table.clear();
      epochs.clear();
    },
  };
}

type Refusal = Exclude<SaveOutcome, { status: "saved" }>;

/** A record that nobody can change, free of whatever else the caller's object carries. */
function copy({ handle, data, version, expiresAt, userId, epoch }: SessionRecord, createdAt: number): SessionRecord {
  return Object.freeze({ handle, data, version, createdAt, expiresAt, userId, epoch });
}

function copyStone({ reason, token, successor, until }: Tombstone): Tombstone {
  return Object.freeze({ reason, token, successor, until });
}

function bound(name: keyof MemoryStoreOptions, value: number): number {
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new SessionError("ERR_SESSION_CONFIG", `memoryStore: \`${name}\` must be a positive whole number`);
}
