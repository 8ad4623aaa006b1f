import type { KeyedEngine } from "../../../src/stores/keyed/engine.ts";
import { Keys } from "../../../src/stores/keyed/keys.ts";
import { KeyedSessions, type KeyedStore } from "../../../src/stores/keyed/store.ts";
import { type Choose, EveryChoice, seededChoice } from "../../../src/testing/schedule/random.ts";

const HOUR = 3_600_000;

/** What is under one key at one moment; every call on it is a step of its own. */
type Memory = Map<string, string>;

/** A store of a process of its own: it has nothing in common with another but the memory. */
function storeOn(engine: KeyedEngine, readBack = true): KeyedStore {
  return new KeyedSessions({
    name: "test",
    reach: "network",
    durable: true,
    engine,
    keys: new Keys("", "-"),
    shared: engine,
    slackMs: HOUR,
    endedMs: 24 * HOUR,
    answerSeconds: 30,
    readBack,
  });
}

function engineOn(memory: Memory): KeyedEngine {
  return {
    get: async (key) => memory.get(key),
    set: async (key, text) => void memory.set(key, text),
    remove: async (key) => void memory.delete(key),
    keys: async () => [...memory.keys()],
  };
}

/** What one process does; what it gives is its outcome. */
export type Work = (store: KeyedStore) => unknown;

/** How one schedule went. */
export interface Played {
  readonly memory: Memory;
  /** Each process's outcome; undefined for one that crashed, an `Error` for one that failed. */
  readonly outcomes: readonly unknown[];
  /** A store of a process that comes later. */
  readonly later: KeyedStore;
  readonly trace: readonly string[];
}

export interface Play {
  /** Puts things in place beforehand. */
  readonly arrange: (store: KeyedStore) => unknown;
  readonly works: readonly Work[];
  /** The process that may crash, at any step. */
  readonly crashing?: number;
  /** Default true. */
  readonly readBack?: boolean;
  readonly check: (played: Played) => Promise<void>;
}

interface Pending {
  /** Whose it is. */
  readonly index: number;
  readonly key: string;
  readonly verb: "get" | "set" | "remove";
  readonly go: () => void;
  readonly fail: () => void;
}

class Crash extends Error {}

/**
 * Plays every order in which the engine could do what the processes ask of it. Of orders that differ only in which of two steps came first
 * that do not touch each other, one is played. Gives how many there were.
 */
export async function everySchedule(play: Play): Promise<number> {
  const choices = new EveryChoice();
  for (let schedules = 0; ;) {
    const played = await new Schedule(play, choices.choose, true).play();
    if (played !== undefined) await judge(play, played, `schedule ${++schedules}`);
    if (!choices.next()) return schedules;
  }
}

/** Plays as many orders as there are seeds, where there are too many to play them all. */
export async function someSchedules(play: Play, seeds: number): Promise<void> {
  for (let seed = 1; seed <= seeds; seed++) {
    const played = await new Schedule(play, seededChoice(seed), false).play();
    if (played !== undefined) await judge(play, played, `seed ${seed}`);
  }
}

async function judge(play: Play, played: Played, which: string): Promise<void> {
  try {
    await play.check(played);
  } catch (error) {
    throw new Error(`${which}:\n  ${played.trace.join("\n  ")}`, { cause: error });
  }
}

class Schedule {
  readonly #play: Play;
  readonly #choose: Choose;
  readonly #memory: Memory = new Map();
  readonly #trace: string[] = [];
  readonly #outcomes: unknown[] = [];
  #pending: Pending[] = [];
  readonly #once: boolean;
  #crashed = false;

  /** @param once false to play also what is as good as what was played already */
  constructor(play: Play, choose: Choose, once: boolean) {
    this.#play = play;
    this.#choose = choose;
    this.#once = once;
  }

  /** Undefined for an order that is as good as another. */
  async play(): Promise<Played | undefined> {
    await this.#play.arrange(storeOn(engineOn(this.#memory)));
    const running = this.#play.works.map((work, index) => this.#run(work, index));
    const isWhole = await this.#steps();
    if (!isWhole) for (const pending of this.#pending) pending.fail();
    await Promise.all(running);
    if (!isWhole) return undefined;
    return { memory: this.#memory, outcomes: this.#outcomes, later: storeOn(engineOn(this.#memory)), trace: this.#trace };
  }

  async #run(work: Work, index: number): Promise<void> {
    try {
      this.#outcomes[index] = await work(storeOn(this.#held(index), this.#play.readBack));
    } catch (error) {
      this.#outcomes[index] = this.#isCrashed(index) ? undefined : error;
    }
  }

  async #steps(): Promise<boolean> {
    const { crashing } = this.#play;
    // What was played first from here already, and is as good later: sleep sets, as model checkers have them.
    let asleep: ReadonlySet<Pending> = new Set();
    for (;;) {
      // Everything that follows from the last step happens before this.
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#pending.length === 0) return true;
      const options = this.#pending.filter((each) => !asleep.has(each));
      const mayCrash = !this.#crashed && this.#pending.some(({ index }) => index === crashing);
      if (options.length === 0 && !mayCrash) return false;
      const choice = this.#choose(options.length + (mayCrash ? 1 : 0));
      const chosen = options[choice];
      const played = this.#once ? [...asleep, ...options.slice(0, choice)] : [];
      asleep = new Set(played.filter((each) => isApart(each, chosen, crashing)));
      if (chosen === undefined) this.#crash();
      else this.#step(chosen);
    }
  }

  #step(chosen: Pending): void {
    this.#pending = this.#pending.filter((each) => each !== chosen);
    this.#trace.push(`${chosen.index} ${chosen.verb} ${chosen.key.slice(0, 4)}`);
    chosen.go();
  }

  #crash(): void {
    const { crashing } = this.#play;
    this.#crashed = true;
    this.#trace.push(`${crashing} crashes`);
    const lost = this.#pending.filter(({ index }) => index === crashing);
    this.#pending = this.#pending.filter((each) => !lost.includes(each));
    for (const each of lost) each.fail();
  }

  #isCrashed(index: number): boolean {
    return this.#crashed && index === this.#play.crashing;
  }

  /** An engine whose every call waits for its step; after a crash nothing is done any more. */
  #held(index: number): KeyedEngine {
    const engine = engineOn(this.#memory);
    const step = <T>(verb: Pending["verb"], key: string, call: () => Promise<T>): Promise<T> => {
      if (this.#isCrashed(index)) return Promise.reject(new Crash());
      return new Promise((resolve, reject) => {
        this.#pending.push({ index, key, verb, go: () => resolve(call()), fail: () => reject(new Crash()) });
      });
    };
    return {
      get: (key) => step("get", key, () => engine.get(key)),
      set: (key, text, until) => step("set", key, () => engine.set(key, text, until)),
      remove: (key) => step("remove", key, () => engine.remove(key)),
    };
  }
}

/** True when it makes no difference which of the two comes first. What is chosen may be the crash. */
function isApart(one: Pending, chosen: Pending | undefined, crashing: number | undefined): boolean {
  if (chosen === undefined) return one.index !== crashing;
  return one.key !== chosen.key || (one.verb === "get" && chosen.verb === "get");
}
