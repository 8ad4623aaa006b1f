import { SessionError } from "../../../src/core/errors.ts";
import type { SessionHandle } from "../../../src/core/id.ts";
import type { SessionRecord, Tombstone } from "../../../src/core/record.ts";
import type {
  ClearBatch,
  CreateOutcome,
  ListPage,
  LoadOutcome,
  RetireOutcome,
  RotateOutcome,
  SaveOutcome,
  SessionStore,
  TouchOutcome,
  UserIndex,
} from "../../../src/core/store.ts";
import type { StoreStorage } from "../../../src/testing/store-rule.ts";

/** What is stored under a handle: a record, what is left of one, or something that cannot be read. */
export interface Entry {
  record: SessionRecord | null;
  stone: Tombstone | null;
}

/** What survives a restart, and what every handle sees. */
export class Disk {
  readonly entries = new Map<string, Entry>();
  readonly index = new Map<string, Set<string>>();
  readonly epochs = new Map<string, number>();

  indexOf(userId: string): Set<string> {
    const set = this.index.get(userId) ?? new Set<string>();
    this.index.set(userId, set);
    return set;
  }
}

/** Long enough for whatever else is under way to get its turn. */
export function pause(): Promise<void> {
  return new Promise((resume) => setImmediate(resume));
}

/**
 * A right and simple store, whose verbs run in one step each because nothing in them waits. The planted faults are its subclasses: each
 * breaks one thing.
 */
export class PlainStore implements SessionStore {
  readonly name: string = "plain";
  readonly reach = "machine";
  readonly durable = true;
  readonly users: UserIndex = {
    epoch: (userId) => this.epoch(userId),
    advanceEpoch: (userId, atLeast) => this.advanceEpoch(userId, atLeast),
    sessionsOf: (userId) => this.sessionsOf(userId),
  };
  readonly disk: Disk;

  constructor(disk: Disk) {
    this.disk = disk;
  }

  find(handle: SessionHandle): Entry | undefined {
    const entry = this.disk.entries.get(handle);
    if (entry !== undefined && entry.record === null && entry.stone === null)
      throw new SessionError("ERR_SESSION_UNREADABLE");
    return entry;
  }

  /** Puts a record in its place; the index first. */
  put(record: SessionRecord): void {
    const { handle, userId } = record;
    const before = this.disk.entries.get(handle)?.record?.userId ?? null;
    if (userId !== null) this.disk.indexOf(userId).add(handle);
    this.disk.entries.set(handle, { record: { ...record }, stone: null });
    if (before !== null && before !== userId) this.disk.indexOf(before).delete(handle);
  }

  bury(handle: SessionHandle, stone: Tombstone): void {
    const userId = this.disk.entries.get(handle)?.record?.userId ?? null;
    this.disk.entries.set(handle, { record: null, stone: { ...stone } });
    if (userId !== null) this.disk.indexOf(userId).delete(handle);
  }

  isRevoked({ userId, epoch }: SessionRecord): boolean {
    return userId !== null && epoch < (this.disk.epochs.get(userId) ?? 0);
  }

  conflict(record: SessionRecord): { status: "conflict"; record: SessionRecord; userEpoch?: number } {
    return { status: "conflict", record: { ...record } };
  }

  async load(handle: SessionHandle): Promise<LoadOutcome> {
    const entry = this.find(handle);
    if (entry === undefined) return { status: "missing" };
    if (entry.stone !== null) return { status: "retired", tombstone: { ...entry.stone } };
    const record = { ...entry.record! };
    return record.userId === null
      ? { status: "live", record }
      : { status: "live", record, userEpoch: await this.epoch(record.userId) };
  }

  async create(record: SessionRecord): Promise<CreateOutcome> {
    if (this.disk.entries.has(record.handle)) return { status: "exists" };
    if (this.isRevoked(record)) return { status: "revoked" };
    this.put(record);
    return { status: "created" };
  }

