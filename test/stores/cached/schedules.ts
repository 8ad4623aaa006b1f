import { newVersion, type SessionHandle } from "../../../src/core/id.ts";
import type { SessionRecord, Tombstone } from "../../../src/core/record.ts";
import type { LoadOutcome, SessionStore } from "../../../src/core/store.ts";
import { cachedStore, type CachedStore } from "../../../src/stores/cached.ts";
import { freeRecord, leaseRecord, recordOfCopy } from "../../../src/stores/cached/slot.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { Choose } from "../../../src/testing/schedule/random.ts";
import { scheduledStore, Sightings } from "../../../src/testing/schedule/scheduled-store.ts";
import { type Fault, type Process, Scheduler } from "../../../src/testing/schedule/scheduler.ts";
import { next, record } from "../redis/support.ts";

/** What an actor does. `evict`: the cache throws everything out. `create` and `end of the new` are about another session. */
export type Deed =
  | "read"
  | "read twice"
  | "save"
  | "touch"
  | "end"
  | "end of its version"
  | "rotate"
  | "revoke user"
  | "evict"
  | "create"
  | "end of the new";

/** What the cache has when the actors begin. */
export type Beginning = "nothing" | "free place" | "old lease" | "fresh copy" | "stale copy";

/** What is done otherwise than `cachedStore` does it: to see that it is noticed. */
export interface Planted {
  /** The cache as a process uses it. */
  readonly cache?: (cache: SessionStore) => SessionStore;
  /** The store that a process uses, in place of `cachedStore`. */
  readonly node?: (cached: CachedStore) => SessionStore;
}

export interface Schedule {
  readonly deeds: readonly Deed[];
  readonly beginning: Beginning;
  readonly choose: Choose;
  readonly fault?: (allowed: readonly Fault[]) => Fault | undefined;
  /** Which calls faults may strike. Default those of the cache. */
  readonly strikes?: "cache" | "both";
  readonly planted?: Planted | undefined;
}

export interface Played {
  readonly violations: readonly string[];
  readonly trace: readonly string[];
  readonly faults: readonly Fault[];
}

/** What was acknowledged: everything that is read afterwards has to be as new. */
interface Mark {
  readonly what: string;
  readonly handle: SessionHandle;
  holds(seen: LoadOutcome): boolean;
}

/** One process, and what it does. */
interface Actor {
  readonly name: string;
  readonly process: Process;
  /** What had been acknowledged when its present call began; undefined until then. */
  before: readonly Mark[] | undefined;
  /** What it was told itself. */
  readonly own: Mark[];
}

const NOW = Date.UTC(2026, 0, 1);
const STALE_MS = 5000;
const SETTINGS = { staleSeconds: STALE_MS / 1000, cacheTimeoutSeconds: 60, breakerFailures: 0 };
const USER = "u";
const EPOCH = 7;

/** Runs one order of the calls of all actors, each in a process of its own, and gives what an observer may complain of. */
export async function playSchedule(schedule: Schedule): Promise<Played> {
  const stage = new Stage(schedule);
  await stage.begin();
  await stage.run();
  await stage.look();
  const { violations, scheduler } = stage;
  return { violations, trace: scheduler.trace, faults: scheduler.faults };
}

class Stage {
  readonly violations: string[] = [];
  readonly scheduler: Scheduler;
  readonly #schedule: Schedule;
  readonly #cache = memoryStore();
  readonly #store = memoryStore();
  readonly #session = record({ createdAt: NOW, expiresAt: NOW + 3_600_000, userId: USER, data: "0" });
  readonly #newSession = record({ createdAt: NOW, expiresAt: NOW + 3_600_000 });
  readonly #sightings = new Sightings();
  /** The versions in the order in which the store took them. */
  readonly #order: string[] = [this.#session.version];
  readonly #acknowledged: Mark[] = [];
  readonly #actors: { readonly actor: Actor; readonly node: SessionStore }[] = [];
  #over = false;

  constructor(schedule: Schedule) {
    const { choose, fault } = schedule;
    this.#schedule = schedule;
    this.scheduler = new Scheduler({ choose, now: NOW, ...(fault && { fault }) });
    this.#sightings.name(this.#session.handle);
  }

