import { SessionError } from "../../core/errors.ts";
import type { SessionHandle } from "../../core/id.ts";
import type { SessionRecord, Tombstone } from "../../core/record.ts";
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
} from "../../core/store.ts";
import { Connection } from "./connection.ts";
import type { Database } from "./dialect.ts";
import type { MigrateOptions, MigratingStore, MigrationReport } from "./migrate.ts";
import { RowReader, type Entry } from "./rows.ts";
import type { Bindings } from "./texts.ts";
import { count, short, storable, time } from "./values.ts";

/** A {@link SessionStore} in an SQL database, with every ability of the contract. */
export interface SqlStore extends Required<SessionStore>, MigratingStore {
  load(handle: SessionHandle): Promise<LoadOutcome>;
  create(record: SessionRecord): Promise<CreateOutcome>;
  save(record: SessionRecord, expectedVersion: string): Promise<SaveOutcome>;
  touch(handle: SessionHandle, version: string, expiresAt: number): Promise<TouchOutcome>;
  retire(handle: SessionHandle, tombstone: Tombstone, expectedVersion?: string): Promise<RetireOutcome>;
  rotate(
    handle: SessionHandle,
    expectedVersion: string,
    record: SessionRecord,
    tombstone: Tombstone,
  ): Promise<RotateOutcome>;
  list(page: ListPage): Promise<readonly SessionRecord[]>;
  clearExpired(batch: ClearBatch): Promise<number>;
  close(): Promise<void>;
  migrate(options?: MigrateOptions): Promise<MigrationReport>;
}

type Refusal = Exclude<SaveOutcome, { status: "saved" }>;

/** How many rows a sweep puts off at a time. */
const POSTPONED_AT_ONCE = 500;

/** How often a write looks at what stood in its way and finds that it is gone, before it gives up. */
const ROUNDS = 20;

/**
 * The verbs. Each is one statement that compares and writes, and so needs no transaction; only when that changed nothing, another
 * one looks at what stood in the way. If nothing does any more, it begins again.
 */
export class SqlSessions implements SqlStore {
  readonly name: string;
  readonly reach = "network";
  readonly durable = true;
  readonly users: UserIndex;
  readonly #connection: Connection;
  readonly #rows: RowReader;

  constructor(database: Database) {
    this.name = database.dialect.name;
    this.#connection = new Connection(database);
    this.#rows = new RowReader(database.dialect.names.table);
    this.users = {
      epoch: (userId) => this.#epochOf(userId),
      advanceEpoch: (userId, atLeast) => this.#advanceEpoch(userId, atLeast),
      sessionsOf: (userId) => this.#sessionsOf(userId),
    };
  }

  async load(handle: SessionHandle): Promise<LoadOutcome> {
    const entry = await this.#find(handle);
    if (entry === undefined) return { status: "missing" };
    if (entry.tombstone !== undefined) return { status: "retired", tombstone: entry.tombstone };
    return shown("live", entry);
  }

