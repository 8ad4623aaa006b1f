import { publish } from "../../core/events.ts";
import { isLockHandle, type SessionHandle } from "../../core/id.ts";
import type { SessionRecord, Tombstone } from "../../core/record.ts";
import { isCertain } from "../../core/store-limit.ts";
import type {
  Awaitable,
  CallOptions,
  ClearBatch,
  CreateOutcome,
  LoadOptions,
  LoadOutcome,
  RetireOutcome,
  RotateOutcome,
  SaveOutcome,
  SessionStore,
  TouchOutcome,
  UserIndex,
} from "../../core/store.ts";
import { Copies, type Found, type Lease, type Place } from "./copies.ts";
import { Doubts } from "./doubts.ts";
import type { ResolvedCachedOptions } from "./options.ts";

const MOST_DOUBTS = 10_000;
const AT_ONCE = 16;

/** What the cache failed at, as `cacheError` has it. */
type Failed = "read" | "fill" | "change" | "end";

/**
 * The verbs over a cache and a store. What holds them together: the store is written first, and no write is acknowledged before the cache
 * has confirmed that no copy from before it is there, nor can come, or this process has noted that it has not.
 */
export class CachedSessions {
  readonly name: string;
  readonly #options: ResolvedCachedOptions;
  readonly #store: SessionStore;
  readonly #copies: Copies;
  readonly #doubts: Doubts;
  readonly #background = new Set<Promise<void>>();

