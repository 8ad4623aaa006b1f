import type { Engine } from "./engine.ts";
import { isSessionError } from "./errors.ts";
import { handleOf, lockHandleOf, newVersion, type SessionId } from "./id.ts";
import type { SessionRecord } from "./record.ts";
import { attempt, loadRecord } from "./store-call.ts";

/** What a store knows of its sweeps. */
export interface SweepState {
  /** Up to which deadline everything was removed by the last complete sweep; null when none is known. */
  readonly sweptUntil: Date | null;
  /** How long ago that was, in seconds: for so long something that is over may have been in the store. */
  readonly lagSeconds: number | null;
  /** True while a machine sweeps under the lease. */
  readonly sweeping: boolean;
}

/** Where the lease is kept: a record like a lock's, which lists leave out. No id has this handle, as no id is as short. */
export const SWEEP_HANDLE = lockHandleOf(handleOf("sweep" as SessionId));

/** What is known about the sweeps of a store. */
interface SweepNote {
  /** Who sweeps, as far as the lease says, or null. */
  readonly holder: string | null;
  /** Until when the holder has the lease, in milliseconds since 1970-01-01T00:00:00Z. */
  readonly until: number;
  /** Up to which deadline everything was removed by the last complete sweep; null when none is known. */
  readonly before: number | null;
}

const MARK = "sweep1";
const NOTHING: SweepNote = Object.freeze({ holder: null, until: 0, before: null });
/** For so long it is remembered when the last complete sweep was. */
const KEEP_MS = 90 * 86_400_000;
/** A lease that claims to last longer than this was made by a clock that was wrong. */
export const LONGEST_LEASE_SECONDS = 3600;
const TRIES = 5;

/** What a store can hold about its sweeps: a lease; only when they were, where two could hold the lease at once; or nothing. */
function sweepMemory({ store, format }: Engine): "lease" | "note" | "none" {
  if (!format.ownVersions || format.without.exclusive !== undefined) return "none";
  return store.compareAndSwap === false && store.reach !== "process" ? "note" : "lease";
}

/**
 * What the store has noted about its sweeps.
 *
 * @throws {SessionError} ERR_SESSION_STORE
 */
export async function readSweepState(engine: Engine): Promise<SweepState> {
  if (sweepMemory(engine) === "none" || engine.store.clearExpired === undefined) return UNKNOWN_SWEEPS;
  const { note } = await find(engine);
  const { before } = note;
  const now = engine.options.clock.now();
  const sweeping = isHeld(note, now);
  if (before === null) return { ...UNKNOWN_SWEEPS, sweeping };
  return { sweptUntil: new Date(before), lagSeconds: Math.max(0, now - before) / 1000, sweeping };
}

/** Where nothing is known, or nothing is swept. */
export const UNKNOWN_SWEEPS: SweepState = Object.freeze({ sweptUntil: null, lagSeconds: null, sweeping: false });

/** Why a sweep need not be: somebody else is at it, until then at the least; or it was done lately. */
export type NoNeed =
  | { readonly status: "busy"; readonly until: number; readonly before: number | null }
  | { readonly status: "recent"; readonly before: number };

/**
 * The right to sweep. It saves work and guards nothing: two sweeps at once remove each record once. So whatever is wrong with it is a
 * reason to sweep.
 */
export class SweepLease {
  readonly #engine: Engine;
  readonly #holder: string;
  readonly #leaseMs: number;
  #record: SessionRecord | undefined;
  #deadline: number;
  #before: number | null;

  private constructor(
    engine: Engine,
    holder: string,
    leaseMs: number,
    record?: SessionRecord,
    before: number | null = null,
  ) {
    this.#engine = engine;
    this.#holder = holder;
    this.#leaseMs = leaseMs;
    this.#record = record;
    this.#deadline = engine.options.clock.now() + leaseMs;
    this.#before = before;
  }

  /**
   * Takes the lease, unless somebody has it or a sweep was completed within `freshMs`.
   *
   * @throws {SessionError} ERR_SESSION_STORE, ERR_SESSION_OUTCOME_UNKNOWN
   */
  static async take(engine: Engine, leaseMs: number, freshMs: number): Promise<SweepLease | NoNeed> {
    if (sweepMemory(engine) === "none") return SweepLease.none(engine);
    const now = engine.options.clock.now();
    const found = await find(engine);
    const { note } = found;
    const { before } = note;
    if (isHeld(note, now)) {
      return { status: "busy", until: note.until, before };
    }
    const age = before === null ? Number.POSITIVE_INFINITY : now - before;
    if (before !== null && age >= 0 && age < freshMs) return { status: "recent", before };
    if (sweepMemory(engine) === "note") return SweepLease.none(engine, before);
    const holder = newVersion();
    const written = await write(engine, found, { holder, until: now + leaseMs, before });
    if (written === "none") return SweepLease.none(engine, before);
    if (written === "lost") return { status: "busy", until: now, before };
    return new SweepLease(engine, holder, leaseMs, written, before);
  }

  /** For a sweep that asks nobody. It notes when it was, all the same. */
  static none(engine: Engine, before: number | null = null): SweepLease {
    return new SweepLease(engine, newVersion(), Number.POSITIVE_INFINITY, undefined, before);
  }

  /** Up to which deadline everything was removed by the last complete sweep, as far as was seen; null when none is known. */
  get before(): number | null {
    return this.#before;
  }

