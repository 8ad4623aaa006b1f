// Plays schedules in a process of its own: beside the test runner each promise would cost several times as much.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { EveryChoice, seededChoice } from "../../../src/testing/schedule/random.ts";
import type { Fault } from "../../../src/testing/schedule/scheduler.ts";
import { plantedFaults } from "./planted.ts";
import { playSchedule, type Beginning, type Deed, type Schedule } from "./schedules.ts";

export const BEGINNINGS: readonly Beginning[] = ["nothing", "free place", "old lease", "fresh copy", "stale copy"];
export const DEEDS: readonly Deed[] = [
  "read",
  "read twice",
  "save",
  "touch",
  "end",
  "end of its version",
  "rotate",
  "revoke user",
  "evict",
];

/** What the actors do, and what the cache has when they begin. */
export interface Scene {
  readonly beginning: Beginning;
  readonly deeds: readonly Deed[];
}

/** What to play: every order of each scene, or an order of four actors for each seed. */
export type Job =
  | {
      readonly scenes: readonly Scene[];
      /** Also every order in which one fault strikes, at the cache or anywhere. */
      readonly strikes?: "cache" | "both";
      /** The name of a planted fault; the first order that shows it is the last that is played. */
      readonly planted?: string;
    }
  | { readonly seeds: number };

export interface Report {
  orders: number;
  readonly struck: Map<Fault, number>;
  /** Of each order that broke a promise, what and how. */
  readonly failures: string[];
}

const FILE = fileURLToPath(import.meta.url);

/** Plays a job in a process of its own. */
export function play(job: Job): Promise<Report> {
  return new Promise((resolve, reject) => {
    const child = fork(FILE, { serialization: "advanced" });
    child.once("message", (report) => resolve(report as Report));
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`The process ended with ${code}`)));
    child.send(job);
  });
}

class Player {
  readonly report: Report = { orders: 0, struck: new Map(), failures: [] };

  async everyOrder(scene: Omit<Schedule, "choose" | "fault">, stopAtFailure: boolean): Promise<void> {
    const every = new EveryChoice();
    do {
      let left = scene.strikes === undefined ? 0 : 1;
      const fault = (allowed: readonly Fault[]): Fault | undefined => {
        if (left === 0) return undefined;
        const chosen = every.choose(allowed.length + 1);
        if (chosen === 0) return undefined;
        left--;
        return allowed[chosen - 1];
      };
      await this.#play({ ...scene, choose: every.choose, fault }, `${scene.beginning}: ${scene.deeds.join(", ")}`);
      if (stopAtFailure && this.report.failures.length > 0) return;
    } while (every.next());
  }

  async seed(seed: number): Promise<void> {
    const choose = seededChoice(seed);
    const pick = <T>(from: readonly T[], fallback: T): T => from[choose(from.length)] ?? fallback;
    const deeds = ["read", ...Array.from({ length: 3 }, () => pick(DEEDS, "read"))] as const;
    await this.#play({ beginning: pick(BEGINNINGS, "nothing"), deeds, choose }, `seed ${seed}`);
  }

  async #play(schedule: Schedule, name: string): Promise<void> {
    const { violations, faults, trace } = await playSchedule(schedule);
    const { report } = this;
    report.orders++;
    for (const each of faults) report.struck.set(each, (report.struck.get(each) ?? 0) + 1);
    if (violations.length > 0) report.failures.push([name, ...violations, ...trace].join("\n  "));
  }
}

async function run(job: Job): Promise<Report> {
  const player = new Player();
  if ("seeds" in job) for (let seed = 1; seed <= job.seeds; seed++) await player.seed(seed);
  else {
    const { scenes, strikes, planted: name } = job;
    const planted = plantedFaults.find((each) => each.name === name);
    for (const scene of scenes) {
      await player.everyOrder({ ...scene, planted, ...(strikes && { strikes }) }, name !== undefined);
    }
  }
  return player.report;
}

if (process.argv[1] === FILE) {
  process.once(
    "message",
    (job) => void run(job as Job).then((report) => process.send?.(report, () => process.disconnect())),
  );
}
