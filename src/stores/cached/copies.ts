import { isSessionError, SessionError } from "../../core/errors.ts";
import { newVersion, type SessionHandle } from "../../core/id.ts";
import type { SessionRecord, Tombstone } from "../../core/record.ts";
import { type Send, within } from "../../core/store-limit.ts";
import { StoreHealth } from "../../core/store-health.ts";
import type { ClearBatch, LoadOutcome, SaveOutcome, SessionStore } from "../../core/store.ts";
import type { ResolvedCachedOptions } from "./options.ts";
import { type Copy, freeRecord, isVoid, leaseRecord, recordOfCopy, slotOf, versionOfCopy, voidStone } from "./slot.ts";

type Live = Extract<LoadOutcome, { status: "live" }>;

/** What the cache has under a handle. */
export type Found =
  /** A copy that may be served, or the end of the session. */
  | { readonly kind: "answer"; readonly outcome: Exclude<LoadOutcome, { status: "missing" }> }
  /** A place in which a copy may be put, once it is leased. */
  | { readonly kind: "place"; readonly place: Place }
  /** Nothing: the cache has not met this session yet. */
  | { readonly kind: "nothing" }
  /** A place that is taken. */
  | { readonly kind: "taken" };

/** A place as it was seen. */
export interface Place {
  readonly version: string;
  /** When the session began that the place is for. */
  readonly createdAt: number;
}

/** The right to put a copy into a place. */
export interface Lease extends Place {
  /** When it was taken: what is read afterwards is no older. */
  readonly since: number;
}

const MOST_TRIES = 10;

/**
 * The copies in the cache. Nothing here decides about a session: each call either resolves once the cache has confirmed it, or rejects,
 * after `cacheTimeoutSeconds` at the latest.
 */
export class Copies {
  readonly #options: ResolvedCachedOptions;
  readonly #cache: SessionStore;
  readonly #health: StoreHealth;
  /** What has run out by then was swept here, though the cache may hold it still. */
  #sweptTo = 0;

  constructor(options: ResolvedCachedOptions) {
    this.#options = options;
    this.#cache = options.cache;
    this.#health = new StoreHealth(options.cache.name, options);
  }

