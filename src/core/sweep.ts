import type { Clock } from "./clock.ts";
import type { Engine } from "./engine.ts";
import { SessionError } from "./errors.ts";
import { publish } from "./events.ts";
import { ask, isTimeout } from "./store-call.ts";
import type { ClearBatch, SessionStore } from "./store.ts";
import { SweepLease } from "./sweep-lease.ts";

/** How to sweep. */
export interface ClearOptions {
  /** The most records to a batch; how many there are in fact is found out by how long they take. Default 1000. */
  readonly batch?: number | undefined;
  /**
   * The share of the time for which the sweep may keep the store busy, above 0; 1 for no rest between batches. Default 0.5; 0.1 for an
   * embedded store, which holds up the process while it works.
   */
  readonly duty?: number | undefined;
  /** True to do nothing while another machine sweeps under a lease, where the store can hold one. Default false. */
  readonly lease?: boolean | undefined;
  /** Called after each batch with the number removed so far. */
  readonly onProgress?: ((removed: number) => void) | undefined;
  /** Stops between two batches. */
  readonly signal?: AbortSignal | undefined;
}

/** How far a sweep has come. */
export interface SweepProgress {
  readonly removed: number;
  readonly batches: number;
}

/** One sweep, as it is to be done. */
export interface SweepTask {
  readonly batch: number;
  /** None for one that suits the store. */
  readonly duty: number | undefined;
  /** None for a sweep that asks nobody. */
  readonly lease?: { readonly leaseMs: number; readonly freshMs: number } | undefined;
  readonly signal: AbortSignal;
  /** True when the process need not stay alive for it. */
  readonly background: boolean;
  readonly onBatch?: ((progress: SweepProgress) => unknown) | undefined;
}

/**
 * What became of a sweep. `complete`: nothing is left that was over when it began. `stopped`: by the signal, or because the lease was
 * lost; the next one goes on. `busy`: another machine sweeps. `recent`: it was done lately.
 */
export interface SweepReport extends SweepProgress {
  readonly status: "complete" | "stopped" | "busy" | "recent";
  /** Up to which deadline everything was removed by the last complete sweep; null when none is known. */
  readonly before: number | null;
}

/** The defaults of every sweep. */
export const SWEEP_DEFAULTS = Object.freeze({ batch: 1000, leaseSeconds: 60 });

/** The duty where none is given. */
const DUTY = 0.5;
const EMBEDDED_DUTY = 0.1;

const LARGEST_BATCH = 1_000_000;
const FIRST_BATCH = 100;
const SMALLEST_BATCH = 10;
/**
 * So long a batch should take beyond what the smallest takes; and so long one of a store that holds up the process, and with its lock
 * other ones.
 */
const TARGET_MS = 10;
const EMBEDDED_TARGET_MS = 1;
/** How many batches of the smallest size may take too long, one after the other. */
const MOST_LATE = 3;
const LEAST_REST_MS = 1;

/** The pace of a sweep with its defaults. @throws {SessionError} ERR_SESSION_USAGE */
export function resolvePace({
  batch = SWEEP_DEFAULTS.batch,
  duty,
}: Pick<ClearOptions, "batch" | "duty">): Pick<SweepTask, "batch" | "duty"> {
  if (!Number.isInteger(batch) || batch < 1 || batch > LARGEST_BATCH) {
    throw new SessionError("ERR_SESSION_USAGE", `\`batch\` is a whole number of at least 1 and at most ${LARGEST_BATCH}`);
  }
  if (duty !== undefined && !(duty > 0 && duty <= 1)) {
    throw new SessionError("ERR_SESSION_USAGE", "`duty` is a number above 0 and at most 1");
  }
  return { batch, duty };
}

/** True for a store that leaves to others to remove what has expired. */
export function isSweepable(store: SessionStore): store is SessionStore & Required<Pick<SessionStore, "clearExpired">> {
  return store.clearExpired !== undefined;
}

/**
 * Removes what has expired, batch by batch, with rests in between. Each batch stands for itself: where a sweep stops, the next one
 * goes on.
 *
 * @throws {SessionError} ERR_SESSION_UNSUPPORTED, ERR_SESSION_STORE and others of the store
 */
export async function sweep(shared: Engine, task: SweepTask): Promise<SweepReport> {
  // Its failures say nothing about a request's calls, and must not keep those from the store.
  const engine: Engine = { ...shared, health: undefined };
  const { store, options } = engine;
  if (!isSweepable(store)) {
    throw new SessionError("ERR_SESSION_UNSUPPORTED", `The store \`${store.name}\` cannot clear expired sessions`);
  }
  const started = performance.now();
  const before = Math.floor(options.clock.now() - options.clockSkewSeconds * 1000);
  const lease =
    task.lease === undefined
      ? SweepLease.none(engine)
      : await SweepLease.take(engine, task.lease.leaseMs, task.lease.freshMs);
  if ("status" in lease) return { status: lease.status, removed: 0, batches: 0, before: lease.before };
  const run = new Run(engine, task, lease, before);
  let complete = false;
  try {
    complete = await run.toEnd();
  } finally {
    await lease.release(complete ? before : undefined);
    const lag = lease.before === null ? {} : { lagMs: Math.max(0, options.clock.now() - lease.before) };
    const durationMs = performance.now() - started;
    publish("swept", { store: store.name, count: run.removed, complete, durationMs, ...lag });
  }
  const { removed, batches } = run;
  return { status: complete ? "complete" : "stopped", removed, batches, before: lease.before };
}

