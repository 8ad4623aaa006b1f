import type { SessionHandle } from "../../core/id.ts";
import type { SessionRecord, Tombstone } from "../../core/record.ts";

/** What the memory store keeps under one handle: a record, or the tombstone of one. */
export type Entry = LiveEntry | Grave;

/** A record in its place. */
export interface LiveEntry extends Queued {
  /** Frozen; a write brings another. */
  record: SessionRecord;
  readonly tombstone: null;
}

/** What is left of a record that was retired. */
export interface Grave extends Queued {
  readonly record: null;
  tombstone: Tombstone;
}

interface Queued {
  readonly handle: SessionHandle;
  /** The record's `expiresAt` or the tombstone's `until`. */
  deadline: number;
  /** The deadline under which the queue knows this entry; never later than `deadline`. */
  queuedAt: number;
  /** True once the entry was removed or replaced. */
  dead: boolean;
}

interface Place {
  readonly at: number;
  readonly entry: Entry;
}

const COMPACT_SLACK = 1024;

/**
 * Entries in the order of their deadlines: a binary heap that is put right only when it is asked. A deadline that moves
 * later costs nothing until the entry comes up, so a save or a touch is as cheap as in a plain map.
 */
export class Deadlines {
  #heap: Place[] = [];
  #count = 0;

  /** How many living entries are queued. */
  get count(): number {
    return this.#count;
  }

  add(entry: Entry): void {
    this.#count += 1;
    this.#push(entry);
  }

  /** Tells the queue that the entry's deadline has changed. */
  moved(entry: Entry): void {
    if (entry.deadline >= entry.queuedAt) return;
    this.#push(entry);
    this.#compactIfSparse();
  }

  /** Takes a living entry out; its place in the heap is dropped when it comes up. */
  remove(entry: Entry): void {
    entry.dead = true;
    this.#count -= 1;
    this.#compactIfSparse();
  }

  /** The living entry with the earliest deadline, or undefined when there is none. It stays in the queue. */
  first(): Entry | undefined {
    for (let top = this.#heap[0]; top !== undefined; top = this.#heap[0]) {
      const { at, entry } = top;
      const current = !entry.dead && at === entry.queuedAt;
      if (current && entry.deadline === at) return entry;
      this.#pop();
      if (current) this.#push(entry);
    }
    return undefined;
  }

  clear(): void {
    this.#heap = [];
    this.#count = 0;
  }

  #push(entry: Entry): void {
    entry.queuedAt = entry.deadline;
    const heap = this.#heap;
    const place = { at: entry.deadline, entry };
    let index = heap.length;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent] as Place;
      if (above.at <= place.at) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = place;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (let child = 1; child < heap.length; child = 2 * index + 1) {
      const right = heap[child + 1];
      if (right !== undefined && right.at < (heap[child] as Place).at) child += 1;
      const below = heap[child] as Place;
      if (below.at >= last.at) break;
      heap[index] = below;
      index = child;
    }
    heap[index] = last;
  }

  #compactIfSparse(): void {
    if (this.#heap.length <= 2 * this.#count + COMPACT_SLACK) return;
    const seen = new Set<Entry>();
    const heap: Place[] = [];
    for (const { at, entry } of this.#heap) {
      if (entry.dead || at !== entry.queuedAt || seen.has(entry)) continue;
      seen.add(entry);
      heap.push({ at, entry });
    }
    // An array in order is a heap.
    this.#heap = heap.sort((left, right) => left.at - right.at);
  }
}
