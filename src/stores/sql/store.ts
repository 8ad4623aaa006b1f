import { SessionError } from "../../core/errors.ts";
import type { SessionHandle } from "../../core/id.ts";
import type { SessionRecord, Tombstone } from "../../core/record.ts";
import {
  type AbleStore,
  batchOutcome,
  type CallOptions,
  type ClearBatch,
  type CreateOutcome,
  type ListPage,
  type LoadOutcome,
  type RetireOutcome,
  type RotateOutcome,
  type SaveOutcome,
  type StoreReach,
  type TouchOutcome,
  type UnfinishedBatch,
  type UserIndex,
} from "../../core/store.ts";
import { Connection } from "./connection.ts";
import type { Database } from "./dialect.ts";
import type { MigrateOptions, MigratingStore, MigrationReport } from "./migrate.ts";
import { RowReader, type Entry } from "./rows.ts";
import type { Bindings } from "./texts.ts";
import { count, short, storable, time } from "./values.ts";

/** A {@link AbleStore} in an SQL database, with every ability of the contract. */
export interface SqlStore extends AbleStore, MigratingStore {
  readonly cancels: boolean;
  load(handle: SessionHandle, options?: CallOptions): Promise<LoadOutcome>;
  create(record: SessionRecord, options?: CallOptions): Promise<CreateOutcome>;
  save(record: SessionRecord, expectedVersion: string, options?: CallOptions): Promise<SaveOutcome>;
  touch(handle: SessionHandle, version: string, expiresAt: number, options?: CallOptions): Promise<TouchOutcome>;
  retire(
    handle: SessionHandle,
    tombstone: Tombstone,
    expectedVersion?: string,
    options?: CallOptions,
  ): Promise<RetireOutcome>;
  rotate(
    handle: SessionHandle,
    expectedVersion: string,
    record: SessionRecord,
    tombstone: Tombstone,
    options?: CallOptions,
  ): Promise<RotateOutcome>;
  list(page: ListPage, options?: CallOptions): Promise<readonly SessionRecord[]>;
  clearExpired(batch: ClearBatch, options?: CallOptions): Promise<number | UnfinishedBatch>;
  close(): Promise<void>;
  migrate(options?: MigrateOptions): Promise<MigrationReport>;
}

type Refusal = Exclude<SaveOutcome, { status: "saved" }>;

/** How often a write looks at what stood in its way and finds that it is gone, before it gives up. */
const ROUNDS = 20;

/**
 * The verbs. Each is one statement that compares and writes, and so needs no transaction; only when that changed nothing, another
 * one looks at what stood in the way. If nothing does any more, it begins again.
 */
export class SqlSessions implements SqlStore {
  readonly name: string;
  readonly reach: StoreReach;
  readonly durable = true;
  readonly home: string;
  readonly users: UserIndex;
  readonly #connection: Connection;
  readonly #rows: RowReader;

  constructor(database: Database) {
    this.name = database.dialect.name;
    this.home = database.dialect.names.sessions;
    this.reach = database.dialect.reach;
    this.#connection = new Connection(database);
    this.#rows = new RowReader(database.dialect.names.table);
    this.users = {
      epoch: (userId, options) => this.#epochOf(userId, options?.signal),
      advanceEpoch: (userId, atLeast, options) => this.#advanceEpoch(userId, atLeast, options?.signal),
      sessionsOf: (userId, options) => this.#sessionsOf(userId, options?.signal),
    };
  }

  /** True over a pool of `pg` or `mysql2`; a store from a URL knows it after its first call. */
  get cancels(): boolean {
    return this.#connection.cancels;
  }

  async load(handle: SessionHandle, { signal }: CallOptions = {}): Promise<LoadOutcome> {
    const entry = await this.#find(handle, signal);
    if (entry === undefined) return { status: "missing" };
    if (entry.tombstone !== undefined) return { status: "retired", tombstone: entry.tombstone };
    return shown("live", entry);
  }

