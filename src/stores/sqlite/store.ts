import type { SessionHandle } from "../../core/id.ts";
import type { SessionRecord, Tombstone } from "../../core/record.ts";
import {
  type AbleStore,
  type Awaitable,
  batchOutcome,
  type ClearBatch,
  type CreateOutcome,
  type ListPage,
  type LoadOutcome,
  type RetireOutcome,
  type RotateOutcome,
  type SaveOutcome,
  type TouchOutcome,
  type UnfinishedBatch,
  type UserIndex,
} from "../../core/store.ts";
import type { Connection } from "./connection.ts";
import { migrate, type MigrateOptions, type MigratingStore, type MigrationReport } from "./migrate.ts";
import type { TableNames } from "./names.ts";
import { count, RowReader, storable, time, type Entry } from "./rows.ts";
import type { Statements } from "./statements.ts";

/** A {@link AbleStore} in a SQLite database, with every ability of the contract. */
export interface SqliteStore extends AbleStore, MigratingStore {
  close(): void;
}

type Owner = Pick<SessionRecord, "userId" | "epoch">;
type Refusal = Exclude<SaveOutcome, { status: "saved" }>;

/**
 * The verbs. Each tries one statement that does it all when nothing stands in the way, and looks closer only when that changed
 * nothing.
 */
export class SqliteSessions implements SqliteStore {
  readonly name = "sqlite";
  readonly reach: "process" | "machine";
  readonly durable: boolean;
  readonly users: UserIndex;
  readonly #connection: Connection;
  readonly #names: TableNames;
  readonly #rows: RowReader;

  constructor(connection: Connection, names: TableNames, inFile: boolean) {
    this.#connection = connection;
    this.#names = names;
    this.#rows = new RowReader(names.sessions);
    this.reach = inFile ? "machine" : "process";
    this.durable = inFile;
    this.users = {
      epoch: (userId) => connection.run("read", (statements) => this.#epochOf(statements, userId)),
      advanceEpoch: (userId, atLeast) => this.#advanceEpoch(userId, atLeast),
      sessionsOf: (userId) => connection.run("read", (statements) => this.#rows.readable(statements.sessionsOf.all(userId))),
    };
  }

  load(handle: SessionHandle): Awaitable<LoadOutcome> {
    return this.#connection.run("read", (statements): LoadOutcome => {
      const entry = this.#find(statements, handle);
      if (entry === undefined) return { status: "missing" };
      if (entry.tombstone !== undefined) return { status: "retired", tombstone: entry.tombstone };
      return shown("live", entry.record, entry.userEpoch);
    });
  }

