import type { SessionHandle } from "../core/id.ts";
import type { SessionRecord } from "../core/record.ts";
import type { Awaitable, SessionStore } from "../core/store.ts";

/**
 * What a rule asks of a store beyond the verbs that every store has: an ability of the contract, or something that its storage can do.
 * `second handle`: the storage can be opened twice at once (reach `machine` or `network`, or durable). `durable`: sessions survive a
 * restart. `corrupt`: the target can damage a record. `compareAndSwap`: the store does not declare that its engine has none.
 * `immediate`: it does not declare `staleSeconds`.
 */
export type StoreNeed =
  | "rotate"
  | "users"
  | "list"
  | "clearExpired"
  | "close"
  | "second handle"
  | "durable"
  | "corrupt"
  | "compareAndSwap"
  | "immediate";

/** One storage, for one rule. */
export interface StoreStorage {
  /** Opens a store on this storage. Called again for a second handle and for a restart. */
  open(): Awaitable<SessionStore>;
  /** Damages the stored record, so that the store can no longer read it. */
  corrupt?(handle: SessionHandle): Awaitable<void>;
  /** Removes the storage. Called once, after every handle was closed. */
  remove?(): Awaitable<void>;
}

/** A kind of store that the kit can be run on. */
export interface StoreTarget {
  /** Shown with the results. */
  readonly name: string;
  /** Gives new, empty storage. Called once for each rule. */
  storage(): Awaitable<StoreStorage>;
}

/** What a rule works with. */
export interface StoreRuleContext {
  /** An open store on empty storage. */
  readonly store: SessionStore;
  /**
   * The moment that the rule takes for the present, near the machine's own, so that an engine which expires keys by itself does not
   * remove what the rule just wrote.
   */
  readonly now: number;
  /** A second handle on the same storage, for rules that need `second handle`. */
  reopen(): Promise<SessionStore>;
  /** Closes one handle. Whatever a rule leaves open is closed after it. */
  close(store: SessionStore): Promise<void>;
  /** Closes every handle and opens the storage again, for rules that need `durable`. */
  restart(): Promise<SessionStore>;
  /** Damages a record, for rules that need `corrupt`. */
  corrupt(handle: SessionHandle): Promise<void>;
  /** A record with a new handle and version, one hour to live, no user, and `fields` over that. */
  record(fields?: Partial<SessionRecord>): SessionRecord;
}

/** A promise that every store keeps. */
export interface StoreRule {
  /** The promise, as a sentence. Unique in the kit. */
  readonly name: string;
  /** Without one of these the rule is skipped, with the reason. */
  readonly needs?: readonly StoreNeed[];
  /** @throws when the promise is broken */
  run(context: StoreRuleContext): Promise<void>;
}
