import type { Clock } from "../../core/clock.ts";
import type { SessionHandle } from "../../core/id.ts";
import type { Tombstone } from "../../core/record.ts";

/** What the cache did not confirm about one session. */
interface Doubt {
  /** When the last copy from before has run out, wherever it is. */
  until: number;
  /** The session's end; undefined for a change. */
  readonly stone: Tombstone | undefined;
}

/** How doubts are held and resolved. */
export interface DoubtOptions {
  readonly clock: Clock;
  /** How long a doubt lasts, at most. */
  readonly lastsMs: number;
  /** How many are remembered one by one. */
  readonly most: number;
  /** Does once more what was not confirmed. Rejects when it still is not. */
  mend(handle: SessionHandle, stone: Tombstone | undefined): Promise<void>;
}

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 500;
const AT_ONCE = 16;

/**
 * The sessions of which the cache may hold a copy that this process knows to be out of date: those that it is writing to, and those of
 * which the cache has not confirmed a write. It keeps from the cache for them until the cache has confirmed, or the copy has run out. Beyond
 * a number of them it keeps from the cache altogether.
 */
export class Doubts {
  readonly #options: DoubtOptions;
  readonly #doubts = new Map<SessionHandle, Doubt>();
  readonly #writing = new Map<SessionHandle, number>();
  #allUntil = 0;
  #mending = false;
  #closed = false;

  constructor(options: DoubtOptions) {
    this.#options = options;
  }

  /** How many are remembered one by one. */
  get size(): number {
    return this.#doubts.size;
  }

  /** True when the cache must not be asked about a session. */
  has(handle: SessionHandle): boolean {
    if (this.#writing.has(handle)) return true;
    if (this.#doubts.size === 0 && this.#allUntil === 0) return false;
    const now = this.#options.clock.now();
    this.#allUntil = this.#ahead(this.#allUntil, now);
    if (this.#allUntil > now) return true;
    const doubt = this.#doubts.get(handle);
    if (doubt === undefined) return false;
    doubt.until = this.#ahead(doubt.until, now);
    if (doubt.until > now) return true;
    this.#doubts.delete(handle);
    return false;
  }

  /** Writes to a session. Meanwhile it is in doubt: the store may have the write already, and the cache not yet. */
  async during<O>(handle: SessionHandle, write: () => Promise<O>): Promise<O> {
    this.#writing.set(handle, (this.#writing.get(handle) ?? 0) + 1);
    try {
      return await write();
    } finally {
      const left = (this.#writing.get(handle) ?? 1) - 1;
      if (left === 0) this.#writing.delete(handle);
      else this.#writing.set(handle, left);
    }
  }

  /** Notes a change or, with its tombstone, an end that was not confirmed, and sees to it. */
  add(handle: SessionHandle, stone: Tombstone | undefined): void {
    const now = this.#options.clock.now();
    const before = this.#doubts.get(handle);
    if (before === undefined && this.#doubts.size >= this.#options.most) this.#expire(now);
    if (before === undefined && this.#doubts.size >= this.#options.most) return this.addAll();
    // A new object: what is being mended now is an older doubt.
    this.#doubts.set(handle, { until: now + this.#options.lastsMs, stone: stone ?? before?.stone });
    if (!this.#mending && !this.#closed) void this.#mend();
  }

  /** Every session is in doubt from now on, for as long as a doubt lasts. */
  addAll(): void {
    this.#allUntil = this.#options.clock.now() + this.#options.lastsMs;
  }

  /** Tries a last time to resolve what is left. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#round();
    this.#doubts.clear();
  }

  async #mend(): Promise<void> {
    this.#mending = true;
    for (let tries = 0; this.#doubts.size > 0; tries++) {
      await this.#options.clock.sleep(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** tries));
      if (this.#closed) return;
      this.#expire(this.#options.clock.now());
      await this.#round();
    }
    this.#mending = false;
  }

  /** Goes through all of them, a few at once, and stops when the cache still does not answer. */
  async #round(): Promise<void> {
    const all = [...this.#doubts];
    for (let start = 0; start < all.length; start += AT_ONCE) {
      const some = all.slice(start, start + AT_ONCE);
      const mended = await Promise.all(some.map(async ([handle, doubt]) => this.#tryOne(handle, doubt)));
      if (!mended.includes(true)) return;
    }
  }

  async #tryOne(handle: SessionHandle, doubt: Doubt): Promise<boolean> {
    try {
      await this.#options.mend(handle, doubt.stone);
    } catch {
      return false;
    }
    if (this.#doubts.get(handle) === doubt) this.#doubts.delete(handle);
    return true;
  }

  #expire(now: number): void {
    for (const [handle, doubt] of this.#doubts) if (doubt.until <= now) this.#doubts.delete(handle);
  }

  /** More than a doubt can last means that the clock was set back. */
  #ahead(until: number, now: number): number {
    return Math.min(until, now + this.#options.lastsMs);
  }
}
