/** What may be said with a sleep. A clock that does not know it sleeps to the end. */
export interface SleepOptions {
  /** True when the process need not stay alive for it. Default false. */
  readonly background?: boolean | undefined;
  /** Ends the sleep early when it is aborted. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The time that sessions live by. Everything that expires, retries or waits asks the clock, so a test can hold it still.
 */
export interface Clock {
  /** The present moment in milliseconds since 1970-01-01T00:00:00Z. */
  now(): number;
  /** Resolves after `milliseconds`; used between retries, while waiting for a lock, and by sweeps. */
  sleep(milliseconds: number, options?: SleepOptions): Promise<void>;
}

/** The machine's own clock: the default. */
export const systemClock: Clock = /* @__PURE__ */ Object.freeze({
  now: () => Date.now(),
  sleep: (milliseconds: number, { background = false, signal }: SleepOptions = {}) =>
    new Promise<void>((resolve) => {
      if (signal?.aborted === true) return resolve();
      const done = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", done);
        resolve();
      };
      const timer: { unref?(): unknown } & NodeJS.Timeout = setTimeout(done, milliseconds);
      signal?.addEventListener("abort", done);
      // Not every runtime's timers can be told.
      if (background) timer.unref?.();
    }),
});
