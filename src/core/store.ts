import type { SessionHandle } from "./id.ts";
import type { RetiredReason, SessionRecord, Tombstone } from "./record.ts";

/** A value, or a promise of it: embedded stores may answer at once. */
export type Awaitable<T> = T | Promise<T>;

/**
 * What `load` found. `live` says that a record is there, whatever its deadline: the session decides on expiry, by the
 * application's clock. `userEpoch` is the present epoch of the record's user; a store with `users` gives it in the same round
 * trip whenever the record has a user.
 */
export type LoadOutcome =
  | { readonly status: "live"; readonly record: SessionRecord; readonly userEpoch?: number }
  | { readonly status: "retired"; readonly tombstone: Tombstone }
  | { readonly status: "missing" };

/** `exists`: the handle is taken, by a record or by a tombstone. `revoked`: the record's epoch is behind its user's. */
export type CreateOutcome = { readonly status: "created" | "exists" | "revoked" };

/**
 * What became of a conditional write. `conflict` carries the record that stands in the way; `retired` and `missing` say that
 * there is nothing to write onto; `revoked` that the record's epoch is behind its user's.
 */
export type SaveOutcome =
  | { readonly status: "saved" }
  | { readonly status: "conflict"; readonly record: SessionRecord; readonly userEpoch?: number }
  | { readonly status: "retired"; readonly reason: RetiredReason }
  | { readonly status: "missing" }
  | { readonly status: "revoked" };

/** `stale`: the record has another version, or is no longer there; nothing was changed. */
export type TouchOutcome = { readonly status: "touched" | "stale" };

/** `exists`: the new handle is taken, and nothing was changed. The others as for {@link SaveOutcome}. */
export type RotateOutcome =
  | { readonly status: "rotated" }
  | { readonly status: "exists" }
  | Exclude<SaveOutcome, { status: "saved" }>;

/** `retired` with the tombstone that holds now: the one given, or an earlier one, which stays; its `token` tells which. */
export type RetireOutcome =
  | { readonly status: "retired"; readonly tombstone: Tombstone }
  | { readonly status: "conflict"; readonly record: SessionRecord; readonly userEpoch?: number }
  | { readonly status: "missing" };

/** What may be said with every call. */
export interface CallOptions {
  /**
   * Aborted when nobody waits for the call any more. Given only to a store that declares `cancels`; what a cancelled write did is as
   * unknown as with any reply that is lost.
   */
  readonly signal?: AbortSignal | undefined;
}

/** What may be said with `load`. */
export interface LoadOptions extends CallOptions {
  /** True when a copy will not do: a store that keeps copies asks the original. Default false. */
  readonly fresh?: boolean | undefined;
}

/** Where two processes meet in this store: nowhere, in one process, on one machine, or over the network. */
export type StoreReach = "none" | "process" | "machine" | "network";

/**
 * A storage engine: a few verbs over records. This contract is the specification; `sojourn/testing` has it as rules that any
 * store can run.
 *
 * Three promises hold for every verb. A store never keeps or returns an object that a caller holds: what goes in and comes out
 * is copied or never changed. A store decides nothing by its own clock: times come as arguments. A call that rejects says
 * whether anything was stored: with a `SessionError` `ERR_SESSION_STORE` whose `applied` is `"no"` when it surely was not, and
 * with any other error when that cannot be known. A record that is there and cannot be read rejects with
 * `ERR_SESSION_UNREADABLE`, is never taken as missing, and is never overwritten by `save`, `touch` or `rotate`.
 */
export interface SessionStore {
  /** The engine's name, for events and messages: `memory`, `sqlite` … */
  readonly name: string;
  /** Where two processes meet in this store. */
  readonly reach: StoreReach;
  /** True when sessions survive a restart of the process. */
  readonly durable: boolean;
  /**
   * False when the engine cannot compare and write in one step: then writes are conditional among the calls of one process, and
   * between processes the last one wins. Default true.
   */
  readonly compareAndSwap?: boolean;
  /** True when the store stops a call whose signal is aborted. Default false: it is given no signals. */
  readonly cancels?: boolean;
  /**
   * How old what `load` gives may be, at most, in seconds: for a store that keeps copies which others do not write through. What was
   * written through the same store is seen at once, a load with `fresh` asks the original, and every other verb is as if there were no
   * copies. Default 0: what anybody was told is stored is what everybody loads.
   */
  readonly staleSeconds?: number;
  /** Where in its engine the records are, for a `ChangeFeed` of the same place to be told from another's: a prefix, a table. */
  readonly home?: string;

  /** Reads the record of `handle`. Never creates, never changes, never removes anything that is live. */
  load(handle: SessionHandle, options?: LoadOptions): Awaitable<LoadOutcome>;

  /** Stores a new record, and refuses a handle that exists in any form. */
  create(record: SessionRecord, options?: CallOptions): Awaitable<CreateOutcome>;

  /**
   * Replaces the record that still has `expectedVersion`, whole except for `createdAt`, which stays. Compares and writes in one
   * step; never creates.
   */
  save(record: SessionRecord, expectedVersion: string, options?: CallOptions): Awaitable<SaveOutcome>;