  async save(record: SessionRecord, expectedVersion: string): Promise<SaveOutcome> {
    const entry = this.find(record.handle);
    if (entry === undefined) return { status: "missing" };
    if (entry.stone !== null) return { status: "retired", reason: entry.stone.reason };
    if (entry.record!.version !== expectedVersion) return this.conflict(entry.record!);
    if (this.isRevoked(record)) return { status: "revoked" };
    this.put({ ...record, createdAt: entry.record!.createdAt });
    return { status: "saved" };
  }

  async touch(handle: SessionHandle, version: string, expiresAt: number): Promise<TouchOutcome> {
    const entry = this.find(handle);
    if (entry?.record?.version !== version) return { status: "stale" };
    if (expiresAt > entry.record.expiresAt) entry.record = { ...entry.record, expiresAt };
    return { status: "touched" };
  }

  async retire(handle: SessionHandle, tombstone: Tombstone, expectedVersion?: string): Promise<RetireOutcome> {
    const entry = this.disk.entries.get(handle);
    if (entry === undefined) return { status: "missing" };
    if (entry.stone !== null) {
      entry.stone = { ...entry.stone, until: Math.max(entry.stone.until, tombstone.until) };
      return { status: "retired", tombstone: { ...entry.stone } };
    }
    if (expectedVersion !== undefined && entry.record?.version !== expectedVersion) return this.conflict(entry.record!);
    this.bury(handle, tombstone);
    return { status: "retired", tombstone: { ...tombstone } };
  }

  async rotate(
    handle: SessionHandle,
    expectedVersion: string,
    record: SessionRecord,
    tombstone: Tombstone,
  ): Promise<RotateOutcome> {
    const entry = this.find(handle);
    if (entry === undefined) return { status: "missing" };
    if (entry.stone !== null) return { status: "retired", reason: entry.stone.reason };
    if (entry.record!.version !== expectedVersion) return this.conflict(entry.record!);
    if (this.isRevoked(record)) return { status: "revoked" };
    if (this.disk.entries.has(record.handle)) return { status: "exists" };
    this.put(record);
    this.bury(handle, tombstone);
    return { status: "rotated" };
  }

  async list({ after = "" as SessionHandle, limit }: ListPage): Promise<SessionRecord[]> {
    return this.sorted()
      .filter(({ handle }) => handle > after)
      .slice(0, limit);
  }

  sorted(): SessionRecord[] {
    const records = [...this.disk.entries.values()].flatMap(({ record }) => (record === null ? [] : [{ ...record }]));
    return records.toSorted((a, b) => (a.handle < b.handle ? -1 : 1));
  }

  isOver({ record, stone }: Entry, before: number): boolean {
    return (record?.expiresAt ?? stone?.until ?? Infinity) <= before;
  }

  remove(handle: string): void {
    const userId = this.disk.entries.get(handle)?.record?.userId ?? null;
    this.disk.entries.delete(handle);
    if (userId !== null) this.disk.indexOf(userId).delete(handle);
  }

  async clearExpired({ before, limit }: ClearBatch): Promise<number> {
    const over = [...this.disk.entries].filter(([, entry]) => this.isOver(entry, before)).slice(0, limit);
    for (const [handle] of over) this.remove(handle);
    return over.length;
  }

  async close(): Promise<void> {}

  async epoch(userId: string): Promise<number> {
    return this.disk.epochs.get(userId) ?? 0;
  }

  async advanceEpoch(userId: string, atLeast: number): Promise<number> {
    const epoch = Math.max(atLeast, this.disk.epochs.get(userId) ?? 0);
    this.disk.epochs.set(userId, epoch);
    return epoch;
  }

  async sessionsOf(userId: string): Promise<SessionRecord[]> {
    const handles = [...(this.disk.index.get(userId) ?? [])];
    return handles.flatMap((handle) => {
      const record = this.disk.entries.get(handle)?.record;
      return record?.userId === userId ? [{ ...record }] : [];
    });
  }
}

/** A storage for the kit, on which every handle is a `Store`. */
export function plainStorage(Store: new (disk: Disk) => SessionStore = PlainStore): StoreStorage {
  const disk = new Disk();
  return {
    open: () => new Store(disk),
    corrupt(handle) {
      disk.entries.set(handle, { record: null, stone: null });
    },
  };
}
