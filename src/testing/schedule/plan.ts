import { type Deed, OTHER_USER, USER } from "./play.ts";
import type { Choose } from "./random.ts";

/** Somebody who makes requests, one after the other. */
export interface Actor {
  /** The process that answers, by number. */
  readonly process: number;
  /** The browser that asks, by number; each begins with a session of its own. */
  readonly browser: number;
  readonly requests: readonly (readonly Deed[])[];
}

/** Who does what in a schedule. */
export interface Plan {
  readonly processes: number;
  readonly browsers: number;
  /** How old the sessions are at the beginning, in milliseconds. */
  readonly age: number;
  /** The user of the sessions at the beginning, or null. */
  readonly userId: string | null;
  readonly actors: readonly Actor[];
}

/** What a request or a job may do; what comes often stands here several times. */
const REQUESTS: readonly (readonly Deed[])[] = [
  ["read"],
  ["put"],
  ["put"],
  ["put"],
  ["count"],
  ["count"],
  ["update"],
  ["update"],
  ["update"],
  ["exclusive"],
  ["cycle"],
  ["cycle"],
  ["login"],
  ["login"],
  ["other login"],
  ["logout"],
  ["logout"],
  ["put", "cycle"],
  ["count", "login"],
  ["login", "put"],
  ["put", "update"],
  ["update", "count"],
  ["put", "logout"],
  ["logout", "put"],
  ["cycle", "update"],
  ["revoke"],
  ["revoke user"],
  ["revoke others"],
  ["sweep"],
  ["wait"],
];

/** A plan that a choice decides: two to four actors over one to three processes and one or two browsers. */
export function choosePlan(choose: Choose): Plan {
  const pick = <T>(list: readonly T[]): T => list[choose(list.length)] as T;
  const processes = 1 + choose(3);
  const browsers = choose(4) === 0 ? 2 : 1;
  const userId = pick([null, null, USER, OTHER_USER]);
  const actors = Array.from({ length: 2 + choose(3) }, () => ({
    process: choose(processes),
    browser: choose(browsers),
    requests: Array.from({ length: 1 + choose(3) }, () => pick(REQUESTS)),
  }));
  return { processes, browsers, age: 0, userId, actors };
}
