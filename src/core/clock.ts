/**
 * The time that sessions live by. Everything that expires, retries or waits asks the clock, so a test can hold it still.
 */
export interface Clock {
  /** The present moment in milliseconds since 1970-01-01T00:00:00Z. */
  now(): number;
  /** Resolves after `milliseconds`; used only between retries and while waiting for a lock. */
  sleep(milliseconds: number): Promise<void>;
}

/** The machine's own clock: the default. */
export const systemClock: Clock = Object.freeze({
  now: () => Date.now(),
  sleep: (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds)),
});
