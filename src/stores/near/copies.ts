import crypto from "node:crypto";
import type { SessionHandle } from "../../core/id.ts";
import type { LoadOutcome } from "../../core/store.ts";

/** What is kept: a record or a tombstone. That there is nothing is not kept, as anybody can make up ids. */
export type Kept = Exclude<LoadOutcome, { status: "missing" }>;

interface Copy {
  readonly outcome: Kept;
  /** The deadline. */
  readonly until: number;
  readonly bytes: number;
  /** The record's user, hashed as in a feed. */
  readonly user: string | null;
}

/** How much is kept at most. */
export interface Limits {
  readonly maxEntries: number;
  readonly maxBytes: number;
}

/** Objects, map entries and numbers of one copy, as measured, without its texts. */
const BASE_BYTES = 800;
const USER_BYTES = 500;

/** Copies of what a store answered, the most recently used at the end. Nobody else holds what is in them. */
export class Copies {
  readonly #limits: Limits;
  readonly #copies = new Map<SessionHandle, Copy>();
  readonly #byUser = new Map<string, Set<SessionHandle>>();
  #bytes = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#copies.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** What is kept for the handle, unless its deadline is over: whether it was moved meanwhile, the store knows. */
  get(handle: SessionHandle, now: number): Kept | undefined {
    const copy = this.#copies.get(handle);
    if (copy === undefined) return undefined;
    if (copy.until <= now) {
      this.delete(handle);
      return undefined;
    }
    this.#copies.delete(handle);
    this.#copies.set(handle, copy);
    return duplicate(copy.outcome);
  }

  set(handle: SessionHandle, outcome: Kept): void {
    this.delete(handle);
    const copy = copyOf(handle, outcome);
    if (copy.bytes > this.#limits.maxBytes) return;
    this.#copies.set(handle, copy);
    this.#bytes += copy.bytes;
    if (copy.user !== null) {
      const handles = this.#byUser.get(copy.user) ?? new Set();
      this.#byUser.set(copy.user, handles.add(handle));
    }
    for (const oldest of this.#copies.keys()) {
      if (this.size <= this.#limits.maxEntries && this.#bytes <= this.#limits.maxBytes) break;
      this.delete(oldest);
    }
  }

  delete(handle: SessionHandle): void {
    const copy = this.#copies.get(handle);
    if (copy === undefined) return;
    this.#copies.delete(handle);
    this.#bytes -= copy.bytes;
    if (copy.user === null) return;
    const handles = this.#byUser.get(copy.user);
    handles?.delete(handle);
    if (handles?.size === 0) this.#byUser.delete(copy.user);
  }

  /** Drops the sessions of a user, or of every user. */
  deleteUser(user: string | null): void {
    const sets = user === null ? [...this.#byUser.values()] : [this.#byUser.get(user) ?? []];
    for (const handles of sets) for (const handle of [...handles]) this.delete(handle);
  }

  /** Drops what is over at `moment`; all of it, or what `most` of those show that were not used for the longest time. */
  deleteOver(moment: number, most = Number.POSITIVE_INFINITY): void {
    let seen = 0;
    for (const [handle, { until }] of this.#copies) {
      if (++seen > most) break;
      if (until <= moment) this.delete(handle);
    }
  }

  clear(): void {
    this.#copies.clear();
    this.#byUser.clear();
    this.#bytes = 0;
  }
}

/** How a feed names a user. */
export function userMark(userId: string): string {
  return crypto.createHash("sha256").update(userId).digest("hex");
}

function copyOf(handle: SessionHandle, outcome: Kept): Copy {
  if (outcome.status === "retired") {
    const { token, until } = outcome.tombstone;
    return { outcome: duplicate(outcome), until, bytes: BASE_BYTES + 2 * (2 * handle.length + token.length), user: null };
  }
  const { data, version, userId, expiresAt } = outcome.record;
  const user = userId === null ? null : userMark(userId);
  const texts = handle.length + data.length + version.length + (userId?.length ?? 0);
  const bytes = BASE_BYTES + 2 * texts + (user === null ? 0 : USER_BYTES);
  return { outcome: duplicate(outcome), until: expiresAt, bytes, user };
}

function duplicate(outcome: Kept): Kept {
  return outcome.status === "live"
    ? { ...outcome, record: { ...outcome.record } }
    : { ...outcome, tombstone: { ...outcome.tombstone } };
}
