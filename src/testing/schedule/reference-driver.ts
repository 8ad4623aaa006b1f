import type { Clock } from "../../core/clock.ts";
import { SessionError } from "../../core/errors.ts";
import { handleOf, newSessionId, newVersion, type SessionHandle, type SessionId } from "../../core/id.ts";
import type { SessionRecord, Tombstone } from "../../core/record.ts";
import type { Awaitable, RotateOutcome, SessionStore } from "../../core/store.ts";
import type { Application, Trail, Visit } from "./driver.ts";
import { LIFETIME_SECONDS } from "./session-driver.ts";

const TOMBSTONE_MS = 60_000;

/** What a client chooses; tests of the schedules make a wrong choice here, and see that it is caught. */
export interface ClientChoices {
  /** The version of a write onto a record. */
  readonly version: (base: SessionRecord | undefined) => string;
  /** True when a record is the one that the client itself sent. */
  readonly isOwn: (found: SessionRecord, sent: SessionRecord) => boolean;
  /** Whether a write of which nobody can say whether it was stored is merged and sent again. */
  readonly repeats: boolean;
}

const RIGHT: ClientChoices = {
  version: () => newVersion(),
  isOwn: (found, sent) => found.version === sent.version,
  repeats: false,
};

/** What a plain client of the contract must do, and nothing more: for schedules that hold a store to its verbs alone. */
export function referenceApplication(store: SessionStore, clock: Clock, choices: ClientChoices = RIGHT): Application {
  /** Ends a session, and what it was rotated to meanwhile. */
  const end = async (handle: SessionHandle): Promise<void> => {
    const tombstone = newStone(clock);
    const { outcome } = await twice(() => store.retire(handle, tombstone));
    if (outcome.status === "retired" && outcome.tombstone.successor !== null) await end(outcome.tombstone.successor);
  };
  const renew = async (handle: SessionHandle, userId: string, epoch: number): Promise<void> => {
    for (;;) {
      const outcome = await read(() => store.load(handle));
      if (outcome.status !== "live" || outcome.record.userId !== userId) return;
      const { record } = outcome;
      const { outcome: saved } = await twice(() =>
        store.save({ ...record, version: newVersion(), epoch: Math.max(record.epoch, epoch) }, record.version),
      );
      if (saved.status !== "conflict") return;
    }
  };
  return {
    visit: (id) => new ReferenceVisit(store, clock, id, end, choices),
    revoke: (id) => end(handleOf(id as SessionId)),
    async revokeUser(userId, except) {
      const { users } = store;
      // As sessions do: nobody is told that a user was revoked where that cannot be.
      if (users === undefined) throw new SessionError("ERR_SESSION_UNSUPPORTED");
      const kept = except === null ? undefined : handleOf(except as SessionId);
      const epoch = (await read(() => users.epoch(userId))) + 1;
      // The kept session gets the new epoch before it counts.
      if (kept !== undefined) await renew(kept, userId, epoch);
      await sure(() => users.advanceEpoch(userId, epoch));
      for (const { handle } of await sure(() => users.sessionsOf(userId)))
        if (handle !== kept) await sure(() => end(handle));
    },
    async sweep() {
      await sure(() => store.clearExpired?.({ before: clock.now(), limit: 100 }));
    },
  };
}

function newStone(clock: Clock, successor?: SessionRecord): Tombstone {
  return {
    reason: successor === undefined ? "ended" : "rotated",
    token: newVersion(),
    successor: successor?.handle ?? null,
    until: clock.now() + TOMBSTONE_MS,
  };
}

/** What a store's record holds for this client. */
export function readTrail(record: SessionRecord): Trail {
  return JSON.parse(record.data) as Trail;
}

/** A write that is sent again when its reply was lost; `again` says that the outcome may be that of the first sending. */
async function twice<O>(send: () => Awaitable<O>): Promise<{ readonly outcome: O; readonly again: boolean }> {
  try {
    return { outcome: await send(), again: false };
  } catch (error) {
    if (error instanceof SessionError) throw error;
  }
  return { outcome: await sure(send), again: true };
}

