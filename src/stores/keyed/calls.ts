import { SessionError } from "../../core/errors.ts";
import type { CallOptions } from "../../core/store.ts";
import { Turn, type Turns } from "./turns.ts";

/** The calls of one store: each with its time, those about one key one after another, and none once the store was closed. */
export class Calls {
  readonly #turns: Turns;
  readonly #seconds: number;
  readonly #running = new Set<Promise<unknown>>();
  #closed = false;

  /** @param seconds how long a call may take, its waiting for others included */
  constructor(turns: Turns, seconds: number) {
    this.#turns = turns;
    this.#seconds = seconds;
  }

  /** A call that changes nothing. */
  once<T>(options: CallOptions | undefined, work: (turn: Turn) => Promise<T>): Promise<T> {
    return this.#run(options, async (turn) => {
      try {
        return await work(turn);
      } finally {
        turn.end();
      }
    });
  }

  /** A call that has `key` to itself, as far as this process goes. */
  alone<T>(key: string, options: CallOptions | undefined, work: (turn: Turn) => Promise<T>): Promise<T> {
    return this.#run(options, (turn) => this.#turns.run(key, turn, () => work(turn)));
  }

  /** Refuses new calls, and waits for those that are under way. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#running);
  }

  async #run<T>(options: CallOptions | undefined, work: (turn: Turn) => Promise<T>): Promise<T> {
    if (this.#closed) throw new SessionError("ERR_SESSION_USAGE", "The store was closed");
    const call = work(new Turn(this.#seconds, options?.signal));
    this.#running.add(call);
    try {
      return await call;
    } finally {
      this.#running.delete(call);
    }
  }
}
