import type { Engine } from "./engine.ts";
import { isSessionError, SessionError } from "./errors.ts";
import { publish } from "./events.ts";
import { printable } from "./options.ts";
import { resolvePace, SWEEP_DEFAULTS, sleepUntil, type SweepReport, type SweepTask } from "./sweep.ts";
import { LONGEST_LEASE_SECONDS } from "./sweep-lease.ts";

/** How to sweep in the background. */
export interface SweepingOptions {
  /** Seconds from one sweep to the next, over all machines. Default 3600 (1 hour). */
  readonly everySeconds?: number | undefined;
  /** By what part of `everySeconds` the moment is moved at random, 0 to 0.5. Default 0.1. */
  readonly jitter?: number | undefined;
  /** Seconds after which the sweep of a machine that died is another's to do. Default 60. */
  readonly leaseSeconds?: number | undefined;
  /** See {@link ClearOptions.batch}. Default 1000. */
  readonly batch?: number | undefined;
  /** See {@link ClearOptions.duty}. */
  readonly duty?: number | undefined;
}

/** Sweeping that goes on in the background. */
export interface Sweeping {
  /** False where there is nothing to do: the engine removes what has expired by itself, or the store keeps nothing. */
  readonly active: boolean;
  /** Stops it: at once, or after the batch that is under way. */
  stop(): Promise<void>;
}

const WEEK = 604_800;
/** After its start a server looks within so many seconds, so that one that is often started anew sweeps all the same. */
const FIRST_SECONDS = 60;
const DEFAULTS = { everySeconds: 3600, jitter: 0.1, ...SWEEP_DEFAULTS, duty: undefined };

/** The options with their defaults. */
type ResolvedSweeping = Readonly<Record<"everySeconds" | "jitter" | "leaseSeconds", number>> &
  ReturnType<typeof resolvePace>;

/** Sweeping that is never done. */
export const NO_SWEEPING: Sweeping = Object.freeze({ active: false, stop: () => Promise.resolve() });

/** Checks the options and fills in the defaults. @throws {SessionError} ERR_SESSION_USAGE */
export function resolveSweeping(options: SweepingOptions): ResolvedSweeping {
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(DEFAULTS, name)) throw usage(`\`startSweeping\` has no option \`${printable(name)}\``);
  }
  const { everySeconds = DEFAULTS.everySeconds, jitter = DEFAULTS.jitter, leaseSeconds = DEFAULTS.leaseSeconds } = options;
  checkRange("everySeconds", everySeconds, 1, WEEK);
  checkRange("jitter", jitter, 0, 0.5);
  checkRange("leaseSeconds", leaseSeconds, 1, LONGEST_LEASE_SECONDS);
  return Object.freeze({ everySeconds, jitter, leaseSeconds, ...resolvePace(options) });
}

/** Sweeps from time to time, one machine of many at a time. */
export class Sweeper implements Sweeping {
  readonly active = true;
  readonly #engine: Engine;
  readonly #options: ResolvedSweeping;
  readonly #sweep: (task: SweepTask) => Promise<SweepReport>;
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;

  constructor(engine: Engine, options: ResolvedSweeping, sweep: (task: SweepTask) => Promise<SweepReport>) {
    this.#engine = engine;
    this.#options = options;
    this.#sweep = sweep;
    this.#ended = this.#run();
  }

  get stopped(): boolean {
    return this.#stop.signal.aborted;
  }

  stop(): Promise<void> {
    this.#stop.abort();
    return this.#ended;
  }

  async #run(): Promise<void> {
    const { everySeconds } = this.#options;
    const { signal } = this.#stop;
    let wait = Math.random() * Math.min(everySeconds, FIRST_SECONDS) * 1000;
    for (;;) {
      await sleepUntil(this.#engine.options.clock, wait, signal, true);
      if (signal.aborted) return;
      wait = await this.#turn();
    }
  }

  /** Sweeps, if that is this machine's to do, and gives after how many milliseconds to look again. */
  async #turn(): Promise<number> {
    const { everySeconds, jitter, leaseSeconds, batch, duty } = this.#options;
    const everyMs = everySeconds * 1000;
    const soon = Math.min(everySeconds, leaseSeconds) * 1000;
    const { signal } = this.#stop;
    // What is not due for anybody yet is recent: the earliest moment that chance can give.
    const lease = { leaseMs: leaseSeconds * 1000, freshMs: everyMs * (1 - jitter) };
    try {
      const { status, before } = await this.#sweep({ batch, duty, lease, signal, background: true });
      if ((status !== "complete" && status !== "recent") || before === null) return this.#jittered(soon);
      const due = before + this.#jittered(everyMs) - this.#engine.options.clock.now();
      // A clock that was set back must not put it off for long.
      return Math.min(Math.max(due, 1000), everyMs * (1 + jitter));
    } catch (error) {
      // What the store said was published where it was said.
      if (!isSessionError(error)) publish("storeError", { store: this.#engine.store.name, error });
      return this.#jittered(soon);
    }
  }

  #jittered(ms: number): number {
    return ms * (1 + this.#options.jitter * (2 * Math.random() - 1));
  }
}

function checkRange(name: string, value: unknown, least: number, most: number): void {
  if (typeof value !== "number" || !(value >= least && value <= most)) {
    throw usage(`\`${name}\` is a number of at least ${least} and at most ${most}`);
  }
}

function usage(message: string): SessionError {
  return new SessionError("ERR_SESSION_USAGE", message);
}
