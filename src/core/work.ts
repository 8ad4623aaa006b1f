import {
  commitSession,
  CommitRequest,
  type Committed,
  createSession,
  isUnchanged,
  mergeConflict,
  onlyKeys,
} from "./commit.ts";
import {
  blankData,
  type Content,
  contentOf,
  decodeRecord,
  type Engine,
  newContent,
  plainOf,
  saysNothing,
  type Snapshot,
} from "./engine.ts";
import { attempt, loadRecord, storeError } from "./store-call.ts";
import { isSessionError, SessionError } from "./errors.ts";
import { publish } from "./events.ts";
import { deadlineAt, isExpired, isRefreshDue } from "./expiry.ts";
import type { SessionHandle, SessionId } from "./id.ts";
import { mergeLate } from "./merge.ts";
import { endRevoked, endSession, goneError, type GoneReason, type Standing, standingOf } from "./outcome.ts";
import { mergeNotes, type Notes } from "./payload.ts";
import { deepCopy, isEmptyObject, type PlainObject, syncInto } from "./plain.ts";
import type { SessionRecord } from "./record.ts";
import type { Line } from "./queue.ts";
import { SerialTasks } from "./serial.ts";
import { whenDone, whenSettled } from "./settled.ts";
import type { Awaitable, LoadOutcome } from "./store.ts";
import { type Policy, readOnlyError, type WorkStatus, Write, type WriteOptions } from "./work-policy.ts";

const NOTHING: Content = Object.freeze(newContent({}, {}, { userId: null, epoch: 0 }));

/** One request's work on one session: what it read, what it changed, and how that is stored. */
export class SessionWork {
  readonly engine: Engine;
  policy: Policy;
  status: WorkStatus;
  id: SessionId | null;
  accessed = false;
  headersSent = false;
  /** True when the id was made or changed since the request came in, so that the client has to be told. */
  renewed = false;
  /** True when this request stored the session. */
  stored = false;
  /** True when this request moved the deadline, so that the cookie has to follow. */
  moved = false;
  /** True when the session was ended by this request. */
  ended = false;
  data: PlainObject = {};
  notes: Notes = {};
  userId: string | null = null;
  epoch = 0;
  snapshot: Snapshot | null = null;
  /** Asked before each write while a lock is held. */
  guard: CommitRequest["guard"];
  /** True when the client showed that it holds the id, or holds it for certain. */
  proven: boolean;
  /** True when the new id took the place of an older one, which others may still use to end the session. */
  rotated = false;
  #cleared = false;
  #rotate = false;
  #restart = false;
  #keep: readonly string[] | undefined;
  #expirySet = false;
  /** What a new visitor's data is before anything was changed. */
  #blank: PlainObject | undefined;
  #goneReason: GoneReason = "ended";
  #trouble: SessionError | undefined;
  readonly #tasks: SerialTasks;

  constructor(engine: Engine, id: SessionId | null) {
    this.engine = engine;
    this.policy = engine.options;
    this.#tasks = new SerialTasks(engine.inFlight);
    this.id = id;
    this.proven = id !== null;
    this.status = id === null ? "new" : "unloaded";
  }

  get handle(): SessionHandle | null {
    if (this.snapshot !== null) return this.snapshot.record.handle;
    return this.id === null ? null : this.engine.format.handleOf(this.id);
  }

  /** The handle of a session that has one. */
  heldHandle(): SessionHandle {
    const { handle } = this;
    if (handle === null) throw new SessionError("ERR_SESSION_USAGE", "The session has no id");
    return handle;
  }

  /** Runs one operation of this request after the other. */
  serial<R>(task: () => Awaitable<R>): Promise<R> {
    return this.#tasks.run(task);
  }

  /** {@link serial}, in the call itself when none is under way: for what comes when the handler is done. */
  serialNow<R>(task: () => Awaitable<R>): Awaitable<R> {
    return this.#tasks.runNow(task);
  }

  /** Reads the session if that was not done yet, or again with `fresh`. */
  load(fresh = false): Awaitable<void> {
    this.accessed = true;
    if (this.status === "new") return this.#begin();
    if (this.status !== "unloaded" && !(fresh && this.status === "live")) return;
    return whenDone(
      () => loadRecord(this.engine, this.heldHandle(), fresh),
      (outcome) => this.#take(outcome),
      (error) => this.#goOnWithout(error),
    );
  }

