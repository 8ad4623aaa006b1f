import type { Clock } from "../../core/clock.ts";
import type { ChangeFeed, StoreChange } from "../../core/feed.ts";
import { isLockHandle, type SessionHandle } from "../../core/id.ts";
import type { SessionRecord, Tombstone } from "../../core/record.ts";
import type {
  Awaitable,
  CallOptions,
  CreateOutcome,
  LoadOptions,
  LoadOutcome,
  RetireOutcome,
  SaveOutcome,
  SessionStore,
  StoreReach,
  TouchOutcome,
  UserIndex,
} from "../../core/store.ts";
import { Copies, userMark } from "./copies.ts";
import { Flights } from "./flights.ts";
import { FeedLink } from "./link.ts";
import type { ResolvedNearOptions } from "./options.ts";

/** How a near store fares. */
export interface NearStats {
  /** Whether the feed vouches for what is in memory; if not, every load asks the store. */
  readonly ready: boolean;
  readonly entries: number;
  /** By estimate, as for `maxBytes`. */
  readonly bytes: number;
  /** Loads answered from memory since the start. */
  readonly hits: number;
  /** Loads that asked the store. */
  readonly misses: number;
}

/** A store whose hot records are in the memory of the process. It has the abilities of the store that it was given. */
export interface NearStore extends SessionStore {
  readonly staleSeconds: number;
  /**
   * Resolves once everything that anybody was told of before this call, on whatever node, is what `load` gives here. Rejects never:
   * without the feed nothing is served from memory.
   */
  sync(): Promise<void>;
  stats(): NearStats;
  close(): Promise<void>;
}

/** A sweep of the oldest copies with each mark: how many are looked at. */
const LOOKED_AT = 100;

/** The ability of stores that have tables. */
interface MigratingStore {
  migrate(...options: never[]): unknown;
}

export class NearSessions implements NearStore {
  readonly name: string;
  readonly reach: StoreReach;
  readonly durable: boolean;
  readonly staleSeconds: number;
  readonly compareAndSwap?: boolean;
  readonly cancels?: boolean;
  readonly home?: string;
  readonly rotate?: NonNullable<SessionStore["rotate"]>;
  readonly users?: UserIndex;
  readonly list?: NonNullable<SessionStore["list"]>;
  readonly clearExpired?: NonNullable<SessionStore["clearExpired"]>;
  readonly migrate?: MigratingStore["migrate"];
  readonly #store: SessionStore;
  readonly #feed: ChangeFeed;
  readonly #clock: Clock;
  readonly #link: FeedLink;
  readonly #copies: Copies;
  readonly #flights: Flights;
  #hits = 0;
  #misses = 0;
  #closing: Promise<void> | undefined;

