import { isLockHandle, type SessionHandle } from "../../core/id.ts";
import type { SessionRecord } from "../../core/record.ts";
import type { CallOptions, ClearBatch, ListPage, UnfinishedBatch } from "../../core/store.ts";
import type { Calls } from "./calls.ts";
import { type Cells, readable } from "./cells.ts";
import type { Turn } from "./turns.ts";

const AT_ONCE = 16;
/** How many handles a batch looks at, or its limit if that is more, before it says that there are more. */
const LOOKED_AT = 500;

/** The handles that there are, by what lies under them. */
interface Names {
  readonly records: ReadonlySet<SessionHandle>;
  readonly ends: ReadonlySet<SessionHandle>;
  readonly moves: ReadonlySet<SessionHandle>;
}

/** What a sweep up to `before` has not looked at yet: a batch goes on where the one before it ended. */
interface Pass extends Names {
  readonly before: number;
  readonly left: SessionHandle[];
}

/** What goes through all keys: the listing and the sweep. Every page and every sweep asks the engine for all of them. */
export class Sweep {
  readonly #cells: Cells;
  readonly #calls: Calls;
  readonly #keys: () => Promise<readonly string[]>;
  #pass: Pass | undefined;

  constructor(cells: Cells, calls: Calls, keys: () => Promise<readonly string[]>) {
    this.#cells = cells;
    this.#calls = calls;
    this.#keys = keys;
  }

  async list({ after = "" as SessionHandle, limit }: ListPage, options?: CallOptions): Promise<readonly SessionRecord[]> {
    const { records, ends } = await this.#names(options);
    const handles = [...records].filter((handle) => handle > after && !ends.has(handle) && !isLockHandle(handle)).sort();
    const page: SessionRecord[] = [];
    while (page.length < limit && handles.length > 0) {
      const some = handles.splice(0, Math.min(AT_ONCE, limit - page.length));
      const found = await all(some.map((handle) => this.#live(handle, options)));
      page.push(...found.filter((record) => record !== undefined));
    }
    return page;
  }

  async clearExpired({ before, limit }: ClearBatch, options?: CallOptions): Promise<number | UnfinishedBatch> {
    const pass = await this.#passUpTo(before, options);
    const { left } = pass;
    let removed = 0;
    let looks = Math.max(limit, LOOKED_AT);
    while (removed < limit && left.length > 0) {
      if (looks <= 0) return { removed, more: true };
      const some = left.slice(0, Math.min(AT_ONCE, limit - removed, looks));
      const counts = await all(some.map((handle) => this.#clear(handle, pass, options)));
      removed += counts.filter(Boolean).length;
      await all(some.filter((handle) => pass.moves.has(handle)).map((handle) => this.#clearMove(handle, before, options)));
      looks -= some.length;
      // Not before it was done: one that failed is for the next batch. Another may have been through it meanwhile.
      if (left[0] === some[0]) left.splice(0, some.length);
    }
    if (left.length === 0 && this.#pass === pass) this.#pass = undefined;
    return removed;
  }

  /** The sweep that is under way, or a new one. */
  async #passUpTo(before: number, options: CallOptions | undefined): Promise<Pass> {
    if (this.#pass?.before === before) return this.#pass;
    const names = await this.#names(options);
    const left = [...new Set([...names.ends, ...names.records, ...names.moves])].sort();
    return (this.#pass = { ...names, before, left });
  }

  async #live(handle: SessionHandle, options: CallOptions | undefined): Promise<SessionRecord | undefined> {
    const { record, end } = await this.#calls.once(options, (turn) => this.#cells.find(turn, handle));
    return end.status === "none" ? readable(record)?.record : undefined;
  }

  /** Removes what is over under one handle; gives whether that counts. What cannot be read stays. */
  async #clear(handle: SessionHandle, { before, records, ends }: Pass, options: CallOptions | undefined): Promise<boolean> {
    // Most are live: their turn is not asked for.
    if (!ends.has(handle) && !(await this.#calls.once(options, (turn) => this.#isDue(turn, handle, before)))) return false;
    return this.#calls.alone(this.#cells.keys.of("s", handle), options, async (turn) => {
      const end = await this.#cells.end(turn, handle);
      if (end.status === "none") {
        if (!(await this.#isDue(turn, handle, before))) return false;
        await this.#cells.remove(turn, "s", handle);
        return true;
      }
      if (end.status === "unreadable") return false;
      const { tombstone, swept, keepUntil } = end.value;
      if (tombstone.until > before) return false;
      // The record first: what a late write left would else be open again.
      if (records.has(handle) || keepUntil <= before) await this.#cells.remove(turn, "s", handle);
      if (keepUntil <= before) await this.#cells.remove(turn, "e", handle);
      else if (!swept) await this.#cells.sweepEnd(turn, handle, end.value);
      return !swept;
    });
  }

  async #isDue(turn: Turn, handle: SessionHandle, before: number): Promise<boolean> {
    const record = await this.#cells.record(turn, handle);
    return record.status === "there" && record.value.record.expiresAt <= before;
  }

  /** What a rotation announced; it is of use only while calls are under way. */
  async #clearMove(handle: SessionHandle, before: number, options: CallOptions | undefined): Promise<void> {
    await this.#calls.alone(this.#cells.keys.of("s", handle), options, async (turn) => {
      const move = await this.#cells.move(turn, handle);
      if (move.status !== "there" || move.value.keepUntil > before) return;
      await this.#cells.remove(turn, "m", handle);
    });
  }

  async #names(options: CallOptions | undefined): Promise<Names> {
    const keys = await this.#calls.once(options, (turn) => turn.read(() => this.#keys()));
    const names = { s: new Set<SessionHandle>(), e: new Set<SessionHandle>(), m: new Set<SessionHandle>() };
    for (const key of keys) {
      const parsed = this.#cells.keys.parse(key);
      if (parsed !== undefined) names[parsed.kind].add(parsed.handle);
    }
    return { records: names.s, ends: names.e, moves: names.m };
  }
}

/** Waits for all of them also when one fails, so that no rejection goes unheard and no call is still under way. */
async function all<T>(calls: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(calls);
  return results.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}