  #take(outcome: LoadOutcome): Awaitable<void> {
    const { options } = this.engine;
    const now = options.clock.now();
    if (outcome.status === "live") {
      const { record, userEpoch = 0 } = outcome;
      if (record.userId !== null && userEpoch > record.epoch) {
        return endRevoked(this.engine, record).then((tombstone) => this.#take({ status: "retired", tombstone }));
      }
      if (!isExpired(record, now, options)) return this.#takeLive(record, userEpoch);
    }
    if (outcome.status === "retired" && outcome.tombstone.until > now) return this.#retire(outcome.tombstone.reason);
    publish(outcome.status === "live" ? "expired" : "unknownId", { store: this.engine.store.name });
    if (this.status === "live") return this.#retire("expired");
    this.#forget();
    return this.#begin();
  }

  /** Throws unless the session can be read from now on. */
  requireLoaded(): void {
    // With no id there is nothing to load; but what works for a new visitor must be what works for all.
    if (this.status === "unloaded" || !this.accessed) throw new SessionError("ERR_SESSION_NOT_LOADED");
  }

  /** True when something would be lost if the session was not stored. */
  isModified(plain = this.pendingPlain()): boolean {
    if (this.status === "unloaded") return false;
    if (this.status !== "live") return !this.#isBare();
    if (this.#cleared || this.#rotate) return true;
    return plain !== undefined && !isUnchanged(this.#stored(), this.#content(), plain);
  }

  /** The plain text of a stored session as it stands now. */
  pendingPlain(): string | undefined {
    return this.status === "live" ? plainOf(this.engine, this.#content(), this.#stored().plain) : undefined;
  }

  get isEmpty(): boolean {
    return this.id === null && this.#isBare();
  }

  clear(): void {
    this.#requireWritable();
    syncInto(this.data, {});
    this.#cleared = this.status === "live";
  }

  /** Asks for a new id at the commit. */
  cycle(): void {
    this.requireHeaders();
    this.#requireWritable();
    this.#rotate = this.status === "live";
  }

  setNotes(change: Partial<Record<keyof Notes, unknown>>): void {
    const entries = Object.entries({ ...this.notes, ...change }).filter(([, value]) => value !== undefined);
    this.notes = Object.fromEntries(entries) as Notes;
    if ("expiry" in change) this.#expirySet = true;
  }

  /** Binds the session to a user: under a new id, with a lifetime that counts anew, and with no more than `keep` of its data. */
  bind(userId: string, epoch: number, keep: readonly string[] | undefined): void {
    this.cycle();
    this.userId = userId;
    this.epoch = epoch;
    this.#restart = true;
    this.#keep = keep;
    if (keep !== undefined) syncInto(this.data, onlyKeys(this.data, keep));
  }

  /** Stores what changed; a new session only if it holds something, or with `force`. */
  save({ force = false, slide = false, plain }: WriteOptions = {}): Awaitable<void> {
    if (this.status === "unloaded") return whenSettled(this.load(), () => this.save({ force, slide }));
    if (this.status === "new" || this.status === "live") return this.#write(new Write(force, slide, plain));
    if (this.#isBare() && !force) return;
    throw this.refusal();
  }

  /** Applies an atomic change: to a copy, again on each retry, together with what is pending. */
  update(apply: (content: Content) => Content): Awaitable<void> {
    return whenSettled(this.load(), () => {
      if (this.status !== "new" && this.status !== "live") throw this.refusal();
      return this.#write(new Write(false, false, undefined, apply));
    });
  }

  /** Ends the session now, whatever version it has, and forgets it. */
  async flush(): Promise<void> {
    this.accessed = true;
    const handle = this.handle;
    if (handle !== null) await this.writing(() => endSession(this.engine, handle));
    this.#forget();
    this.stored = false;
    this.moved = false;
    this.ended = true;
  }

  /** Moves the deadline if it has fallen behind. */
  touch(): Awaitable<void> {
    const { engine, snapshot } = this;
    if (this.status !== "live" || snapshot === null || this.headersSent || engine.format.slides === "write") return;
    const now = engine.options.clock.now();
    const { record } = snapshot;
    const state = { expiry: this.notes.expiry, createdAt: record.createdAt, proven: this.proven };
    if (!isRefreshDue(state, record.expiresAt, now, engine.options)) return;
    return this.#moveDeadline(snapshot, deadlineAt(state, now, engine.options));
  }

  async #moveDeadline(snapshot: Snapshot, expiresAt: number): Promise<void> {
    const { engine } = this;
    const { record } = snapshot;
    try {
      const { outcome } = await attempt(engine, (call) =>
        engine.store.touch(record.handle, record.version, expiresAt, call),
      );
      publish("touched", { store: engine.store.name });
      if (outcome.status === "stale") return;
      this.snapshot = { ...snapshot, record: { ...record, expiresAt } };
      this.stored = true;
      this.moved = true;
    } catch (error) {
      // Nothing is lost: the next visit moves the deadline.
      storeError(engine, error, "unknown");
    }
  }

  /** Whether the record is still the one that this request stored: nobody rotated or ended it meanwhile. `unknown` when the store fails. */
  async standing(): Promise<Standing> {
    return this.snapshot === null ? "superseded" : standingOf(this.engine, this.snapshot.record);
  }

  /** How the session ended, when it is retired. */
  get goneReason(): GoneReason | null {
    return this.status === "retired" ? this.#goneReason : null;
  }

  /** Drops what this request changed since the session was last stored. */
  revert(): void {
    if (this.status === "live" && this.snapshot !== null) this.#show(contentOf(this.engine, this.snapshot));
    if (this.status === "new") this.#show({ ...NOTHING, data: deepCopy(this.#blank ?? {}) });
  }

  /** Remembers the content as it is now; the function given brings it back. */
  remember(): () => void {
    const { data, notes, userId, epoch } = this;
    const copy = deepCopy(data);
    return () => this.#show({ data: copy, notes, userId, epoch }, false);
  }

  /**
   * Runs a write of this request.
   *
   * @throws {SessionError} ERR_SESSION_READ_ONLY where the policy is `read-only` and the store surely stored nothing
   */
  writing<R>(write: () => Awaitable<R>): Awaitable<R> {
    return whenDone(
      write,
      (result) => result,
      (error) => {
        throw readOnlyError(this.policy, error);
      },
    );
  }

  /** The error for a write to a session that cannot be written. */
  refusal(): SessionError {
    if (this.status === "retired") return goneError(this.engine, this.#goneReason);
    return this.#trouble ?? new SessionError("ERR_SESSION_UNREADABLE");
  }

  #content(): Content {
    return newContent(this.data, this.notes, this);
  }

  #stored(): Snapshot {
    if (this.snapshot === null) throw new SessionError("ERR_SESSION_NOT_LOADED");
    return this.snapshot;
  }

  #isBare(): boolean {
    return saysNothing(this.#content(), this.#blank);
  }

  /** Gives a new visitor the data that a schema makes of nothing. */
  #begin(): Awaitable<void> {
    if (this.#blank !== undefined) return;
    const untouched = isEmptyObject(this.data);
    return whenSettled(blankData(this.engine), (blank) => {
      this.#blank = blank;
      if (untouched) syncInto(this.data, deepCopy(blank));
    });
  }

  #requireWritable(): void {
    if (this.status !== "new" && this.status !== "live") throw this.refusal();
  }

  #takeLive(record: SessionRecord, userEpoch: number): Awaitable<void> {
    if (this.snapshot !== null && this.isModified()) return this.#takeMerged(this.snapshot, record, userEpoch);
    return whenDone(
      () => decodeRecord(this.engine, record),
      ({ snapshot, content }) => {
        [this.snapshot, this.status] = [snapshot, "live"];
        this.#show(content);
      },
      (error) => this.#goOnWithout(error),
    );
  }