  /** Looks what is there. */
  async find(handle: SessionHandle): Promise<Found> {
    const found = await this.#ask((call) => this.#cache.load(handle, call));
    if (found.status === "missing") return { kind: "nothing" };
    const now = this.#now();
    if (found.status === "retired") {
      const { tombstone } = found;
      if (isVoid(tombstone) || tombstone.until <= Math.max(now, this.#sweptTo)) return { kind: "taken" };
      return { kind: "answer", outcome: found };
    }
    const { version, createdAt } = found.record;
    const place = { kind: "place", place: { version, createdAt } } as const;
    const slot = slotOf(found.record);
    switch (slot.kind) {
      case "copy":
        return this.#isFresh(slot.copy, now) ? { kind: "answer", outcome: liveOf(slot.copy) } : place;
      case "lease":
        return slot.until > now && slot.until - now <= this.#options.leaseMs + this.#options.skewMs
          ? { kind: "taken" }
          : place;
      case "foreign":
        throw foreign(this.#cache);
      case "free":
      case "unknown":
        return place;
    }
  }

  /** Makes a place for a session that the cache has not met, so that its next reader can lease it. */
  async introduce({ handle, createdAt }: SessionRecord): Promise<void> {
    const record = freeRecord(handle, createdAt, this.#now() + this.#options.staleMs);
    await this.#ask((call) => this.#cache.create(record, call));
  }

  /** Takes a place as it was seen; undefined when somebody else was there first. */
  async lease(handle: SessionHandle, { version, createdAt }: Place): Promise<Lease | undefined> {
    const since = this.#now();
    const record = leaseRecord(handle, createdAt, since + this.#options.leaseMs);
    const { status } = await this.#ask((call) => this.#cache.save(record, version, call));
    return status === "saved" ? { version: record.version, createdAt, since } : undefined;
  }

  /** Puts what was read into the leased place, if the lease still stands: nobody has written to the session or ended it since. */
  async fill(handle: SessionHandle, lease: Lease, outcome: LoadOutcome): Promise<void> {
    if (outcome.status === "missing") return;
    if (outcome.status === "retired") {
      const { tombstone } = outcome;
      await this.#ask((call) => this.#cache.retire(handle, tombstone, lease.version, call));
      return;
    }
    const { record, userEpoch } = outcome;
    // A handle that was given out anew is another session's.
    if (record.createdAt !== lease.createdAt || record.expiresAt <= this.#now()) return;
    await this.#put(record, userEpoch, lease.since, lease.version);
  }

  /**
   * Puts what was written in the place of the copy that it was written onto. Whatever else is there goes: it may be older, or a lease of
   * somebody who has read what is older.
   *
   * @param since when the write was sent
   */
  async replace(
    record: SessionRecord,
    userEpoch: number | undefined,
    expectedVersion: string,
    since: number,
  ): Promise<void> {
    const outcome = await this.#put(record, userEpoch, since, versionOfCopy(expectedVersion));
    if (outcome.status === "conflict") await this.#clear(record.handle, outcome.record, versionOfCopy(record.version));
  }

  /** Makes sure that no copy from before now is there, nor will be. */
  async forget(handle: SessionHandle, version: string = newVersion()): Promise<void> {
    const outcome = await this.#free(handle, versionOfCopy(version));
    if (outcome.status === "conflict") await this.#clear(handle, outcome.record);
  }

  /** As {@link forget}, but for a copy of this version that has this deadline, or a later one. */
  async forgetShorter(handle: SessionHandle, version: string, expiresAt: number): Promise<void> {
    const found = await this.#ask((call) => this.#cache.load(handle, call));
    if (found.status !== "live") return;
    const slot = slotOf(found.record);
    const isGood = slot.kind === "copy" && slot.copy.record.version === version && slot.copy.record.expiresAt >= expiresAt;
    if (!isGood) await this.#clear(handle, found.record);
  }

  /** Puts the session's tombstone in the place of whatever is there. A place that is not there needs none: nothing can be put into it. */
  async bury(handle: SessionHandle, tombstone: Tombstone): Promise<void> {
    await this.#ask((call) => this.#cache.retire(handle, tombstone, undefined, call));
  }

  /** Keeps copies from a place without having to write a record, which a full cache refuses. */
  async block(handle: SessionHandle): Promise<void> {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const held = await this.#heldBy(handle);
      if (held === undefined || isHarmless(held)) return;
      const stone = voidStone(this.#now());
      const outcome = await this.#ask((call) => this.#cache.retire(handle, stone, held.version, call));
      if (outcome.status !== "conflict") return;
    }
    throw this.#tooBusy();
  }

  /** Clears up what has run out, if the cache can. Nothing depends on it. */
  async sweep(batch: ClearBatch): Promise<void> {
    this.#sweptTo = Math.max(this.#sweptTo, batch.before);
    const { clearExpired } = this.#cache;
    if (clearExpired === undefined) return;
    try {
      // A batch may take longer than any other call: it is not waited for, nor taken for a failure, and goes on by itself.
      await within({ store: {} }, () => clearExpired.call(this.#cache, batch), this.#options.cacheTimeoutMs);
    } catch {
      // The next sweep, or the cache itself, clears up.
    }
  }

  /** Frees a place of what was seen in it, and of what took its place meanwhile, but for a copy of this version. */
  async #clear(handle: SessionHandle, seen: SessionRecord, except?: string): Promise<void> {
    let held = seen;
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      if (isHarmless(held) || held.version === except) return;
      const outcome = await this.#free(handle, held.version);
      if (outcome.status !== "conflict") return;
      held = outcome.record;
    }
    throw this.#tooBusy();
  }

  /** The record in a place; undefined for one that is not there, is retired, or cannot be read, by anybody. */
  async #heldBy(handle: SessionHandle): Promise<SessionRecord | undefined> {
    try {
      const found = await this.#ask((call) => this.#cache.load(handle, call));
      return found.status === "live" ? found.record : undefined;
    } catch (error) {
      if (isSessionError(error, "ERR_SESSION_UNREADABLE")) return undefined;
      throw error;
    }
  }

  #tooBusy(): SessionError {
    return new SessionError("ERR_SESSION_STORE", `The cache \`${this.#cache.name}\` is written to by too many at once`, {
      applied: "no",
    });
  }

  #free(handle: SessionHandle, version: string): Promise<SaveOutcome> {
    const now = this.#now();
    // The record keeps the `createdAt` that it has.
    const record = freeRecord(handle, now, now + this.#options.staleMs);
    return this.#ask((call) => this.#cache.save(record, version, call));
  }

  #put(record: SessionRecord, userEpoch: number | undefined, since: number, expectedVersion: string): Promise<SaveOutcome> {
    const freshUntil = Math.min(since + this.#options.staleMs - this.#options.skewMs, record.expiresAt);
    const held = recordOfCopy({ record, userEpoch, freshUntil });
    return this.#ask((call) => this.#cache.save(held, expectedVersion, call));
  }

  /** A copy from a clock that is far ahead is not fresh: nobody knows how old it is. */
  #isFresh({ freshUntil, record }: Copy, now: number): boolean {
    return freshUntil > now && freshUntil - now <= this.#options.staleMs && record.expiresAt > this.#sweptTo;
  }

  #now(): number {
    return Math.floor(this.#options.clock.now());
  }

  async #ask<O>(send: Send<O>): Promise<O> {
    return within({ store: this.#cache, health: this.#health }, send, this.#options.cacheTimeoutMs);
  }
}

/** What is foreign is never served. A free place was leased by nobody, so nobody fills it. */
function isHarmless(held: SessionRecord): boolean {
  const { kind } = slotOf(held);
  return kind === "free" || kind === "foreign";
}

function liveOf({ record, userEpoch }: Copy): Live {
  return userEpoch === undefined ? { status: "live", record } : { status: "live", record, userEpoch };
}

function foreign({ name }: SessionStore): SessionError {
  return new SessionError(
    "ERR_SESSION_CONFIG",
    `The cache \`${name}\` holds a session, not a copy of one. Give it a prefix, table or folder that no store uses`,
  );
}
