import type { SessionRecord } from "./record.ts";
import { isPending } from "./settled.ts";
import type { Awaitable } from "./store.ts";

/** How many versions are known to be replaced: who waits has read one of the latest. */
const MOST_REPLACED = 1000;

const NO_VERSIONS: readonly string[] = [];

/** What those who wait behind each other at one key have stored there. */
export class Line {
  /** Of what the last one replaced, which is all for most lines, as nobody waits. */
  #versions: readonly string[] = NO_VERSIONS;
  /** Of what the ones before it replaced. */
  #replaced: Set<string> | undefined;
  #last: SessionRecord | undefined;

  /** The record that is known to have taken the place of the one with this version. */
  newerThan(version: string): SessionRecord | undefined {
    const isKnown = this.#versions.includes(version) || this.#replaced?.has(version) === true;
    return isKnown ? this.#last : undefined;
  }

  /** Notes that `record` was stored in the place of records with these versions. */
  stored(record: SessionRecord, ...replaced: readonly string[]): void {
    if (this.#last !== undefined) this.#remember(this.#versions);
    this.#versions = replaced;
    this.#last = record;
  }

  /** Forgets what was noted: the record has left its place. */
  left(): void {
    this.#versions = NO_VERSIONS;
    this.#replaced = undefined;
    this.#last = undefined;
  }

  #remember(versions: readonly string[]): void {
    const known = (this.#replaced ??= new Set());
    for (const version of versions) known.add(version);
    for (const oldest of known) {
      if (known.size <= MOST_REPLACED) break;
      known.delete(oldest);
    }
  }
}

interface Waiting {
  readonly line: Line;
  tail: Promise<void>;
}

/** Runs what is asked for one key one after the other, and what is asked for different keys at once. */
export class KeyedQueue {
  readonly #waiting = new Map<string, Waiting>();

  /**
   * Runs `task` after every earlier task of `key`, whether those succeeded or not, and gives its result: at once when nothing is under
   * way and the task is done at once. Tasks that follow each other without a gap share a line.
   */
  run<R>(key: string, task: (line: Line) => Awaitable<R>): Awaitable<R> {
    const earlier = this.#waiting.get(key);
    const line = earlier?.line ?? new Line();
    const result = earlier === undefined ? task(line) : earlier.tail.then(() => task(line));
    if (!isPending(result)) return result;
    const done = (): void => {
      if (this.#waiting.get(key)?.tail === tail) this.#waiting.delete(key);
    };
    const tail: Promise<void> = result.then(done, done);
    if (earlier === undefined) this.#waiting.set(key, { line, tail });
    else earlier.tail = tail;
    return result;
  }

  /** Resolves when nothing is queued any more. */
  async drain(): Promise<void> {
    while (this.#waiting.size > 0) await Promise.all(Array.from(this.#waiting.values(), ({ tail }) => tail));
  }
}

/** Counts what is under way, so that closing can wait for it. */
export class InFlight {
  #count = 0;
  readonly #waiting: (() => void)[] = [];

  async run<R>(task: () => Awaitable<R>): Promise<R> {
    this.enter();
    try {
      return await task();
    } finally {
      this.leave();
    }
  }

  enter(): void {
    this.#count++;
  }

  leave(): void {
    this.#count--;
    if (this.#count === 0) for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Resolves when nothing is under way. */
  idle(): Promise<void> {
    if (this.#count === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