  async #takeMerged(base: Snapshot, record: SessionRecord, userEpoch: number): Promise<void> {
    try {
      const merged = await mergeConflict(this.engine, record, userEpoch, {
        base,
        // A copy: what is merged is shown in the very object that the handler holds.
        pending: { ...this.#content(), data: deepCopy(this.data) },
        cleared: this.#cleared,
        keep: this.#keep,
      });
      this.snapshot = merged.base;
      this.#show(merged.pending, false);
    } catch (error) {
      return this.#goOnWithout(error);
    }
  }

  #goOnWithout(error: unknown): void {
    const unreadable = isSessionError(error, "ERR_SESSION_UNREADABLE");
    const policy = unreadable ? this.policy.onUnreadable : this.policy.onStoreError;
    const known = unreadable || isSessionError(error, "ERR_SESSION_STORE");
    if (!known || policy !== "anonymous" || this.status === "live") throw error;
    this.#trouble = error;
    this.status = unreadable ? "unreadable" : "unavailable";
  }

  #retire(reason: GoneReason): void {
    const lost = this.status === "live" && this.isModified();
    this.#close(reason);
    if (lost) throw this.refusal();
  }

  #close(reason: GoneReason): void {
    this.#goneReason = reason;
    this.#show(NOTHING);
    this.status = "retired";
  }

  #forget(): void {
    this.id = null;
    this.snapshot = null;
    this.proven = false;
    this.status = "new";
    this.#blank = undefined;
    this.#show(NOTHING);
  }

  #show(content: Content, settled = true): void {
    syncInto(this.data, content.data);
    this.notes = content.notes;
    this.userId = content.userId;
    this.epoch = content.epoch;
    if (settled) this.#settle();
  }

  /** What was asked for is done. */
  #settle(): void {
    this.#cleared = false;
    this.#rotate = false;
    this.#restart = false;
    this.#expirySet = false;
    this.#keep = undefined;
  }

  #write(how: Write): Awaitable<void> {
    if (this.status === "new") return this.writing(() => this.#create(how));
    const handle = this.heldHandle();
    return this.writing(() => this.engine.queue.run(handle, (line) => this.#commit(how, line)));
  }

  async #create({ force, apply }: Write): Promise<void> {
    const started = this.#content();
    const before = plainOf(this.engine, started);
    const content = apply === undefined ? started : apply(this.#copy(started, before));
    // An update that leaves nothing is done as soon as it is shown.
    if (saysNothing(content, this.#blank) && !force) return apply === undefined ? this.#settle() : this.#show(content);
    this.requireHeaders();
    const { id, snapshot } = await createSession(this.engine, {
      content,
      proven: this.proven,
      ...(apply === undefined && { plain: before }),
    });
    this.id = id;
    this.status = "live";
    this.renewed = true;
    this.stored = true;
    this.#adopt(before, apply === undefined ? undefined : content, snapshot);
  }

  #commit(how: Write, line: Line): Awaitable<void> {
    const base = this.#stored();
    // A version that is a digest of the content may stand for an earlier state once more.
    const newer = this.engine.format.ownVersions ? line.newerThan(base.record.version) : undefined;
    const pending = this.#content();
    const before = how.plain ?? plainOf(this.engine, pending, base.plain);
    const cleared = this.#cleared;
    const rotate = this.#rotate;
    if (rotate) this.requireHeaders();
    // The handler may go on changing its object while the store is asked.
    const request = new CommitRequest(base, pending, before, () => this.#copy(pending, before));
    request.newer = newer;
    request.cleared = cleared;
    request.keep = this.#keep;
    request.rotate = rotate;
    request.restart = this.#restart;
    request.force = how.force || cleared;
    request.slide = how.slide;
    request.proven = this.proven;
    request.apply = how.apply;
    request.guard = this.guard;
    const store = (): Awaitable<Committed> => commitSession(this.engine, request);
    const finish = (committed: Committed): void => {
      const { record } = committed.snapshot;
      if (committed.id === undefined) {
        if (committed.wrote) line.stored(record, base.record.version, newer?.version ?? base.record.version);
      } else {
        line.left();
        this.id = committed.id;
        this.renewed = true;
        this.rotated = true;
      }
      if (committed.wrote) this.stored = true;
      const deadlineMoved = record.expiresAt !== this.#stored().record.expiresAt;
      if (deadlineMoved || (committed.wrote && this.#expirySet)) this.moved = true;
      this.#adopt(before, committed.content, committed.snapshot);
    };
    return whenDone(store, finish, (error) => {
      throw this.#refused(error);
    });
  }

  /** The caller is told here, once: what was refused must not be refused again when the response leaves. */
  #refused(error: unknown): unknown {
    if (isSessionError(error, "ERR_SESSION_GONE")) this.#close(error.reason ?? "ended");
    return error;
  }

  #copy(content: Content, plain: string): Content {
    const { data, notes } = this.engine.format.parse(this.engine.options.codec, plain);
    return { ...content, data, notes };
  }

  /**
   * Shows the outcome in the handler's own object, and keeps what was changed while the store was asked. Where just what the handler
   * made was stored, its object shows that already, and whatever differs from the snapshot is a later change.
   */
  #adopt(before: string, stored: Content | undefined, snapshot: Snapshot): void {
    if (stored === undefined) {
      this.snapshot = snapshot;
      this.#settle();
      return;
    }
    const { data, notes } = this.engine.format.parse(this.engine.options.codec, before);
    const { clock, merge: rules, together } = this.engine.options;
    this.snapshot = snapshot;
    this.#show({
      ...stored,
      data: mergeLate(data, stored.data, this.data, { rules, together }),
      notes: mergeNotes(notes, stored.notes, this.notes, clock.now()),
    });
  }

  /** @throws {SessionError} ERR_SESSION_HEADERS_SENT when no cookie can be set any more */
  requireHeaders(): void {
    if (this.headersSent) throw new SessionError("ERR_SESSION_HEADERS_SENT");
  }
}