  constructor({ store, feed, staleSeconds, clock, ...limits }: ResolvedNearOptions, flights = new Flights()) {
    this.#store = store;
    this.#feed = feed;
    this.#clock = clock;
    this.#copies = new Copies(limits);
    this.#flights = flights;
    this.name = `near:${store.name}`;
    this.reach = store.reach;
    this.durable = store.durable;
    this.staleSeconds = staleSeconds;
    if (store.compareAndSwap !== undefined) this.compareAndSwap = store.compareAndSwap;
    // A store from a URL knows it after its first call.
    if (store.cancels !== undefined) Object.defineProperty(this, "cancels", { enumerable: true, get: () => store.cancels });
    if (store.home !== undefined) this.home = store.home;
    this.#link = new FeedLink({
      feed,
      staleMs: staleSeconds * 1000,
      name: this.name,
      onChange: (change) => this.#changed(change),
      onLapse: () => this.#forgetAll(),
      onBeat: () => this.#copies.deleteOver(clock.now(), LOOKED_AT),
    });
    const { rotate, users, list, clearExpired } = store;
    if (rotate !== undefined) {
      this.rotate = (handle, version, record, ...rest) =>
        this.#write([handle, record.handle], () => rotate.call(store, handle, version, record, ...rest));
    }
    if (users !== undefined) this.users = this.#usersOver(users);
    if (list !== undefined) this.list = list.bind(store);
    if (clearExpired !== undefined) {
      this.clearExpired = async (batch, options) => {
        const removed = await clearExpired.call(store, batch, options);
        this.#copies.deleteOver(batch.before);
        this.#flights.allChanged();
        return removed;
      };
    }
    if (isMigrating(store)) this.migrate = store.migrate.bind(store);
  }

  load(handle: SessionHandle, options?: LoadOptions): Awaitable<LoadOutcome> {
    // Locks change hands between processes, and whoever asks for one asks for the original.
    if (isLockHandle(handle)) return this.#store.load(handle, options);
    this.#link.start();
    const { misconfigured } = this.#link;
    if (misconfigured !== undefined) return Promise.reject(misconfigured);
    if (!this.#link.isCurrent) {
      this.#misses++;
      return this.#store.load(handle, options);
    }
    const copy = options?.fresh === true ? undefined : this.#copies.get(handle, this.#clock.now());
    if (copy === undefined) return this.#ask(handle, options);
    this.#hits++;
    return copy;
  }

  create(record: SessionRecord, options?: CallOptions): Promise<CreateOutcome> {
    return this.#write([record.handle], () => this.#store.create(record, options));
  }

  save(record: SessionRecord, expectedVersion: string, options?: CallOptions): Promise<SaveOutcome> {
    return this.#write([record.handle], () => this.#store.save(record, expectedVersion, options));
  }

  touch(handle: SessionHandle, version: string, expiresAt: number, options?: CallOptions): Promise<TouchOutcome> {
    return this.#write([handle], () => this.#store.touch(handle, version, expiresAt, options));
  }

  retire(
    handle: SessionHandle,
    tombstone: Tombstone,
    expectedVersion?: string,
    options?: CallOptions,
  ): Promise<RetireOutcome> {
    return this.#write([handle], () => this.#store.retire(handle, tombstone, expectedVersion, options));
  }

  sync(): Promise<void> {
    return this.#link.sync();
  }

  stats(): NearStats {
    // Asked first: it forgets everything when the feed has been silent for too long.
    const ready = this.#link.isCurrent;
    return { ready, entries: this.#copies.size, bytes: this.#copies.bytes, hits: this.#hits, misses: this.#misses };
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#link.close();
    try {
      await this.#feed.close?.();
    } finally {
      await this.#store.close?.();
    }
  }

  async #ask(handle: SessionHandle, options: LoadOptions | undefined): Promise<LoadOutcome> {
    this.#misses++;
    const flight = this.#flights.begin(handle);
    try {
      const outcome = await this.#store.load(handle, options);
      if (outcome.status === "missing") this.#copies.delete(handle);
      else if (!flight.changed && !(flight.usersChanged && isOfUser(outcome)) && this.#link.isCurrent) {
        this.#copies.set(handle, outcome);
      }
      return outcome;
    } finally {
      this.#flights.end(handle, flight);
    }
  }

  /** Forgets what is written, before and after: a load that was under way in between may have brought either state. */
  async #write<O>(handles: readonly SessionHandle[], send: () => Awaitable<O>): Promise<O> {
    for (const handle of handles) this.#forget(handle);
    try {
      return await send();
    } finally {
      for (const handle of handles) this.#forget(handle);
    }
  }

  #usersOver(users: UserIndex): UserIndex {
    return {
      epoch: (userId, options) => users.epoch(userId, options),
      sessionsOf: (userId, options) => users.sessionsOf(userId, options),
      advanceEpoch: async (userId, atLeast, options) => {
        const user = userMark(userId);
        this.#forgetUser(user);
        try {
          return await users.advanceEpoch(userId, atLeast, options);
        } finally {
          this.#forgetUser(user);
        }
      },
    };
  }

  #changed(change: StoreChange): void {
    if (change === "everything") this.#forgetAll();
    else if ("handle" in change) this.#forget(change.handle);
    else this.#forgetUser(change.user);
  }

  #forget(handle: SessionHandle): void {
    this.#copies.delete(handle);
    this.#flights.changed(handle);
  }

  #forgetUser(user: string | null): void {
    this.#copies.deleteUser(user);
    this.#flights.usersChanged();
  }

  #forgetAll(): void {
    this.#copies.clear();
    this.#flights.allChanged();
  }
}

function isOfUser(outcome: LoadOutcome): boolean {
  return outcome.status === "live" && outcome.record.userId !== null;
}

function isMigrating(store: SessionStore): store is SessionStore & MigratingStore {
  return "migrate" in store && typeof store.migrate === "function";
}
