import type { Clock } from "../../core/clock.ts";
import type { Choose } from "./random.ts";

/**
 * What may go wrong with a call. `crash`: the process ends there, and its callers never continue. `fail`: the store refuses before
 * anything was stored. `lose`: the store has done it, and the reply is lost. `repeat`: the call is delivered twice, and the second
 * reply arrives. `late copy`: a second delivery comes at some later moment, and nobody hears of it.
 */
export type Fault = "crash" | "fail" | "lose" | "repeat" | "late copy";

/** A process of the application: what crashes as one. */
export interface Process {
  readonly name: string;
  crashed: boolean;
}

interface Parked {
  /** None for what is on its way in the network. */
  readonly process: Process | undefined;
  readonly label: string;
  readonly faults: readonly Fault[];
  resume(fault: Fault | undefined): void;
  /** Lets go of what will never happen. */
  readonly drop?: (error: Error) => void;
}

/** How a scheduler decides. */
export interface SchedulerOptions {
  readonly choose: Choose;
  /** Which fault strikes at a step that allows some; undefined for none. Default: none ever. */
  readonly fault?: (allowed: readonly Fault[]) => Fault | undefined;
  /** The first moment. */
  readonly now: number;
}

const MOST_STEPS = 5000;
const SLEEP_MS = 10;

/**
 * Runs actors one step at a time. Whoever reaches a step parks there; when nothing moves any more, one of the parked is chosen and goes
 * on, up to its next step. So one seed is one interleaving.
 */
export class Scheduler {
  /** What happened, one line a step. */
  readonly trace: string[] = [];
  readonly clock: Clock;
  readonly faults: Fault[] = [];
  #now: number;
  /** True when time has passed since the actors began. */
  passed = false;
  #over = false;
  readonly #dropped: Parked[] = [];
  #parked: Parked[] = [];
  readonly #atWork = new Set<Promise<unknown>>();
  readonly #options: SchedulerOptions;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#now = options.now;
    this.clock = { now: () => this.#now, sleep: async () => undefined };
  }

  /** The clock of a process. Sleeping is a step, and takes the same time whatever was asked for, so that a seed decides everything. */
  clockOf(process: Process): Clock {
    const sleep = async () => {
      await this.park(process, `${process.name} slept`);
      this.#now += SLEEP_MS;
    };
    return { now: () => this.#now, sleep };
  }

  /** Lets time pass. What was still on its way is lost: no network keeps a message as long as that. */
  pass(milliseconds: number): void {
    this.#now += milliseconds;
    this.passed = true;
    this.#parked = this.#parked.filter(({ process }) => process !== undefined);
    if (milliseconds > 0) this.trace.push(`${milliseconds} ms passed`);
  }

  /** Waits until this step is chosen; gives the fault that strikes. Never resolves for a process that has crashed. */
  park(process: Process, label: string, faults: readonly Fault[] = []): Promise<Fault | undefined> {
    return new Promise((resume, drop) => {
      if (this.#over) drop(new Error("The schedule is over."));
      else (process.crashed ? this.#dropped : this.#parked).push({ process, label, faults, resume, drop });
    });
  }

  /** Lets go of everything that crashed, so that no timer of it goes on. */
  end(): void {
    this.#over = true;
    for (const { drop } of [...this.#dropped, ...this.#parked]) drop?.(new Error("The process has crashed."));
  }

  /** Does `work` at some later step, in nobody's name. */
  later(label: string, work: () => unknown): void {
    const resume = () => void this.work(async () => work()).catch(() => undefined);
    this.#parked.push({ process: undefined, label, faults: [], resume });
  }

  /** Runs what takes real time; nothing else moves until it is done. */
  async work<R>(task: () => R | Promise<R>): Promise<R> {
    const result = (async () => task())();
    this.#atWork.add(result);
    try {
      return await result;
    } finally {
      this.#atWork.delete(result);
    }
  }

  /**
   * Runs until every actor is done or has crashed, and what was on its way has arrived.
   *
   * @throws {Error} when the actors wait for each other, or never end
   */
  async run(actors: readonly { readonly process: Process; readonly done: Promise<unknown> }[]): Promise<void> {
    const open = new Set(actors);
    for (const actor of actors) {
      const close = () => void open.delete(actor);
      actor.done.then(close, close);
    }
    for (let steps = 0; ; steps++) {
      await this.#settle();
      this.#dropped.push(...this.#parked.filter(({ process }) => process?.crashed));
      this.#parked = this.#parked.filter(({ process }) => process?.crashed !== true);
      const running = [...open].some(({ process }) => !process.crashed);
      if (this.#parked.length === 0) {
        if (!running) return;
        throw new Error("The actors wait for each other.");
      }
      if (steps > MOST_STEPS) throw new Error("The schedule does not end.");
      this.#step();
    }
  }

  #step(): void {
    const [chosen] = this.#parked.splice(this.#options.choose(this.#parked.length), 1);
    if (chosen === undefined) return;
    const { process, label, faults, resume } = chosen;
    const fault = faults.length === 0 ? undefined : this.#options.fault?.(faults);
    this.trace.push(fault === undefined ? label : `${label} (${fault})`);
    if (fault !== undefined) this.faults.push(fault);
    if (fault === "crash" && process !== undefined) {
      process.crashed = true;
      this.#dropped.push(chosen);
    } else {
      resume(fault);
    }
  }

  /** Waits until every actor that can move has moved. */
  async #settle(): Promise<void> {
    do {
      while (this.#atWork.size > 0) await Promise.allSettled(this.#atWork);
      await new Promise((resume) => setImmediate(resume));
    } while (this.#atWork.size > 0);
  }
}