  /** The longest that may pass between two renewals, in milliseconds. */
  get stepMs(): number {
    return this.#leaseMs / 4;
  }

  /** Renews the lease when a part of it is over. Gives whether it still holds. */
  async renew(): Promise<boolean> {
    const { clock } = this.#engine.options;
    const now = clock.now();
    const left = this.#deadline - now;
    if (this.#record === undefined || (left <= this.#leaseMs && left > this.#leaseMs * 0.75)) return true;
    try {
      return await this.#rewrite({ holder: this.#holder, until: now + this.#leaseMs });
    } catch (error) {
      if (!isStoreTrouble(error)) throw error;
      // It holds as long as it was to; the next batch renews it.
      return clock.now() < this.#deadline;
    }
  }

  /**
   * Gives the lease back, and notes a sweep that was completed. Whatever fails, the lease ends by itself, and the lag is taken for
   * larger than it is.
   *
   * @param before up to which deadline everything was removed, when the sweep is complete
   */
  async release(before?: number): Promise<void> {
    try {
      if (this.#record !== undefined) await this.#rewrite({ holder: null, until: 0 }, before);
      else await this.#note(before);
    } catch (error) {
      if (!isStoreTrouble(error)) throw error;
    }
    if (before !== undefined) this.#before = this.#later(this.#before, before);
  }

  /** Writes onto the lease while it is this sweep's; what others noted meanwhile stays. */
  async #rewrite(change: Pick<SweepNote, "holder" | "until">, before?: number): Promise<boolean> {
    for (let tries = 0; tries < TRIES; tries++) {
      const found = await find(this.#engine);
      const { note } = found;
      // One that was removed or is somebody else's by now is lost.
      if (note.holder !== this.#holder) return false;
      const written = await write(this.#engine, found, { ...change, before: this.#later(note.before, before) });
      if (typeof written !== "object") continue;
      this.#record = written;
      this.#deadline = change.until;
      return true;
    }
    return false;
  }

  async #note(completed: number | undefined): Promise<void> {
    if (sweepMemory(this.#engine) === "none") return;
    for (let tries = 0; tries < TRIES; tries++) {
      const found = await find(this.#engine);
      this.#before = found.note.before;
      const before = this.#later(this.#before, completed);
      if (before === this.#before) return;
      if ((await write(this.#engine, found, { ...found.note, before })) !== "lost") return;
    }
  }

  #later(noted: number | null, completed: number | undefined): number | null {
    if (completed === undefined) return noted;
    // What is yet to come was noted by a clock that was wrong.
    const known = noted !== null && noted <= this.#engine.options.clock.now();
    return known ? Math.max(noted, completed) : completed;
  }
}

function isHeld({ holder, until }: SweepNote, now: number): boolean {
  const left = until - now;
  return holder !== null && left > 0 && left <= LONGEST_LEASE_SECONDS * 1000;
}

interface Found {
  /** What a write has to replace; undefined when there is nothing; null when nothing may be written there. */
  readonly record: SessionRecord | null | undefined;
  readonly note: SweepNote;
}

async function find(engine: Engine): Promise<Found> {
  try {
    const found = await loadRecord(engine, SWEEP_HANDLE, true);
    if (found.status === "live") return { record: found.record, note: parse(found.record.data) };
    return { record: found.status === "missing" ? undefined : null, note: NOTHING };
  } catch (error) {
    if (!isSessionError(error, "ERR_SESSION_UNREADABLE")) throw error;
    return { record: null, note: NOTHING };
  }
}

/** Writes onto what was found: gives what is stored now, `lost` when somebody else was first, `none` when it cannot be. */
async function write(engine: Engine, { record: old }: Found, note: SweepNote): Promise<SessionRecord | "lost" | "none"> {
  if (old === null) return "none";
  // A clock may give parts of milliseconds, which stores do not take.
  const now = Math.ceil(engine.options.clock.now());
  const record: SessionRecord = {
    handle: SWEEP_HANDLE,
    data: `${MARK}:${note.holder ?? ""}:${Math.ceil(note.until)}:${note.before ?? ""}`,
    version: newVersion(),
    createdAt: old?.createdAt ?? now,
    expiresAt: now + KEEP_MS,
    userId: null,
    epoch: 0,
  };
  const { store } = engine;
  if (old === undefined) {
    const { outcome, repeated } = await attempt(engine, (call) => store.create(record, call));
    // The first sending may be what stands in the way.
    return outcome.status === "created" || (repeated && (await isThere(engine, record))) ? record : "lost";
  }
  const { outcome } = await attempt(engine, (call) => store.save(record, old.version, call));
  const ours = outcome.status === "conflict" && outcome.record.version === record.version;
  return outcome.status === "saved" || ours ? record : "lost";
}

async function isThere(engine: Engine, { version }: SessionRecord): Promise<boolean> {
  return (await find(engine)).record?.version === version;
}

function parse(data: string): SweepNote {
  const [, holder = "", until, before] = /^sweep1:([\w-]*):(\d+):(-?\d*)$/.exec(data) ?? [];
  // What another release wrote, or nobody: as if there was nothing.
  if (until === undefined || before === undefined) return NOTHING;
  return { holder: holder === "" ? null : holder, until: Number(until), before: before === "" ? null : Number(before) };
}

function isStoreTrouble(error: unknown): boolean {
  return isSessionError(error, "ERR_SESSION_STORE") || isSessionError(error, "ERR_SESSION_OUTCOME_UNKNOWN");
}
