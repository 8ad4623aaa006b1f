import { SessionError } from "../../core/errors.ts";
import { isLockHandle, type SessionHandle } from "../../core/id.ts";
import type { SessionRecord } from "../../core/record.ts";
import type { Awaitable, SessionStore, UserIndex } from "../../core/store.ts";
import type { Fault, Process, Scheduler } from "./scheduler.ts";

/** What the network saw: which handles were stored, and a short name for each. */
export class Sightings {
  readonly #names = new Map<SessionHandle, number>();
  readonly #stored = new Set<SessionHandle>();

  /** A handle's number, by first appearance: the same in every replay. */
  number(handle: SessionHandle): number {
    const known = this.#names.get(handle) ?? this.#names.size + 1;
    this.#names.set(handle, known);
    return known;
  }

  name(handle: SessionHandle): string {
    return `${isLockHandle(handle) ? "lock" : "session"} ${this.number(handle)}`;
  }

  stored(handle: SessionHandle): void {
    this.#stored.add(handle);
  }

  /** Every handle under which a record was ever stored. */
  handles(): Iterable<SessionHandle> {
    return this.#stored;
  }

  /** True when a record was stored under the handle at some time. */
  wasStored(handle: SessionHandle): boolean {
    return this.#stored.has(handle);
  }
}

/** How a store is watched. */
export interface Watch {
  readonly process: Process;
  readonly scheduler: Pick<Scheduler, "park" | "work" | "later">;
  readonly sightings: Sightings;
  /** Whether the way back is a step of its own. Without it what strikes the reply strikes with the call. */
  readonly replies: boolean;
}

interface CallFaults {
  readonly sending: readonly Fault[];
  readonly replying: readonly Fault[];
}

const READ: CallFaults = { sending: ["crash", "fail"], replying: ["crash", "lose"] };
const WRITE: CallFaults = { sending: ["crash", "fail", "repeat"], replying: ["crash", "lose", "late copy"] };
// Each delivery advances once more, and of a late one nobody can know: it ends one session too many, never one too few.
const ADVANCE: CallFaults = { ...WRITE, replying: READ.replying };

/** A store as one process sees it over a network that a scheduler holds: each call is a step, and so is each reply. */
export function scheduledStore(store: SessionStore, { process, scheduler, sightings, replies }: Watch): SessionStore {
  async function call<R>(what: string, faults: CallFaults, send: () => Awaitable<R>): Promise<R> {
    const label = `${process.name} ${what}`;
    const { sending, replying } = faults;
    const before = await scheduler.park(
      process,
      label,
      replies ? sending : [...sending, ...replying.filter((each) => each !== "crash")],
    );
    if (before === "fail") throw new SessionError("ERR_SESSION_STORE", "The store refused", { applied: "no" });
    if (before === "repeat") await scheduler.work(send);
    const outcome = await scheduler.work(send);
    const reply = `${label}: ${describe(outcome)}`;
    const after = replies ? await scheduler.park(process, reply, replying) : before;
    if (after === "lose") throw new Error("The reply was lost.");
    if (after === "late copy") scheduler.later(`late copy of ${label}`, send);
    return outcome;
  }

  /** Notes what was stored, whether the caller hears of it or not. */
  async function storing<O extends { readonly status: string }>(
    record: SessionRecord,
    send: () => Awaitable<O>,
  ): Promise<O> {
    const outcome = await send();
    if (outcome.status === "created" || outcome.status === "rotated") sightings.stored(record.handle);
    return outcome;
  }

  const name = (handle: SessionHandle) => sightings.name(handle);
  const { users, rotate, clearExpired } = store;
  const scheduled: SessionStore = {
    name: store.name,
    reach: store.reach,
    durable: store.durable,
    load: (handle, options) => call(`load ${name(handle)}`, READ, () => store.load(handle, options)),
    create: (record) => call(`create ${name(record.handle)}`, WRITE, () => storing(record, () => store.create(record))),
    save: (record, version) => call(`save ${name(record.handle)}`, WRITE, () => store.save(record, version)),
    touch: (handle, version, expiresAt) =>
      call(`touch ${name(handle)}`, WRITE, () => store.touch(handle, version, expiresAt)),
    retire: (handle, tombstone, version) =>
      call(`retire ${name(handle)}`, WRITE, () => store.retire(handle, tombstone, version)),
  };
  return Object.assign(
    scheduled,
    rotate && {
      rotate: (...[handle, version, record, tombstone]: Parameters<NonNullable<SessionStore["rotate"]>>) =>
        call(`rotate ${name(handle)} to ${name(record.handle)}`, WRITE, () =>
          storing(record, () => rotate.call(store, handle, version, record, tombstone)),
        ),
    },
    users && { users: scheduledUsers(users, call, sightings) },
    clearExpired && {
      clearExpired: (batch: Parameters<NonNullable<SessionStore["clearExpired"]>>[0]) =>
        call("clearExpired", WRITE, () => clearExpired.call(store, batch)),
    },
  );
}

function scheduledUsers(
  users: UserIndex,
  call: <R>(what: string, faults: CallFaults, send: () => Awaitable<R>) => Promise<R>,
  sightings: Sightings,
): UserIndex {
  return {
    epoch: (userId) => call(`epoch of ${userId}`, READ, () => users.epoch(userId)),
    advanceEpoch: (userId, atLeast) => call(`advanceEpoch of ${userId}`, ADVANCE, () => users.advanceEpoch(userId, atLeast)),
    async sessionsOf(userId) {
      const records = await call(`sessionsOf ${userId}`, READ, () => users.sessionsOf(userId));
      // In an order that handles, which are random, have no part in.
      return [...records].sort((a, b) => sightings.number(a.handle) - sightings.number(b.handle));
    },
  };
}

function describe(outcome: unknown): string {
  if (typeof outcome === "object" && outcome !== null && "status" in outcome) return String(outcome.status);
  return Array.isArray(outcome) ? `${outcome.length} records` : String(outcome);
}