/** One sweep under way. */
class Run {
  removed = 0;
  batches = 0;
  readonly #engine: Engine;
  readonly #task: SweepTask;
  readonly #lease: SweepLease;
  readonly #before: number;
  readonly #clear: (batch: ClearBatch) => Promise<{ removed: number; more: boolean }>;
  /** How many records to the next batch. */
  #size: number;
  /** What a batch takes however small it is, as far as is known: the way to a distant store and back, say. In milliseconds. */
  #fixedMs = 0;
  /** How many batches in a row took too long though they were as small as can be. */
  #late = 0;
  /** True when the store let nothing else run while it worked on the last batch: it is embedded, but for a chance. */
  #embedded = false;
  /** True when an earlier batch may be at work still, with records that others leave to it. */
  #doubtful = false;
  /** For how long the last batch kept the store busy, and how much rest is owed for those before, in milliseconds. */
  #busyMs = 0;
  #owedMs = 0;

  constructor(engine: Engine, task: SweepTask, lease: SweepLease, before: number) {
    this.#engine = engine;
    this.#task = task;
    this.#lease = lease;
    this.#before = before;
    this.#size = Math.min(task.batch, FIRST_BATCH);
    const { store } = engine;
    this.#clear = async (batch) => {
      const outcome = await ask(engine, (call) => store.clearExpired?.(batch, call) ?? 0);
      return typeof outcome === "number" ? { removed: outcome, more: outcome >= batch.limit } : outcome;
    };
  }

  /** Gives true when nothing is left, false when it was stopped. */
  async toEnd(): Promise<boolean> {
    const { signal, onBatch } = this.#task;
    while (!signal.aborted) {
      const done = await this.#batch();
      if (done !== "late") await onBatch?.({ removed: this.removed, batches: this.batches });
      if (done === true) return true;
      if (!(await this.#rest())) return false;
    }
    return false;
  }

  /** One batch. Gives true when nothing is left. */
  async #batch(): Promise<boolean | "late"> {
    const { clock, storeTimeoutSeconds } = this.#engine.options;
    const started = performance.now();
    const moment = clock.now();
    const limit = this.#size;
    let othersRan = false;
    const turn = setImmediate(() => (othersRan = true));
    try {
      const { removed, more } = await this.#clear({ before: this.#before, limit });
      this.removed += removed;
      this.batches++;
      this.#late = 0;
      this.#embedded = !othersRan;
      this.#resize(performance.now() - started);
      if (more) return false;
      const sure = !this.#doubtful;
      this.#doubtful = false;
      return sure;
    } catch (error) {
      if (!isTimeout(error)) throw error;
      const smallest = Math.min(this.#task.batch, SMALLEST_BATCH);
      if (limit <= smallest && ++this.#late >= MOST_LATE) throw error;
      this.#size = Math.max(smallest, Math.floor(limit / 2));
      this.#doubtful = true;
      return "late";
    } finally {
      clearImmediate(turn);
      // No batch is waited for any longer: what is more is a clock that was set, or a machine that slept.
      this.#busyMs = Math.min(Math.max(0, clock.now() - moment), storeTimeoutSeconds * 1000);
    }
  }

  #resize(tookMs: number): void {
    const { batch } = this.#task;
    const smallest = Math.min(batch, SMALLEST_BATCH);
    this.#fixedMs = this.#size <= smallest ? tookMs : Math.min(this.#fixedMs, tookMs);
    const target = this.#embedded ? EMBEDDED_TARGET_MS : TARGET_MS + this.#fixedMs;
    if (tookMs < target) this.#size = Math.min(batch, Math.ceil(this.#size * 1.25));
    if (tookMs > target * 2) this.#size = Math.max(smallest, Math.floor(this.#size / 1.5));
  }

  /** Leaves the store alone for its share of the time. Gives false when the lease was lost meanwhile. */
  async #rest(): Promise<boolean> {
    const { duty = this.#embedded ? EMBEDDED_DUTY : DUTY, signal, background } = this.#task;
    const owed = this.#owedMs + this.#busyMs * ((1 - duty) / duty);
    // A store that answers at once must not keep the process from everything else.
    if (owed < LEAST_REST_MS) await new Promise((resolve) => setImmediate(resolve));
    // At random, so that machines that sweep without a lease do not go in step.
    let left = owed < LEAST_REST_MS ? 0 : owed * (0.75 + Math.random() / 2);
    this.#owedMs = owed - left;
    while (left > 0 && !signal.aborted) {
      const step = Math.min(left, this.#lease.stepMs);
      await sleepUntil(this.#engine.options.clock, step, signal, background);
      left -= step;
      if (!(await this.#lease.renew())) return false;
    }
    return this.#lease.renew();
  }
}

/** Sleeps, and wakes when the signal is aborted, also by a clock that knows no signals. */
export async function sleepUntil(clock: Clock, ms: number, signal: AbortSignal, background: boolean): Promise<void> {
  if (signal.aborted) return;
  const woken = Promise.withResolvers<void>();
  const wake = (): void => woken.resolve();
  signal.addEventListener("abort", wake);
  try {
    await Promise.race([clock.sleep(ms, { background, signal }), woken.promise]);
  } finally {
    signal.removeEventListener("abort", wake);
  }
}