  /**
   * Moves the deadline of the record that still has `version` to `expiresAt`, if that is later than the one it has; an earlier
   * one leaves it alone and is `touched`. Changes neither data nor version; never creates.
   */
  touch(handle: SessionHandle, version: string, expiresAt: number, options?: CallOptions): Awaitable<TouchOutcome>;

  /**
   * Ends a record and leaves `tombstone` in its place: its data is gone, its handle stays taken. With `expectedVersion`, only
   * if the record still has that version. An earlier tombstone stays, but for its `until`, which may move later. A missing record
   * leaves nothing behind.
   */
  retire(
    handle: SessionHandle,
    tombstone: Tombstone,
    expectedVersion?: string,
    options?: CallOptions,
  ): Awaitable<RetireOutcome>;

  /**
   * Ability: creates `record` under its new handle and retires `handle`, which must still have `expectedVersion`, as one step:
   * both or neither. A store without it gets the same from create, conditional retire and compensation.
   */
  rotate?(
    handle: SessionHandle,
    expectedVersion: string,
    record: SessionRecord,
    tombstone: Tombstone,
    options?: CallOptions,
  ): Awaitable<RotateOutcome>;

  /** Ability: users, their sessions and their epochs. */
  readonly users?: UserIndex;

  /**
   * Ability: live records in the order of their handles, after `after`, at most `limit`. Tombstones are left out; a record that cannot
   * be read makes the page `ERR_SESSION_UNREADABLE`.
   */
  list?(page: ListPage, options?: CallOptions): Awaitable<readonly SessionRecord[]>;

  /**
   * Ability: removes at most `limit` records whose `expiresAt`, and tombstones whose `until`, is at or before `before`. Gives the
   * number removed; fewer than `limit` means that none is left, unless it is said that there is `more`. A call does no more work than
   * a batch of this size takes, however much is in the way.
   */
  clearExpired?(batch: ClearBatch, options?: CallOptions): Awaitable<number | UnfinishedBatch>;

  /** Ability: gives back what the store holds open. Called once, after the last other call. */
  close?(): Awaitable<void>;
}

/** A store with every ability of the contract. */
export type AbleStore = SessionStore & Required<Pick<SessionStore, "rotate" | "users" | "list" | "clearExpired" | "close">>;

/** One page of a listing. */
export interface ListPage {
  /** The last handle of the page before; none for the first page. */
  readonly after?: SessionHandle;
  readonly limit: number;
}

/** What a batch removed when its work was done before its limit was reached: there may be more to remove. */
export interface UnfinishedBatch {
  readonly removed: number;
  readonly more: true;
}

/** One batch of a sweep. */
export interface ClearBatch {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly before: number;
  readonly limit: number;
}

/**
 * The sessions of a user. An entry is written before its record and removed after it, and a reader repairs what it finds
 * stale, so that no live session is ever missing from the list.
 *
 * A store with `users` refuses, with `revoked`, to create, save or rotate a record whose epoch is behind the epoch that its
 * user had when the call began.
 */
export interface UserIndex {
  /** The user's epoch; 0 for a user that was never revoked. */
  epoch(userId: string, options?: CallOptions): Awaitable<number>;
  /** Raises the user's epoch to `atLeast`, unless it is there already, and gives the one that holds. Never goes back. */
  advanceEpoch(userId: string, atLeast: number, options?: CallOptions): Awaitable<number>;
  /**
   * The user's records, expired ones included; tombstones are left out, and so is a record that cannot be read: the user's epoch
   * ends it all the same.
   */
  sessionsOf(userId: string, options?: CallOptions): Awaitable<readonly SessionRecord[]>;
}

/** What a stateless store read out of a cookie: the record, or `missing` for a value that is not its own or does not verify. */
export type OpenOutcome =
  | { readonly status: "live"; readonly record: SessionRecord }
  | { readonly status: "missing"; readonly tampered: boolean };

/**
 * A store that keeps nothing: the record travels, signed or sealed, in the cookie itself. It is no shared state: two requests do
 * not see each other's writes, nothing can be merged, listed or revoked, and an old copy of a cookie stays good until its
 * deadline. Options that need shared state throw when they are configured together with it.
 */
export interface StatelessStore {
  readonly name: string;
  readonly reach: "none";
  readonly durable: boolean;
  readonly stateless: true;
  /** The most bytes that one session may take over all its cookies, names included. */
  readonly maxCookieBytes: number;
  /**
   * Reads a cookie's value (its chunks joined). Rejects with `ERR_SESSION_UNREADABLE` for a value that is well formed but made with
   * a key that is not in the ring.
   */
  open(value: string, cookieName: string): OpenOutcome;
  /** The cookie's value for a record. */
  seal(record: SessionRecord, cookieName: string): string;
}

/**
 * What a store answers for a batch for which it took up to `limit` records that might be over: some were removed, and others, which
 * were not over after all, put off.
 */
export function batchOutcome(removed: number, putOff: number, limit: number): number | UnfinishedBatch {
  const isLast = removed + putOff < limit;
  return isLast || removed >= limit ? removed : { removed, more: true };
}

/** True for a store that keeps its records in the cookie. */
export function isStateless(store: SessionStore | StatelessStore): store is StatelessStore {
  return "stateless" in store && store.stateless;
}