  async create(record: SessionRecord): Promise<CreateOutcome> {
    const { handle } = record;
    const owner = ownerOf(record);
    const bindings = { ...written(record), created: time(record.createdAt) };
    return rounds(async () => {
      const changed = await this.#connection.write("create", bindings);
      if (changed === "duplicate") return { status: "exists" };
      if (changed > 0) return { status: "created" };
      if (await this.#has(handle)) return { status: "exists" };
      return (await this.#isRevoked(owner)) ? { status: "revoked" } : undefined;
    });
  }

  async save(record: SessionRecord, expectedVersion: string): Promise<SaveOutcome> {
    const { handle } = record;
    const owner = ownerOf(record);
    const bindings = { ...written(record), expected: expectedVersion };
    return rounds(async () => {
      if (isChanged(await this.#connection.write("save", bindings))) return { status: "saved" };
      return this.#refusal(handle, expectedVersion, owner);
    });
  }

  async touch(handle: SessionHandle, version: string, expiresAt: number): Promise<TouchOutcome> {
    const expires = time(expiresAt);
    return rounds(async () => {
      const bindings = { handle: short(handle, "The handle"), expected: version, expires };
      if (isChanged(await this.#connection.write("touch", bindings))) return { status: "touched" };
      const entry = await this.#find(handle);
      if (entry === undefined || entry.tombstone !== undefined) return { status: "stale" };
      const { record } = entry;
      if (record.version !== version) return { status: "stale" };
      // Under one version the deadline only ever moves later.
      return record.expiresAt >= expires ? { status: "touched" } : undefined;
    });
  }

  async retire(handle: SessionHandle, tombstone: Tombstone, expectedVersion?: string): Promise<RetireOutcome> {
    const until = time(tombstone.until);
    const stone = { ...tombstone, until };
    const bindings = { ...buried(stone), handle: short(handle, "The handle") };
    return rounds(async (): Promise<RetireOutcome | undefined> => {
      const bury =
        expectedVersion === undefined
          ? this.#connection.write("retire", bindings)
          : this.#connection.write("retireVersion", { ...bindings, expected: expectedVersion });
      if (isChanged(await bury)) return { status: "retired", tombstone: stone };
      const entry = await this.#find(handle);
      if (entry === undefined) return { status: "missing" };
      if (entry.tombstone === undefined) {
        const differs = expectedVersion !== undefined && entry.record.version !== expectedVersion;
        return differs ? shown("conflict", entry) : undefined;
      }
      const earlier = entry.tombstone;
      if (earlier.until >= until) return { status: "retired", tombstone: earlier };
      await this.#connection.write("extend", { handle, until });
      return { status: "retired", tombstone: { ...earlier, until } };
    });
  }

  async rotate(
    handle: SessionHandle,
    expectedVersion: string,
    record: SessionRecord,
    tombstone: Tombstone,
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
      if (isChanged(await this.#connection.write("rotate", bindings))) return { status: "rotated" };
      const refusal = await this.#refusal(handle, expectedVersion, owner);
      if (refusal !== undefined) return refusal;
      return (await this.#has(heir)) ? { status: "exists" } : undefined;
    });
  }

  async list(page: ListPage): Promise<readonly SessionRecord[]> {
    const after = short(page.after ?? "", "The handle");
    const limit = rowLimit(page.limit, "The limit of a page");
    return this.#rows.records(await this.#connection.read("list", { after, limit }));
  }

  async clearExpired(batch: ClearBatch): Promise<number> {
    const before = time(batch.before);
    const limit = rowLimit(batch.limit, "The limit of a batch");
    // What was renewed since it was last looked at moves back in the index; what is then left at its front is over.
    for (;;) {
      const postponed = await this.#connection.write("postpone", { before, limit: BigInt(POSTPONED_AT_ONCE) });
      if (postponed === "duplicate" || postponed < POSTPONED_AT_ONCE) break;
    }
    const removed = await this.#connection.write("sweep", { before, limit });
    return removed === "duplicate" ? 0 : removed;
  }

  migrate(options?: MigrateOptions): Promise<MigrationReport> {
    return this.#connection.migrate(options);
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  async #find(handle: SessionHandle): Promise<Entry | undefined> {
    const [row] = await this.#connection.read("load", { handle: short(handle, "The handle") });
    return row === undefined ? undefined : this.#rows.entry(handle, row);
  }

  async #has(handle: SessionHandle): Promise<boolean> {
    return (await this.#connection.read("has", { handle })).length > 0;
  }

  async #epochOf(userId: string): Promise<number> {
    const [row] = await this.#connection.read("epoch", { user: short(userId, "The user's id") });
    return row === undefined ? 0 : this.#rows.whole(row[0], "user_epoch");
  }

  async #advanceEpoch(userId: string, atLeast: number): Promise<number> {
    const bindings = { user: short(userId, "The user's id"), least: count(atLeast, "An epoch") };
    const { rows, number } = await this.#connection.writeAndGive("advanceEpoch", bindings);
    return this.#rows.whole(rows[0]?.[0] ?? number, "user_epoch");
  }

  async #sessionsOf(userId: string): Promise<readonly SessionRecord[]> {
    return this.#rows.records(await this.#connection.read("sessionsOf", { user: short(userId, "The user's id") }));
  }

  async #isRevoked({ userId, epoch }: Owner): Promise<boolean> {
    return userId !== null && epoch < (await this.#epochOf(userId));
  }

  /** Why a record of `owner` may not be written onto what is under the handle, or undefined when it may. */
  async #refusal(handle: SessionHandle, expectedVersion: string, owner: Owner): Promise<Refusal | undefined> {
    const entry = await this.#find(handle);
    if (entry === undefined) return { status: "missing" };
    if (entry.tombstone !== undefined) return { status: "retired", reason: entry.tombstone.reason };
    if (await this.#isRevoked(owner)) return { status: "revoked" };
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
