import type { Clock, SleepOptions } from "../core/clock.ts";

/** A clock that stands still until it is told to move. */
export interface FakeClock extends Clock {
  /** How many callers wait in `sleep`. */
  readonly sleeping: number;
  /**
   * Moves the time forward and wakes, in the order of their times, the sleepers that are due.
   *
   * @param milliseconds zero or more
   * @throws {RangeError} when the time would go backwards or is not finite
   */
  advance(milliseconds: number): void;
}

/** What may be said about a {@link FakeClock}. */
export interface FakeClockOptions {
  /**
   * `wait`: a sleeper waits until `advance` reaches it. `advance`: a sleep moves the clock by itself, so that retries and waits take
   * no real time. Default `wait`.
   */
  readonly sleep?: "wait" | "advance";
}

interface Sleeper {
  readonly due: number;
  readonly wake: () => void;
}

/**
 * A clock for tests.
 *
 * @param start the first moment, in milliseconds since 1970-01-01T00:00:00Z; default 2026-01-01T00:00:00Z
 */
export function fakeClock(start: number = Date.UTC(2026, 0, 1), options: FakeClockOptions = {}): FakeClock {
  let now = start;
  let sleepers: Sleeper[] = [];
  const advance = (milliseconds: number): void => {
    if (!Number.isFinite(milliseconds) || milliseconds < 0)
      throw new RangeError("A clock advances by zero or more milliseconds.");
    now += milliseconds;
    const due = sleepers.filter((sleeper) => sleeper.due <= now).toSorted((a, b) => a.due - b.due);
    sleepers = sleepers.filter((sleeper) => sleeper.due > now);
    for (const sleeper of due) sleeper.wake();
  };
  return {
    now: () => now,
    get sleeping() {
      return sleepers.length;
    },
    advance,
    sleep(milliseconds, { signal }: SleepOptions = {}) {
      if (signal?.aborted === true) return Promise.resolve();
      const wait = Math.max(0, milliseconds);
      if (options.sleep === "advance") {
        advance(wait);
        // Whoever the sleeper waits for gets a turn, as it would in real time.
        return new Promise<void>((wake) => setImmediate(wake));
      }
      return new Promise<void>((resolve) => {
        const wake = (): void => {
          sleepers = sleepers.filter((other) => other !== sleeper);
          signal?.removeEventListener("abort", wake);
          resolve();
        };
        const sleeper: Sleeper = { due: now + wait, wake };
        signal?.addEventListener("abort", wake);
        sleepers.push(sleeper);
      });
    },
  };
}
