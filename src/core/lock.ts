import type { Engine } from "./engine.ts";
import { attempt, loadRecord } from "./store-call.ts";
import { SessionError } from "./errors.ts";
import { lockHandleOf, newVersion, type SessionHandle } from "./id.ts";
import { isStored } from "./outcome.ts";
import type { SessionRecord } from "./record.ts";

/** How long a lock is held and waited for. */
export interface LockOptions {
  /** Seconds after which the lock is lost, and what is done under it is refused. Default 30. */
  readonly holdSeconds?: number;
  /** Seconds to wait for the lock. Default 10. */
  readonly waitSeconds?: number;
  /** The most requests of this process that may wait for one session's lock. Default 16. */
  readonly maxWaiting?: number;
}

const FREE = "lock1:free";
const HELD = "lock1:held";
const POLL_MS = 25;
// A lock that ran out is kept as long again, so that whoever takes it over knows that there was another holder.
const KEEP_MS = 600_000;

const waiting = new WeakMap<Engine["queue"], Map<SessionHandle, number>>();

/** A lock that is held: a record of its own, written with the store's own conditional verbs. */
export class SessionLock {
  readonly #engine: Engine;
  readonly #record: SessionRecord;
  readonly #deadline: number;
  /** True when an earlier holder ran out of time and may still be at work: its writes have to be fenced off. */
  readonly takenOver: boolean;

  private constructor(engine: Engine, record: SessionRecord, deadline: number, takenOver: boolean) {
    this.#engine = engine;
    this.#record = record;
    this.#deadline = deadline;
    this.takenOver = takenOver;
  }

  /** @throws {SessionError} ERR_SESSION_LOCKED when the lock is not free in time or too many wait for it */
  static async acquire(engine: Engine, session: SessionHandle, options: LockOptions = {}): Promise<SessionLock> {
    const { holdSeconds = 30, waitSeconds = 10, maxWaiting = 16 } = options;
    const { clock } = engine.options;
    checkOptions({ holdSeconds, waitSeconds, maxWaiting });
    const leave = enter(engine, session, maxWaiting);
    try {
      for (let waited = 0; ;) {
        const lock = await SessionLock.#try(engine, lockHandleOf(session), holdSeconds);
        if (lock !== undefined) return lock;
        if (waited >= waitSeconds * 1000) throw new SessionError("ERR_SESSION_LOCKED");
        const pause = Math.ceil(POLL_MS * (0.5 + Math.random()));
        await clock.sleep(pause);
        waited += pause;
      }
    } finally {
      leave();
    }
  }

  static async #try(engine: Engine, handle: SessionHandle, holdSeconds: number): Promise<SessionLock | undefined> {
    const now = engine.options.clock.now();
    const deadline = now + holdSeconds * 1000;
    const record = lockRecord(handle, `${HELD}:${deadline}`, deadline + KEEP_MS, now);
    const found = await loadRecord(engine, handle, true);
    if (found.status === "retired") return undefined;
    if (found.status === "missing") {
      const { outcome } = await attempt(engine, (call) => engine.store.create(record, call));
      const ours = outcome.status === "created" || (await isStored(engine, record));
      return ours ? new SessionLock(engine, record, deadline, false) : undefined;
    }
    const free = found.record.data === FREE;
    if (!free && deadlineOf(found.record) > now) return undefined;
    const { outcome } = await attempt(engine, (call) => engine.store.save(record, found.record.version, call));
    const ours = outcome.status === "saved" || (await isStored(engine, record));
    return ours ? new SessionLock(engine, record, deadline, !free) : undefined;
  }

  /**
   * Refuses to go on when the lock was lost: by this process's own clock, and with `sure` by asking the store.
   *
   * @throws {SessionError} ERR_SESSION_LOCK_LOST
   */
  async check(sure: boolean): Promise<void> {
    const late = this.#engine.options.clock.now() >= this.#deadline;
    if (late || (sure && !(await isStored(this.#engine, this.#record)))) throw new SessionError("ERR_SESSION_LOCK_LOST");
  }

  /** Frees the lock; if that fails, it frees itself at its deadline. */
  async release(): Promise<void> {
    const { handle, version, createdAt } = this.#record;
    const now = this.#engine.options.clock.now();
    try {
      const free = lockRecord(handle, FREE, now + KEEP_MS, createdAt);
      await attempt(this.#engine, (call) => this.#engine.store.save(free, version, call));
    } catch {
      // The deadline frees it.
    }
  }
}

function checkOptions({ holdSeconds, waitSeconds, maxWaiting }: Required<LockOptions>): void {
  const sound = Number.isFinite(holdSeconds) && holdSeconds > 0 && Number.isFinite(waitSeconds) && waitSeconds >= 0;
  if (!sound || !Number.isInteger(maxWaiting) || maxWaiting < 0) {
    throw new SessionError(
      "ERR_SESSION_USAGE",
      "`exclusive` takes `holdSeconds` above 0, `waitSeconds` and a whole `maxWaiting`",
    );
  }
}

function enter(engine: Engine, session: SessionHandle, most: number): () => void {
  const counts = waiting.get(engine.queue) ?? new Map<SessionHandle, number>();
  waiting.set(engine.queue, counts);
  const count = counts.get(session) ?? 0;
  if (count >= most) throw new SessionError("ERR_SESSION_LOCKED", "Too many requests wait for the session's lock");
  counts.set(session, count + 1);
  return () => {
    const left = (counts.get(session) ?? 1) - 1;
    if (left === 0) counts.delete(session);
    else counts.set(session, left);
  };
}

function lockRecord(handle: SessionHandle, data: string, expiresAt: number, createdAt: number): SessionRecord {
  return { handle, data, version: newVersion(), createdAt, expiresAt, userId: null, epoch: 0 };
}

function deadlineOf({ data }: SessionRecord): number {
  const deadline = Number(data.slice(HELD.length + 1));
  // A lock that cannot be read is held until it expires.
  return Number.isFinite(deadline) ? deadline : Number.POSITIVE_INFINITY;
}