/** A call after which nothing can be known when it fails. */
async function sure<O>(send: () => Awaitable<O>): Promise<O> {
  try {
    return await send();
  } catch (cause) {
    throw unknown(cause);
  }
}

/** A call that changes nothing. */
async function read<O>(send: () => Awaitable<O>): Promise<O> {
  try {
    return await send();
  } catch (cause) {
    throw cause instanceof SessionError ? cause : new SessionError("ERR_SESSION_STORE", undefined, { cause, applied: "no" });
  }
}

const unknown = (cause?: unknown) => new SessionError("ERR_SESSION_OUTCOME_UNKNOWN", undefined, { cause });
const gone = () => new SessionError("ERR_SESSION_GONE", undefined, { reason: "ended" });

class ReferenceVisit implements Visit {
  readonly #store: SessionStore;
  readonly #clock: Clock;
  readonly #end: (handle: SessionHandle) => Promise<void>;
  readonly #choices: ClientChoices;
  #id: SessionId | null;
  #base: SessionRecord | undefined;
  #data: Trail | undefined;
  #login: { readonly userId: string; readonly epoch: number } | undefined;
  #turn = false;
  #over = false;
  #ended = false;

  constructor(
    store: SessionStore,
    clock: Clock,
    id: string | null,
    end: (handle: SessionHandle) => Promise<void>,
    choices: ClientChoices,
  ) {
    this.#store = store;
    this.#clock = clock;
    this.#id = id as SessionId | null;
    this.#end = end;
    this.#choices = choices;
  }