  constructor(options: ResolvedCachedOptions) {
    const { store, clock, staleMs } = options;
    this.name = `cached:${store.name}`;
    this.#options = options;
    this.#store = store;
    this.#copies = new Copies(options);
    this.#doubts = new Doubts({
      clock,
      lastsMs: staleMs,
      most: MOST_DOUBTS,
      mend: (handle, stone) => (stone === undefined ? this.#copies.forget(handle) : this.#copies.bury(handle, stone)),
    });
  }

  async load(handle: SessionHandle, options: LoadOptions = {}): Promise<LoadOutcome> {
    if (options.fresh === true || isLockHandle(handle) || this.#doubts.has(handle)) return this.#store.load(handle, options);
    const found = await this.#find(handle);
    switch (found.kind) {
      case "answer":
        // An end by this process may have gone unconfirmed meanwhile.
        return this.#doubts.has(handle) ? this.#store.load(handle, options) : found.outcome;
      case "nothing":
        return this.#meet(handle, options);
      case "place":
        return this.#read(handle, found.place, options);
      case "taken":
        return this.#store.load(handle, options);
    }
  }

  create(record: SessionRecord, options?: CallOptions): Awaitable<CreateOutcome> {
    // Its copy comes with its readers, by lease: one that is put there now could come late, after the end of the session.
    return this.#store.create(record, options);
  }

  async save(record: SessionRecord, expectedVersion: string, options?: CallOptions): Promise<SaveOutcome> {
    const send = (): Awaitable<SaveOutcome> => this.#store.save(record, expectedVersion, options);
    const { handle } = record;
    if (isLockHandle(handle)) return send();
    const since = this.#now();
    return this.#write(handle, expectedVersion, send, async ({ status }) => {
      if (status !== "saved") return this.#forget(handle, expectedVersion);
      return this.#change(handle, () => this.#copies.replace(record, this.#epochOf(record), expectedVersion, since));
    });
  }

  async touch(handle: SessionHandle, version: string, expiresAt: number, options?: CallOptions): Promise<TouchOutcome> {
    const send = (): Awaitable<TouchOutcome> => this.#store.touch(handle, version, expiresAt, options);
    if (isLockHandle(handle)) return send();
    return this.#write(handle, version, send, async ({ status }) => {
      if (status === "stale") return this.#forget(handle, version);
      return this.#change(handle, () => this.#copies.forgetShorter(handle, version, expiresAt));
    });
  }

  async retire(
    handle: SessionHandle,
    tombstone: Tombstone,
    expectedVersion?: string,
    options?: CallOptions,
  ): Promise<RetireOutcome> {
    const send = (): Awaitable<RetireOutcome> => this.#store.retire(handle, tombstone, expectedVersion, options);
    if (isLockHandle(handle)) return send();
    return this.#write(handle, expectedVersion, send, async (outcome) => {
      if (outcome.status === "retired") return this.#bury(handle, outcome.tombstone);
      return this.#forget(handle, expectedVersion);
    });
  }

  /** @param rotate the store's own */
  async rotate(
    rotate: NonNullable<SessionStore["rotate"]>,
    ...[handle, expectedVersion, record, tombstone, options]: Parameters<NonNullable<SessionStore["rotate"]>>
  ): Promise<RotateOutcome> {
    const send = (): Awaitable<RotateOutcome> =>
      rotate.call(this.#store, handle, expectedVersion, record, tombstone, options);
    return this.#write(handle, expectedVersion, send, async ({ status }) => {
      if (status === "rotated") return this.#bury(handle, tombstone);
      return this.#forget(handle, expectedVersion);
    });
  }

  /** Raises the epoch, and removes the user's sessions from the cache: their copies have the epoch of before. */
  async advanceEpoch(users: UserIndex, userId: string, atLeast: number, options?: CallOptions): Promise<number> {
    const epoch = await users.advanceEpoch(userId, atLeast, options);
    try {
      const records = await users.sessionsOf(userId, options);
      for (let start = 0; start < records.length; start += AT_ONCE) {
        const some = records.slice(start, start + AT_ONCE);
        await Promise.all(some.map(({ handle, version }) => this.#forget(handle, version)));
      }
    } catch (error) {
      // Whose copies they are cannot be known now.
      this.#doubts.addAll();
      this.#report("end", error);
    }
    return epoch;
  }

  /** Sweeps the store, and the cache along with it. */
  async clearExpired(
    clear: NonNullable<SessionStore["clearExpired"]>,
    batch: ClearBatch,
    options?: CallOptions,
  ): Promise<Awaited<ReturnType<typeof clear>>> {
    const [removed] = await Promise.all([clear.call(this.#store, batch, options), this.#copies.sweep(batch)]);
    return removed;
  }

  /** Resolves once the copies that were still to be put into the cache are there, or are given up. */
  async settled(): Promise<void> {
    while (this.#background.size > 0) await Promise.all(this.#background);
  }

  async close(): Promise<void> {
    await this.settled();
    await this.#doubts.close();
    const { store, cache } = this.#options;
    const results = await Promise.allSettled([store, cache].map(async (each) => each.close?.()));
    for (const result of results) if (result.status === "rejected") throw result.reason;
  }

  /** Looks into the cache; one that cannot answer is one that has nothing to say. */
  async #find(handle: SessionHandle): Promise<Found> {
    try {
      return await this.#copies.find(handle);
    } catch (error) {
      this.#report("read", error);
      return { kind: "taken" };
    }
  }

  /** Reads a session that the cache has not met. The first read makes no copy, so that ids that are made up leave nothing behind. */
  async #meet(handle: SessionHandle, options: LoadOptions): Promise<LoadOutcome> {
    const outcome = await this.#store.load(handle, options);
    if (outcome.status === "live") this.#later(handle, () => this.#copies.introduce(outcome.record));
    return outcome;
  }

  async #read(handle: SessionHandle, place: Place, options: LoadOptions): Promise<LoadOutcome> {
    const lease = await this.#lease(handle, place);
    const outcome = await this.#store.load(handle, options);
    if (lease !== undefined) this.#later(handle, () => this.#copies.fill(handle, lease, outcome));
    return outcome;
  }

  async #lease(handle: SessionHandle, place: Place): Promise<Lease | undefined> {
    try {
      return await this.#copies.lease(handle, place);
    } catch (error) {
      this.#report("read", error);
      return undefined;
    }
  }

  /**
   * Sends a write to the store, then has the cache follow. If nobody knows what became of the write, no copy stays that may be from before
   * it.
   */
  #write<O>(
    handle: SessionHandle,
    version: string | undefined,
    send: () => Awaitable<O>,
    follow: (outcome: O) => Promise<void>,
  ): Promise<O> {
    return this.#doubts.during(handle, async () => {
      let outcome: O;
      try {
        outcome = await send();
      } catch (error) {
        if (!isCertain(error)) await this.#forget(handle, version);
        throw error;
      }
      await follow(outcome);
      return outcome;
    });
  }

  #forget(handle: SessionHandle, version: string | undefined): Promise<void> {
    return this.#change(handle, () => this.#copies.forget(handle, version));
  }

  /** Has the cache confirm that a copy is gone. */
  async #change(handle: SessionHandle, confirm: () => Promise<void>): Promise<void> {
    try {
      await confirm();
    } catch (error) {
      this.#report("change", error);
      if (!(await this.#isBlocked(handle, error))) this.#doubts.add(handle, undefined);
    }
  }

  /** A cache that is full, or refuses this very text, may still take what needs no room. */
  async #isBlocked(handle: SessionHandle, error: unknown): Promise<boolean> {
    if (!isCertain(error)) return false;
    try {
      await this.#copies.block(handle);
      return true;
    } catch {
      return false;
    }
  }

  async #bury(handle: SessionHandle, tombstone: Tombstone): Promise<void> {
    try {
      await this.#copies.bury(handle, tombstone);
    } catch (error) {
      this.#report("end", error);
      if (!(await this.#isBlocked(handle, error))) this.#doubts.add(handle, tombstone);
    }
  }

  /** Puts something into the cache that nobody waits for. */
  #later(handle: SessionHandle, put: () => Promise<void>): void {
    if (this.#doubts.has(handle)) return;
    const task = put()
      .catch((error: unknown) => this.#report("fill", error))
      .finally(() => this.#background.delete(task));
    this.#background.add(task);
  }

  /** The user's epoch as far as a write shows it: the store refuses a record that is behind it. */
  #epochOf({ userId, epoch }: SessionRecord): number | undefined {
    return userId === null || this.#store.users === undefined ? undefined : epoch;
  }

  #report(reason: Failed, error: unknown): void {
    publish("cacheError", { store: this.name, reason, error });
  }

  #now(): number {
    return Math.floor(this.#options.clock.now());
  }
}
