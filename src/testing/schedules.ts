import type { StoreTarget } from "./store-rule.ts";
import { type Level, sessionLevel, verbLevel } from "./schedule/level.ts";
import { choosePlan, type Plan } from "./schedule/plan.ts";
import type { Deed } from "./schedule/play.ts";
import { USER } from "./schedule/play.ts";
import { EveryChoice, seededChoice } from "./schedule/random.ts";
import { runPlan, type ScheduleResult } from "./schedule/run-plan.ts";
import type { Fault } from "./schedule/scheduler.ts";

/** What drives the store: real sessions, or a reference client of the contract's verbs alone. */
export type ScheduleLevel = Level["name"];

/** Which schedules to run. */
export interface SchedulesOptions {
  /** Default `sessions`. */
  readonly level?: ScheduleLevel;
  /** The first seed. Default 1. */
  readonly from?: number;
  /** How many seeds, one after the other. Default 10,000. */
  readonly count?: number;
  /** Stops, after the schedule that is running, when this many seconds have passed. Default never. */
  readonly seconds?: number;
}

/** A schedule that broke a promise. */
export interface FailedSchedule {
  /** What to give to {@link replaySchedule}; for a pair, what the two did. */
  readonly seed: number | string;
  readonly violations: readonly string[];
  /** What happened, one line a step. */
  readonly trace: readonly string[];
}

/** What many schedules came to. */
export interface ScheduleReport {
  readonly schedules: number;
  readonly steps: number;
  /** How often each fault struck. */
  readonly faults: Readonly<Partial<Record<Fault, number>>>;
  /** How many writes, logins and ends were acknowledged (`stored`), `refused`, left `unknown`, or still `pending` at a crash. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly failures: readonly FailedSchedule[];
}

const LEVELS: Readonly<Record<ScheduleLevel, Level>> = { sessions: sessionLevel, verbs: verbLevel };
const FAULT_RATES = [0, 0.04, 0.12, 0.4];
const MOST_FAULTS = 4;

/**
 * Runs schedules on new storage each: two to four actors in one to three processes write, log in and out, change ids and revoke, one step
 * at a time in an order that a seed decides, while calls fail, replies are lost, messages come twice and processes crash. At the end
 * what is stored is compared with what the clients were told: no acknowledged write is missing, none is there twice, none of which its
 * writer was told that it was not stored; no ended id opens anything; a session is open under one id at most; no live session is missing
 * from its user's list; no cookie was set for something that was not stored.
 */
export async function runSchedules(target: StoreTarget, options: SchedulesOptions = {}): Promise<ScheduleReport> {
  return runSeeds(target, LEVELS[options.level ?? "sessions"], options);
}

/** As {@link runSchedules}, with a level of the caller's own. */
async function runSeeds(target: StoreTarget, level: Level, options: SchedulesOptions = {}): Promise<ScheduleReport> {
  const { from = 1, count = 10_000, seconds = Infinity } = options;
  const end = performance.now() + seconds * 1000;
  const tally = new Tally();
  for (let seed = from; seed < from + count && performance.now() < end; seed++) {
    tally.add(seed, await runSeed(target, seed, level));
  }
  return tally.report();
}

/** Runs the schedule of one seed again: the same steps in the same order. */
export function replaySchedule(
  target: StoreTarget,
  seed: number,
  level: ScheduleLevel = "sessions",
): Promise<ScheduleResult> {
  return runSeed(target, seed, LEVELS[level]);
}

/** Everything about a schedule that its seed decides, with a level of the caller's own. */
export function runSeed(target: StoreTarget, seed: number, level: Level): Promise<ScheduleResult> {
  const choose = seededChoice(seed);
  const plan = choosePlan(choose);
  const rate = FAULT_RATES[choose(FAULT_RATES.length)] ?? 0;
  let left = MOST_FAULTS;
  const fault = (allowed: readonly Fault[]): Fault | undefined => {
    if (left === 0 || choose(1000) >= rate * 1000) return undefined;
    left--;
    return allowed[choose(allowed.length)];
  };
  return runPlan(target, plan, { level, choose, fault });
}

/** What races with what. A `read` of these sessions is due to move their deadline. */
const RACERS: readonly Deed[] = [
  "read",
  "put",
  "count",
  "update",
  "cycle",
  "login",
  "other login",
  "logout",
  "revoke",
  "revoke user",
];

const OLD_MS = 2 * 86_400_000;

/** Which pairs to run. */
export interface PairsOptions {
  /** Default `sessions`. */
  readonly level?: ScheduleLevel;
  /** Whether one fault strikes at every step in turn, too. Default false. */
  readonly faults?: boolean;
  /** Only pairs of these. Default all. */
  readonly deeds?: readonly Deed[];
}

/**
 * Runs every order of the steps of every two requests of one session, in one process and in two: a load of each before the commit of the
 * other among them.
 */
export async function runPairs(target: StoreTarget, options: PairsOptions = {}): Promise<ScheduleReport> {
  const { level = "sessions", faults = false, deeds = RACERS } = options;
  const tally = new Tally();
  for (const [index, one] of deeds.entries()) {
    for (const other of deeds.slice(index)) {
      for (const processes of [1, 2]) {
        for (const userId of [null, USER]) {
          const plan = pairPlan(one, other, processes, userId);
          await everyOrder(target, plan, LEVELS[level], faults, tally);
        }
      }
    }
  }
  return tally.report();
}

function pairPlan(one: Deed, other: Deed, processes: number, userId: string | null): Plan {
  const actors = [one, other].map((deed, number) => ({ process: number % processes, browser: 0, requests: [[deed]] }));
  return { processes, browsers: 1, age: OLD_MS, userId, actors };
}

async function everyOrder(target: StoreTarget, plan: Plan, level: Level, faults: boolean, tally: Tally): Promise<void> {
  const every = new EveryChoice();
  const name = plan.actors.map(({ requests }) => requests.flat().join(", ")).join(" against ");
  do {
    let left = faults ? 1 : 0;
    const fault = (allowed: readonly Fault[]): Fault | undefined => {
      if (left === 0) return undefined;
      const chosen = every.choose(allowed.length + 1);
      if (chosen === 0) return undefined;
      left--;
      return allowed[chosen - 1];
    };
    const result = await runPlan(target, plan, { level, choose: every.choose, fault, replies: false });
    tally.add(`${name} in ${plan.processes === 1 ? "one process" : "two processes"}`, result);
  } while (every.next());
}

class Tally {
  #schedules = 0;
  #steps = 0;
  readonly #faults: Partial<Record<Fault, number>> = {};
  readonly #outcomes: Record<string, number> = {};
  readonly #failures: FailedSchedule[] = [];

  add(seed: number | string, { violations, trace, faults, outcomes }: ScheduleResult): void {
    this.#schedules++;
    this.#steps += trace.length;
    for (const fault of faults) this.#faults[fault] = (this.#faults[fault] ?? 0) + 1;
    for (const [state, count] of Object.entries(outcomes)) this.#outcomes[state] = (this.#outcomes[state] ?? 0) + count;
    if (violations.length > 0) this.#failures.push({ seed, violations, trace });
  }

  report(): ScheduleReport {
    return {
      schedules: this.#schedules,
      steps: this.#steps,
      faults: this.#faults,
      outcomes: this.#outcomes,
      failures: this.#failures,
    };
  }
}