  create(record: SessionRecord): Awaitable<CreateOutcome> {
    const { handle } = record;
    const values = creation(record);
    return this.#connection.run("write", ({ create, has }): CreateOutcome => {
      if (changed(create.run(...values))) return { status: "created" };
      return this.#connection.transaction((): CreateOutcome => {
        if (has.all(handle).length > 0) return { status: "exists" };
        return { status: changed(create.run(...values)) ? "created" : "revoked" };
      });
    });
  }

  save(record: SessionRecord, expectedVersion: string): Awaitable<SaveOutcome> {
    const { handle } = record;
    const data = storable(record.data);
    const version = storable(record.version);
    const expiresAt = time(record.expiresAt);
    const owner = ownerOf(record);
    const { userId, epoch } = owner;
    return this.#connection.run("write", (statements): SaveOutcome => {
      const { save, replace } = statements;
      if (changed(save.run(data, version, expiresAt, handle, expectedVersion, userId, epoch, expiresAt, userId, epoch))) {
        return { status: "saved" };
      }
      const refusal = this.#refusal(statements, handle, expectedVersion, owner);
      if (refusal !== undefined) return refusal;
      return this.#connection.transaction((): SaveOutcome => {
        const late = this.#refusal(statements, handle, expectedVersion, owner);
        if (late !== undefined) return late;
        replace.run(data, version, expiresAt, userId, epoch, expiresAt, handle);
        return { status: "saved" };
      });
    });
  }

  touch(handle: SessionHandle, version: string, expiresAt: number): Awaitable<TouchOutcome> {
    const deadline = time(expiresAt);
    return this.#connection.run("write", (statements): TouchOutcome => {
      if (changed(statements.touch.run(deadline, handle, version, deadline))) return { status: "touched" };
      // Another version, or a deadline that is later already: under one version it only ever moves later.
      const entry = this.#find(statements, handle);
      const stale = entry === undefined || entry.tombstone !== undefined || entry.record.version !== version;
      return { status: stale ? "stale" : "touched" };
    });
  }

  retire(handle: SessionHandle, tombstone: Tombstone, expectedVersion?: string): Awaitable<RetireOutcome> {
    const values = burial(handle, tombstone);
    const stone = { ...tombstone, until: values[3] };
    return this.#connection.run("write", (statements): RetireOutcome => {
      const bury = (): boolean => {
        if (expectedVersion === undefined) return changed(statements.retire.run(...values));
        return changed(statements.retireVersion.run(...values, expectedVersion));
      };
      if (bury()) return { status: "retired", tombstone: stone };
      return this.#connection.transaction((): RetireOutcome => {
        if (bury()) return { status: "retired", tombstone: stone };
        const entry = this.#find(statements, handle);
        if (entry === undefined) return { status: "missing" };
        if (entry.tombstone === undefined) return shown("conflict", entry.record, entry.userEpoch);
        statements.extend.run(stone.until, handle, stone.until);
        const until = Math.max(stone.until, entry.tombstone.until);
        return { status: "retired", tombstone: { ...entry.tombstone, until } };
      });
    });
  }

  rotate(
    handle: SessionHandle,
    expectedVersion: string,
    record: SessionRecord,
    tombstone: Tombstone,
  ): Awaitable<RotateOutcome> {
    const owner = ownerOf(record);
    const created = creation(record);
    const buried = burial(handle, tombstone);
    return this.#connection.run("write", (statements) =>
      this.#connection.transaction((): RotateOutcome => {
        const refusal = this.#refusal(statements, handle, expectedVersion, owner);
        if (refusal !== undefined) return refusal;
        if (!changed(statements.create.run(...created))) return { status: "exists" };
        statements.retire.run(...buried);
        return { status: "rotated" };
      }),
    );
  }

  list(page: ListPage): Awaitable<readonly SessionRecord[]> {
    const limit = count(page.limit, "The limit of a page");
    return this.#connection.run("read", ({ list }) => this.#rows.records(list.all(page.after ?? "", limit)));
  }

  clearExpired(batch: ClearBatch): Awaitable<number | UnfinishedBatch> {
    const before = time(batch.before);
    const limit = count(batch.limit, "The limit of a batch");
    const clear = ({ postpone, sweep }: Statements): number | UnfinishedBatch =>
      this.#connection.transaction(() => {
        // What was renewed since it was last looked at moves back in the index; what is then left at its front is over.
        const putOff = changes(postpone.run(before, before, limit, before));
        return batchOutcome(changes(sweep.run(before, before, limit, before)), putOff, limit);
      });
    return this.#connection.runGently(clear, (outcome) => typeof outcome !== "number" || outcome >= limit);
  }

  migrate(options?: MigrateOptions): Awaitable<MigrationReport> {
    return this.#connection.runBare((database) => migrate(database, this.#names, options));
  }

  close(): void {
    this.#connection.close();
  }

  #find({ load }: Statements, handle: SessionHandle): Entry | undefined {
    return this.#rows.entry(handle, load.get(handle));
  }

  #epochOf({ epoch }: Statements, userId: string): number {
    return this.#rows.epoch(epoch.get(userId));
  }

  #advanceEpoch(userId: string, atLeast: number): Awaitable<number> {
    const user = storable(userId);
    const least = count(atLeast, "An epoch");
    // Every row is fetched: a driver that fetches only one ends the statement early, and an error of the commit goes unseen.
    return this.#connection.run("write", ({ advanceEpoch }) => this.#rows.epoch(advanceEpoch.all(user, least, least)[0]));
  }

  /** Why a record of `owner` may not be written onto what is under the handle, or undefined when it may. */
  #refusal(statements: Statements, handle: SessionHandle, expectedVersion: string, owner: Owner): Refusal | undefined {
    const entry = this.#find(statements, handle);
    if (entry === undefined) return { status: "missing" };
    if (entry.tombstone !== undefined) return { status: "retired", reason: entry.tombstone.reason };
    if (owner.userId !== null && owner.epoch < this.#epochOf(statements, owner.userId)) return { status: "revoked" };
    return entry.record.version === expectedVersion ? undefined : shown("conflict", entry.record, entry.userEpoch);
  }
}

function shown<Status extends "live" | "conflict">(status: Status, record: SessionRecord, userEpoch: number | null) {
  return userEpoch === null ? { status, record } : { status, record, userEpoch };
}

function changes(result: { readonly changes: number | bigint }): number {
  return Number(result.changes);
}

function changed(result: { readonly changes: number | bigint }): boolean {
  return changes(result) > 0;
}

// A verb may run again later, while it waits for a lock: what it needs is taken out of the caller's objects first.
function ownerOf({ userId, epoch }: SessionRecord): Owner {
  return { userId: userId === null ? null : storable(userId), epoch: count(epoch, "An epoch") };
}

/** What `create` binds. */
function creation(record: SessionRecord) {
  const { userId, epoch } = ownerOf(record);
  const expiresAt = time(record.expiresAt);
  const handle = storable(record.handle);
  const version = storable(record.version);
  return [
    handle,
    version,
    time(record.createdAt),
    expiresAt,
    userId,
    epoch,
    expiresAt,
    storable(record.data),
    userId,
    epoch,
  ] as const;
}

/** What `retire` binds. */
function burial(handle: SessionHandle, { reason, token, successor, until }: Tombstone) {
  const end = time(until);
  return [successor ?? "", storable(token), reason, end, end, handle] as const;
}