  async load(): Promise<Trail> {
    if (this.#data !== undefined) return this.#data;
    this.#data = {};
    if (this.#id === null) return this.#data;
    const handle = handleOf(this.#id);
    const outcome = await read(() => this.#store.load(handle));
    if (outcome.status === "live" && (outcome.userEpoch ?? 0) <= outcome.record.epoch) {
      this.#base = outcome.record;
      this.#data = readTrail(outcome.record);
    } else if (outcome.status === "missing") {
      this.#id = null;
    } else {
      this.#over = true;
    }
    return this.#data;
  }

  async update(change: (data: Trail) => void): Promise<void> {
    await this.load();
    await this.#commit(change);
  }

  async exclusive(change: (data: Trail) => void): Promise<void> {
    await this.update(change);
  }

  async cycle(): Promise<void> {
    await this.load();
    this.#turn = this.#base !== undefined;
  }

  async login(userId: string): Promise<void> {
    const epoch = (await read(() => this.#store.users?.epoch(userId))) ?? 0;
    await this.load();
    if (this.#over) throw gone();
    if (this.#base !== undefined && this.#base.userId !== null && this.#base.userId !== userId) await this.logout();
    this.#login = { userId, epoch };
    this.#turn = true;
  }

  async logout(): Promise<void> {
    const id = this.#id;
    if (id !== null) await this.#end(handleOf(id));
    this.#id = null;
    this.#base = undefined;
    this.#data = {};
    this.#over = false;
    this.#ended = true;
  }

  async respond(): Promise<string | null | undefined> {
    const before = this.#id;
    const changed = this.#data !== undefined && JSON.stringify(this.#data) !== (this.#base?.data ?? "{}");
    if (changed || this.#turn) await this.#commit(() => undefined);
    else await this.#touch();
    if (this.#id !== null && this.#id !== before) return this.#id;
    return this.#ended && this.#id === null ? null : undefined;
  }

  async #touch(): Promise<void> {
    const base = this.#base;
    const expiresAt = this.#deadline(base?.createdAt);
    if (base === undefined || expiresAt - base.expiresAt < 1000) return;
    await sure(() => this.#store.touch(base.handle, base.version, expiresAt));
  }

  #deadline(createdAt = this.#clock.now()): number {
    const idle = this.#clock.now() + LIFETIME_SECONDS * 1000;
    return Math.min(idle, createdAt + 2 * LIFETIME_SECONDS * 1000);
  }

  /** Writes, and where another was first applies this request's change to what that one wrote, and writes again. */
  async #commit(change: (data: Trail) => void): Promise<void> {
    if (this.#over) throw gone();
    for (;;) {
      const data: Trail = structuredClone(this.#data ?? {});
      change(data);
      const base = this.#base;
      const id = base === undefined || this.#turn ? newSessionId() : this.#id;
      const handle = base === undefined || this.#turn ? handleOf(id as SessionId) : base.handle;
      const createdAt = base?.createdAt ?? this.#clock.now();
      const { userId, epoch } = this.#login ?? base ?? { userId: null, epoch: 0 };
      const version = this.#choices.version(base);
      const record = {
        handle,
        data: JSON.stringify(data),
        version,
        createdAt,
        expiresAt: this.#deadline(createdAt),
        userId,
        epoch,
      };
      const stored = await this.#send(base, record);
      if (stored === "stored") {
        this.#id = id;
        this.#base = record;
        this.#data = data;
        this.#turn = false;
        return;
      }
      this.#merge(base, stored);
      await this.#clock.sleep(1);
    }
  }

  async #send(base: SessionRecord | undefined, record: SessionRecord): Promise<"stored" | SessionRecord> {
    const store = this.#store;
    if (base === undefined) {
      const { outcome } = await twice(() => store.create(record));
      if (outcome.status === "created" || (await this.#isStored(record))) return "stored";
      throw outcome.status === "revoked" ? gone() : unknown();
    }
    if (record.handle !== base.handle) return this.#rotate(base, record);
    const { outcome, again } = await twice(() => store.save(record, base.version));
    if (outcome.status === "saved") return "stored";
    if (outcome.status === "conflict" && this.#choices.isOwn(outcome.record, record)) return "stored";
    // The first sending may have been stored, and then written over or ended.
    if (again && !this.#choices.repeats) throw unknown();
    if (outcome.status !== "conflict") throw gone();
    return outcome.record;
  }

  async #rotate(base: SessionRecord, record: SessionRecord): Promise<"stored" | SessionRecord> {
    const tombstone = newStone(this.#clock, record);
    const rotate = this.#store.rotate?.bind(this.#store) ?? this.#rotateInSteps.bind(this);
    const { outcome, again } = await twice(() => rotate(base.handle, base.version, record, tombstone));
    if (outcome.status === "rotated" || (await this.#isStored(record))) return "stored";
    if (outcome.status === "conflict") return outcome.record;
    throw again || outcome.status === "exists" ? unknown() : gone();
  }

  /** For a store that cannot rotate in one step: the new record first, so that nothing is lost on the way. */
  async #rotateInSteps(
    ...[handle, version, record, tombstone]: Parameters<NonNullable<SessionStore["rotate"]>>
  ): Promise<RotateOutcome> {
    const { status } = await this.#store.create(record);
    if (status === "revoked") return { status };
    const outcome = await sure(() => this.#store.retire(handle, tombstone, version));
    if (outcome.status === "retired" && outcome.tombstone.token === tombstone.token) return { status: "rotated" };
    await sure(() => this.#store.retire(record.handle, newStone(this.#clock)));
    return outcome.status === "retired" ? { status: "retired", reason: outcome.tombstone.reason } : outcome;
  }

  async #isStored(record: SessionRecord): Promise<boolean> {
    const outcome = await sure(() => this.#store.load(record.handle));
    return outcome.status === "live" && this.#choices.isOwn(outcome.record, record);
  }

  /** Three-way: the marks of both, the log of the other, the increments of both. */
  #merge(base: SessionRecord | undefined, theirs: SessionRecord): void {
    if (theirs.userId !== (base?.userId ?? null)) throw gone();
    const fresh = readTrail(theirs);
    const ours = this.#data ?? {};
    const before = base === undefined ? {} : readTrail(base);
    const count = (fresh.count ?? 0) + (ours.count ?? 0) - (before.count ?? 0);
    this.#data = { ...ours, ...fresh, ...(count !== 0 && { count }) };
    this.#base = theirs;
  }
}