  async create(record: SessionRecord, { signal }: CallOptions = {}): Promise<CreateOutcome> {
    const { handle } = record;
    const owner = ownerOf(record);
    const bindings = { ...written(record), created: time(record.createdAt) };
    return rounds(async () => {
      const changed = await this.#connection.write("create", bindings, signal);
      if (changed === "duplicate") return { status: "exists" };
      if (changed > 0) return { status: "created" };
      if (await this.#has(handle, signal)) return { status: "exists" };
      return (await this.#isRevoked(owner, signal)) ? { status: "revoked" } : undefined;
    });
  }

  async save(record: SessionRecord, expectedVersion: string, { signal }: CallOptions = {}): Promise<SaveOutcome> {
    const { handle } = record;
    const owner = ownerOf(record);
    const bindings = { ...written(record), expected: expectedVersion };
    return rounds(async () => {
      if (isChanged(await this.#connection.write("save", bindings, signal))) return { status: "saved" };
      return this.#refusal(handle, expectedVersion, owner, signal);
    });
  }

  async touch(
    handle: SessionHandle,
    version: string,
    expiresAt: number,
    { signal }: CallOptions = {},
  ): Promise<TouchOutcome> {
    const expires = time(expiresAt);
    return rounds(async () => {
      const bindings = { handle: short(handle, "The handle"), expected: version, expires };
      if (isChanged(await this.#connection.write("touch", bindings, signal))) return { status: "touched" };
      const entry = await this.#find(handle, signal);
      if (entry === undefined || entry.tombstone !== undefined) return { status: "stale" };
      const { record } = entry;
      if (record.version !== version) return { status: "stale" };
      // Under one version the deadline only ever moves later.
      return record.expiresAt >= expires ? { status: "touched" } : undefined;
    });
  }

  async retire(
    handle: SessionHandle,
    tombstone: Tombstone,
    expectedVersion?: string,
    { signal }: CallOptions = {},
  ): Promise<RetireOutcome> {
    const until = time(tombstone.until);
    const stone = { ...tombstone, until };
    const bindings = { ...buried(stone), handle: short(handle, "The handle") };
    return rounds(async (): Promise<RetireOutcome | undefined> => {
      const bury =
        expectedVersion === undefined
          ? this.#connection.write("retire", bindings, signal)
          : this.#connection.write("retireVersion", { ...bindings, expected: expectedVersion }, signal);
      if (isChanged(await bury)) return { status: "retired", tombstone: stone };
      const entry = await this.#find(handle, signal);
      if (entry === undefined) return { status: "missing" };
      if (entry.tombstone === undefined) {
        const differs = expectedVersion !== undefined && entry.record.version !== expectedVersion;
        return differs ? shown("conflict", entry) : undefined;
      }
      const earlier = entry.tombstone;
      if (earlier.until >= until) return { status: "retired", tombstone: earlier };
      await this.#connection.write("extend", { handle, until }, signal);
      return { status: "retired", tombstone: { ...earlier, until } };
    });
  }

  async rotate(
    handle: SessionHandle,
    expectedVersion: string,
    record: SessionRecord,
    tombstone: Tombstone,
    { signal }: CallOptions = {},
  ): Promise<RotateOutcome> {
    const owner = ownerOf(record);
    const heir = record.handle;
    const bindings = {
      ...written(record),
      ...buried(tombstone),
      created: time(record.createdAt),
      old: short(handle, "The handle"),
      expected: expectedVersion,
    };
    return rounds(async (): Promise<RotateOutcome | undefined> => {
      if (isChanged(await this.#connection.write("rotate", bindings, signal))) return { status: "rotated" };
      const refusal = await this.#refusal(handle, expectedVersion, owner, signal);
      if (refusal !== undefined) return refusal;
      return (await this.#has(heir, signal)) ? { status: "exists" } : undefined;
    });
  }

  async list(page: ListPage, { signal }: CallOptions = {}): Promise<readonly SessionRecord[]> {
    const after = short(page.after ?? "", "The handle");
    const limit = rowLimit(page.limit, "The limit of a page");
    return this.#rows.records(await this.#connection.read("list", { after, limit }, signal));
  }

  async clearExpired(batch: ClearBatch, { signal }: CallOptions = {}): Promise<number | UnfinishedBatch> {
    const before = time(batch.before);
    const limit = rowLimit(batch.limit, "The limit of a batch");
    // What was renewed since it was last looked at moves back in the index; what is then left at its front is over.
    const putOff = await this.#connection.write("postpone", { before, limit }, signal);
    const removed = await this.#connection.write("sweep", { before, limit }, signal);
    return batchOutcome(removed === "duplicate" ? 0 : removed, putOff === "duplicate" ? 0 : putOff, batch.limit);
  }

  migrate(options?: MigrateOptions): Promise<MigrationReport> {
    return this.#connection.migrate(options);
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  async #find(handle: SessionHandle, signal: AbortSignal | undefined): Promise<Entry | undefined> {
    const [row] = await this.#connection.read("load", { handle: short(handle, "The handle") }, signal);
    return row === undefined ? undefined : this.#rows.entry(handle, row);
  }

  async #has(handle: SessionHandle, signal: AbortSignal | undefined): Promise<boolean> {
    return (await this.#connection.read("has", { handle }, signal)).length > 0;
  }

  async #epochOf(userId: string, signal: AbortSignal | undefined): Promise<number> {
    const [row] = await this.#connection.read("epoch", { user: short(userId, "The user's id") }, signal);
    return row === undefined ? 0 : this.#rows.whole(row[0], "user_epoch");
  }

  async #advanceEpoch(userId: string, atLeast: number, signal: AbortSignal | undefined): Promise<number> {
    const bindings = { user: short(userId, "The user's id"), least: count(atLeast, "An epoch") };
    const { rows, number } = await this.#connection.writeAndGive("advanceEpoch", bindings, signal);
    const given = rows[0]?.[0] ?? number;
    // Not every driver hands out a number; what was raised is never lowered, and so can be read.
    return given === undefined ? this.#epochOf(userId, signal) : this.#rows.whole(given, "user_epoch");
  }

  async #sessionsOf(userId: string, signal: AbortSignal | undefined): Promise<readonly SessionRecord[]> {
    return this.#rows.readable(await this.#connection.read("sessionsOf", { user: short(userId, "The user's id") }, signal));
  }

  async #isRevoked({ userId, epoch }: Owner, signal: AbortSignal | undefined): Promise<boolean> {
    return userId !== null && epoch < (await this.#epochOf(userId, signal));
  }

  /** Why a record of `owner` may not be written onto what is under the handle, or undefined when it may. */
  async #refusal(
    handle: SessionHandle,
    expectedVersion: string,
    owner: Owner,
    signal: AbortSignal | undefined,
  ): Promise<Refusal | undefined> {
    const entry = await this.#find(handle, signal);
    if (entry === undefined) return { status: "missing" };
    if (entry.tombstone !== undefined) return { status: "retired", reason: entry.tombstone.reason };
    if (await this.#isRevoked(owner, signal)) return { status: "revoked" };
    return entry.record.version === expectedVersion ? undefined : shown("conflict", entry);
  }
}

// Told apart from other numbers, because drivers of MySQL send those as floating-point ones, which it does not take there.
function rowLimit(rows: number, what: string): bigint {
  return BigInt(count(rows, what));
}

type Owner = Pick<SessionRecord, "userId" | "epoch">;

async function rounds<O>(round: () => Promise<O | undefined>): Promise<O> {
  for (let number = 0; number < ROUNDS; number++) {
    const outcome = await round();
    if (outcome !== undefined) return outcome;
  }
  throw new SessionError("ERR_SESSION_STORE", "The session is written by too many at once", { applied: "no" });
}

function isChanged(changed: number | "duplicate"): boolean {
  return changed !== "duplicate" && changed > 0;
}

function shown<Status extends "live" | "conflict">(status: Status, entry: Exclude<Entry, { tombstone: Tombstone }>) {
  const { record, userEpoch } = entry;
  return userEpoch === null ? { status, record } : { status, record, userEpoch };
}

// A verb waits before it is done: what it needs is taken out of the caller's objects first.
function ownerOf({ userId, epoch }: SessionRecord): Owner {
  return { userId, epoch };
}

/** What a record is written with, but for the moment it began. */
function written(record: SessionRecord) {
  return {
    handle: short(record.handle, "The handle"),
    data: storable(record.data),
    version: short(record.version, "The version"),
    expires: time(record.expiresAt),
    user: record.userId === null ? null : short(record.userId, "The user's id"),
    epoch: count(record.epoch, "An epoch"),
  } satisfies Bindings;
}

/** What a tombstone is written with. */
function buried({ reason, token, successor, until }: Tombstone) {
  return {
    successor: successor === null ? "" : short(successor, "The handle"),
    token: short(token, "The token"),
    reason,
    until: time(until),
  } satisfies Bindings;
}
