import type { InFlight } from "./queue.ts";
import { isPending } from "./settled.ts";
import type { Awaitable } from "./store.ts";

const READY = Promise.resolve();
const pass = (): void => undefined;

/** One that waits for its turn. */
interface Waiting {
  readonly begin: () => void;
  next: Waiting | undefined;
}

/** Runs one task after the other, in the order in which they are asked for. */
export class SerialTasks {
  readonly #inFlight: InFlight;
  #busy = false;
  #first: Waiting | undefined;
  #last: Waiting | undefined;

  constructor(inFlight: InFlight) {
    this.#inFlight = inFlight;
  }

  /**
   * Runs a task after all that were asked for before. It never begins in the call itself: what it changes is not there until its
   * promise was awaited, whatever the store.
   */
  run<R>(task: () => Awaitable<R>): Promise<R> {
    const result = this.#turn().then(task);
    this.#endWith(result);
    return result;
  }

  /** Runs a task in the call itself if none is under way. Then its result, or its error, is there at once if it can be. */
  runNow<R>(task: () => Awaitable<R>): Awaitable<R> {
    if (this.#busy) return this.run(task);
    this.#busy = true;
    let result: Awaitable<R>;
    try {
      result = task();
    } catch (error) {
      this.#next();
      throw error;
    }
    if (isPending(result)) this.#endWith(result);
    else this.#next();
    return result;
  }

  #turn(): Promise<void> {
    if (!this.#busy) {
      this.#busy = true;
      return READY;
    }
    const turn = new Promise<void>((begin) => {
      const waiting: Waiting = { begin, next: undefined };
      if (this.#last === undefined) this.#first = waiting;
      else this.#last.next = waiting;
      this.#last = waiting;
    });
    // Who asked for the task before goes on first.
    return turn.then(pass);
  }

  #endWith(result: Promise<unknown>): void {
    this.#inFlight.enter();
    const done = (): void => {
      this.#next();
      this.#inFlight.leave();
    };
    result.then(done, done);
  }

  #next(): void {
    const next = this.#first;
    if (next === undefined) {
      this.#busy = false;
      return;
    }
    this.#first = next.next;
    if (this.#first === undefined) this.#last = undefined;
    next.begin();
  }
}