  async begin(): Promise<void> {
    await this.#store.create(this.#session);
    const held = beginningOf(this.#session, this.#schedule.beginning);
    if (held !== undefined) await this.#cache.create(held);
  }

  async run(): Promise<void> {
    const running = this.#schedule.deeds.map((deed, index) => {
      const process = { name: `${deed} (${index + 1})`, crashed: false };
      const actor: Actor = { name: process.name, process, before: undefined, own: [] };
      const node = this.#nodeOf(actor);
      this.#actors.push({ actor, node });
      // A call that failed for its caller promises nothing.
      return { process, done: this.#play(deed, actor, node).catch(() => undefined) };
    });
    await this.scheduler.run(running);
    this.#over = true;
  }

  /** Looks at what is there when everything has come to rest. */
  async look(): Promise<void> {
    const { scheduler } = this;
    for (const { actor, node } of this.#actors) {
      if (!actor.process.crashed) await this.#compare(`${actor.name}, afterwards,`, node, actor.own);
    }
    if (!this.#isExcused()) await this.#compare("Another process", this.#newcomer(), this.#acknowledged);
    scheduler.pass(STALE_MS);
    for (const { actor, node } of this.#actors) {
      if (!actor.process.crashed) await this.#compare(`${actor.name}, when copies have run out,`, node, this.#acknowledged);
    }
    await this.#compare("Another process, when copies have run out,", this.#newcomer(), this.#acknowledged);
    scheduler.end();
  }

  /** A cache that did not get everything owes the other processes nothing yet. One that got something twice, or late, does. */
  #isExcused(): boolean {
    return this.scheduler.faults.some((each) => each !== "repeat" && each !== "late copy");
  }

  async #compare(who: string, node: SessionStore, marks: readonly Mark[]): Promise<void> {
    for (let reads = 0; reads < 3; reads++) {
      for (const { handle } of [this.#session, this.#newSession]) {
        this.#complain(who, await node.load(handle), handle, marks);
      }
      if ("settled" in node) await (node as CachedStore).settled();
    }
  }

