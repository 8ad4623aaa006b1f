import { isSessionError, SessionError } from "../../core/errors.ts";

/** One call of a store: what it may still do. It ends with its time, and before it wrote also when nobody waits for it any more. */
export class Turn {
  readonly #over: Promise<never>;
  readonly #timer: NodeJS.Timeout;
  readonly #leave: () => void;
  #isOver = false;
  #wrote = false;

  constructor(seconds: number, signal: AbortSignal | undefined) {
    const over = Promise.withResolvers<never>();
    this.#over = over.promise;
    // Nobody may be asking when it ends.
    this.#over.catch(() => undefined);
    const end = (problem: string): void => {
      this.#isOver = true;
      over.reject(this.#failure(problem));
    };
    this.#timer = setTimeout(() => end(`The store did not answer within ${seconds} seconds`), seconds * 1000);
    const abort = (): void => {
      if (!this.#wrote) end("Nobody waits for the call any more");
    };
    this.#leave = () => signal?.removeEventListener("abort", abort);
    signal?.addEventListener("abort", abort);
    if (signal?.aborted === true) abort();
  }

  /** Waits for something that changes nothing. */
  async read<T>(send: () => Promise<T>): Promise<T> {
    if (this.#isOver) return this.#over;
    try {
      return await this.#raced(send());
    } catch (error) {
      if (this.#wrote || isSessionError(error)) throw error;
      throw this.#failure("The store failed while it was read", error);
    }
  }

  /** Sends something that changes what is stored. From then on the call is done to its end, whoever still waits for it. */
  async write(send: () => Promise<void>): Promise<void> {
    if (this.#isOver) return this.#over;
    this.#wrote = true;
    return this.#raced(send());
  }

  end(): void {
    this.#isOver = true;
    this.#leave();
    clearTimeout(this.#timer);
  }

  #raced<T>(reply: Promise<T>): Promise<T> {
    // Once the time is over, its failure is nobody's.
    reply.catch(() => undefined);
    return Promise.race([reply, this.#over]);
  }

  #failure(problem: string, cause?: unknown): SessionError {
    return new SessionError("ERR_SESSION_STORE", problem, { applied: this.#wrote ? "unknown" : "no", cause });
  }
}

/** Lets the calls of one process go one after another where they are about the same key. */
export class Turns {
  readonly #tails = new Map<string, Promise<void>>();

  /** Does `work` after everything that was asked for under `key` before. The time of `turn` has begun to run already. */
  async run<T>(key: string, turn: Turn, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key);
    const result = before === undefined ? work() : before.then(work);
    const tail = result.then(
      () => turn.end(),
      () => turn.end(),
    );
    this.#tails.set(key, tail);
    try {
      return await result;
    } finally {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    }
  }
}

const shared = new WeakMap<object, Turns>();

/** The turns of everything in this process that writes to `engine`, so that two stores over it are as good as one. */
export function turnsOf(engine: object): Turns {
  const turns = shared.get(engine) ?? new Turns();
  shared.set(engine, turns);
  return turns;
}