  #complain(who: string, seen: LoadOutcome, about: SessionHandle, marks: readonly Mark[]): void {
    for (const { what, handle, holds } of marks) {
      if (handle === about && !holds(seen)) this.violations.push(`${who} read ${this.#shown(seen)} after ${what}`);
    }
  }

  #shown(seen: LoadOutcome): string {
    return seen.status === "live" ? `version ${this.#order.indexOf(seen.record.version)}` : seen.status;
  }

  #newcomer(): SessionStore {
    return cachedStore({ cache: this.#cache, store: this.#store, clock: this.#clock(), ...SETTINGS });
  }

  #clock() {
    // What is sent again later is no part of this: it sleeps.
    return { now: () => this.scheduler.clock.now(), sleep: () => new Promise<void>(() => undefined) };
  }

  #nodeOf(actor: Actor): SessionStore {
    const { planted = {}, strikes = "cache" } = this.#schedule;
    const { scheduler } = this;
    const watch = (name: string, faulty: boolean) => ({
      process: actor.process,
      sightings: this.#sightings,
      replies: false,
      scheduler: {
        park: async (...[process, label, faults]: Parameters<Scheduler["park"]>) => {
          const struck = this.#over ? undefined : await scheduler.park(process, `${label} (${name})`, faulty ? faults : []);
          // Nothing has happened before its first step: what was acknowledged until then has to be seen.
          actor.before ??= [...this.#acknowledged];
          return struck;
        },
        work: scheduler.work.bind(scheduler),
        later: (label: string, work: () => unknown) => scheduler.later(`${label} (${name})`, work),
      },
    });
    const cache = scheduledStore(planted.cache?.(this.#cache) ?? this.#cache, watch("cache", true));
    const store = scheduledStore(this.#observed(), watch("store", strikes === "both"));
    const cached = cachedStore({ cache, store, clock: this.#clock(), ...SETTINGS });
    return planted.node?.(cached) ?? cached;
  }

  /** The store, by which the order of the versions is known. */
  #observed(): SessionStore {
    const save = async (written: SessionRecord, expected: string) => {
      const outcome = await this.#store.save(written, expected);
      if (outcome.status === "saved") this.#order.push(written.version);
      return outcome;
    };
    return { ...this.#store, save };
  }

  #acknowledge(actor: Actor, what: string, holds: Mark["holds"], handle = this.#session.handle): void {
    const mark = { what: `${what} by ${actor.name}`, handle, holds };
    actor.own.push(mark);
    this.#acknowledged.push(mark);
  }

  async #play(deed: Deed, actor: Actor, node: SessionStore): Promise<void> {
    const { handle, version } = this.#session;
    const end = stone(NOW + 60_000);
    const isOver = (seen: LoadOutcome): boolean => seen.status !== "live";
    switch (deed) {
      case "read":
        return this.#read(actor, node);
      case "read twice":
        await this.#read(actor, node);
        return this.#read(actor, node);
      case "save":
        return this.#save(actor, node);
      case "touch": {
        const expiresAt = this.#session.expiresAt + 1000;
        const { status } = await node.touch(handle, version, expiresAt);
        const holds = (seen: LoadOutcome): boolean =>
          seen.status !== "live" || seen.record.version !== version || seen.record.expiresAt >= expiresAt;
        if (status === "touched") this.#acknowledge(actor, "a touch", holds);
        return;
      }
      case "end":
      case "end of its version": {
        const { status } = await node.retire(handle, end, deed === "end" ? undefined : version);
        if (status === "retired") this.#acknowledge(actor, "the end", isOver);
        return;
      }
      case "rotate": {
        const { status } =
          (await node.rotate?.(handle, version, next(this.#session, { handle: record().handle }), end)) ?? {};
        if (status === "rotated") this.#acknowledge(actor, "a rotation", isOver);
        return;
      }
      case "revoke user":
        await node.users?.advanceEpoch(USER, EPOCH);
        this.#acknowledge(
          actor,
          "a revocation",
          (seen) => isOver(seen) || (seen.status === "live" && seen.userEpoch === EPOCH),
        );
        return;
      case "evict":
        await this.scheduler.park(actor.process, "the cache throws everything out");
        await this.#cache.clearExpired?.({ before: Number.MAX_SAFE_INTEGER, limit: 1000 });
        return;
      case "create":
        await node.create(this.#newSession);
        return;
      case "end of the new": {
        // It is found in a list.
        const { status } = await node.retire(this.#newSession.handle, end);
        if (status === "retired") this.#acknowledge(actor, "the end of the new", isOver, this.#newSession.handle);
      }
    }
  }

  async #read(actor: Actor, node: SessionStore): Promise<void> {
    actor.before = undefined;
    const { handle } = this.#session;
    const seen = await node.load(handle);
    this.#complain(actor.name, seen, handle, this.#isExcused() ? actor.own : (actor.before ?? []));
  }

  /** A commit: onto what was read, and again onto what stood in the way. */
  async #save(actor: Actor, node: SessionStore): Promise<void> {
    for (let onto = this.#session; ;) {
      const written = next(onto, { data: `${onto.data}+` });
      const outcome = await node.save(written, onto.version);
      if (outcome.status === "saved") {
        const rank = (seen: string): number => this.#order.indexOf(seen);
        this.#acknowledge(
          actor,
          `version ${rank(written.version)}`,
          (seen) => seen.status !== "live" || rank(seen.record.version) >= rank(written.version),
        );
      }
      if (outcome.status !== "conflict") return;
      onto = outcome.record;
    }
  }
}

function stone(until: number): Tombstone {
  return { reason: "ended", token: newVersion(), successor: null, until };
}

function beginningOf(session: SessionRecord, beginning: Beginning): SessionRecord | undefined {
  const { handle, createdAt } = session;
  switch (beginning) {
    case "nothing":
      return undefined;
    case "free place":
      return freeRecord(handle, createdAt, NOW + STALE_MS);
    case "old lease":
      return leaseRecord(handle, createdAt, NOW);
    case "fresh copy":
    case "stale copy":
      return recordOfCopy({ record: session, userEpoch: 0, freshUntil: beginning === "fresh copy" ? NOW + 4000 : NOW });
  }
}
