import { commitSession, type CommitRequest, createSession, isUnchanged, mergeConflict, onlyKeys } from "./commit.ts";
import { type Content, contentOf, decodeRecord, type Engine, plainOf, type Snapshot, blankData } from "./engine.ts";
import { attempt, loadRecord, storeError } from "./store-call.ts";
import { isSessionError, SessionError } from "./errors.ts";
import { publish } from "./events.ts";
import { deadlineAt, isExpired, isRefreshDue } from "./expiry.ts";
import { handleOf, type SessionHandle, type SessionId } from "./id.ts";
import { mergeData, type MergeRules } from "./merge.ts";
import type { GonePolicy, StoreErrorPolicy, UnreadablePolicy } from "./options.ts";
import { endSession, goneError, type GoneReason, newTombstone } from "./outcome.ts";
import { mergeNotes, type Notes, parsePayload } from "./payload.ts";
import { deepCopy, type PlainObject, sameValue, syncInto } from "./plain.ts";
import type { LoadOutcome } from "./store.ts";

/**
 * Where a session stands: `unloaded` until it is asked for; `new` without a record; `live` with one; `retired` when it was ended or
 * rotated moments ago; `unreadable` and `unavailable` when the request goes on without it.
 */
export type WorkStatus = "unloaded" | "new" | "live" | "retired" | "unreadable" | "unavailable";

/** What a request may decide for itself about trouble with its session. */
export interface Policy {
  readonly onGone: GonePolicy;
  readonly onUnreadable: UnreadablePolicy;
  readonly onStoreError: StoreErrorPolicy;
}

/** How a session is written. */
export interface WriteOptions {
  /** Store it though nothing changed. */
  readonly force?: boolean;
  /** Move the deadline, however lately that was done. */
  readonly slide?: boolean;
}

const NOTHING: Content = Object.freeze({ data: {}, notes: {}, userId: null, epoch: 0 });

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
  #tail: Promise<unknown> = Promise.resolve();

  constructor(engine: Engine, id: SessionId | null) {
    this.engine = engine;
    this.policy = engine.options;
    this.id = id;
    this.proven = id !== null;
    this.status = id === null ? "new" : "unloaded";
  }

  get handle(): SessionHandle | null {
    if (this.snapshot !== null) return this.snapshot.record.handle;
    return this.id === null ? null : handleOf(this.id);
  }

  /** The handle of a session that has one. */
  heldHandle(): SessionHandle {
    const { handle } = this;
    if (handle === null) throw new SessionError("ERR_SESSION_USAGE", "The session has no id");
    return handle;
  }

  /** Runs one operation of this request after the other. */
  serial<R>(task: () => Promise<R>): Promise<R> {
    const result = this.#tail.then(() => this.engine.inFlight.run(task));
    this.#tail = result.catch(() => undefined);
    return result;
  }

  /** Reads the session if that was not done yet, or again with `fresh`. */
  async load(fresh = false): Promise<void> {
    this.accessed = true;
    if (this.status === "new") return this.#begin();
    if (this.status !== "unloaded" && !(fresh && this.status === "live")) return;
    let outcome: LoadOutcome;
    try {
      outcome = await loadRecord(this.engine, this.heldHandle());
      if (outcome.status === "live") outcome = await this.#refuseRevoked(outcome);
    } catch (error) {
      return this.#goOnWithout(error);
    }
    const { options } = this.engine;
    const now = options.clock.now();
    if (outcome.status === "live" && !isExpired(outcome.record, now, options)) return this.#takeLive(outcome);
    if (outcome.status === "retired" && outcome.tombstone.until > now) return this.#retire(outcome.tombstone.reason);
    publish(outcome.status === "live" ? "expired" : "unknownId", { store: this.engine.store.name });
    if (this.status === "live") return this.#retire("expired");
    this.#forget();
    return this.#begin();
  }

  /** Throws unless the session can be read from now on. */
  requireLoaded(): void {
    if (this.status === "unloaded") throw new SessionError("ERR_SESSION_NOT_LOADED");
    // With no id there is nothing to load; but what works for a new visitor must be what works for all.
    if (!this.accessed) throw new SessionError("ERR_SESSION_NOT_LOADED");
  }

  /** True when something would be lost if the session was not stored. */
  isModified(): boolean {
    if (this.status === "unloaded") return false;
    if (this.status !== "live") return !this.#isBare();
    if (this.#cleared || this.#rotate) return true;
    return !isUnchanged(this.#stored(), this.#content(), plainOf(this.engine, this.#content()));
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
  async save({ force = false, slide = false }: WriteOptions = {}): Promise<void> {
    if (this.status === "unloaded") await this.load();
    if (this.status === "new" || this.status === "live") return this.#write({ force, slide });
    if (this.#isBare() && !force) return;
    throw this.refusal();
  }

  /** Applies an atomic change: to a copy, again on each retry, together with what is pending. */
  async update(apply: (content: Content) => Content): Promise<void> {
    await this.load();
    if (this.status !== "new" && this.status !== "live") throw this.refusal();
    await this.#write({ force: false, apply });
  }

  /** Ends the session now, whatever version it has, and forgets it. */
  async flush(): Promise<void> {
    this.accessed = true;
    const handle = this.handle;
    if (handle !== null) await endSession(this.engine, handle);
    this.#forget();
    this.stored = false;
    this.moved = false;
    this.ended = true;
  }

  /** Moves the deadline if it has fallen behind. */
  async touch(): Promise<void> {
    const { engine, snapshot } = this;
    if (this.status !== "live" || snapshot === null || this.headersSent) return;
    const now = engine.options.clock.now();
    const { record } = snapshot;
    const state = { expiry: this.notes.expiry, createdAt: record.createdAt, proven: this.proven };
    if (!isRefreshDue(state, record.expiresAt, now, engine.options)) return;
    const expiresAt = deadlineAt(state, now, engine.options);
    try {
      const { outcome } = await attempt(engine, () => engine.store.touch(record.handle, record.version, expiresAt));
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

  /** True when the record is still the one that this request stored: nobody rotated or ended it meanwhile. */
  async isCurrent(): Promise<boolean> {
    const { engine, snapshot } = this;
    if (snapshot === null) return false;
    const { handle, version, expiresAt } = snapshot.record;
    try {
      const { outcome } = await attempt(engine, () => engine.store.touch(handle, version, expiresAt));
      return outcome.status === "touched";
    } catch {
      // The cookie that the client has is good; a longer one can wait for the next visit.
      return false;
    }
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

  /** The error for a write to a session that cannot be written. */
  refusal(): SessionError {
    if (this.status === "retired") return goneError(this.engine, this.#goneReason);
    return this.#trouble ?? new SessionError("ERR_SESSION_UNREADABLE");
  }

  #content(): Content {
    return { data: this.data, notes: this.notes, userId: this.userId, epoch: this.epoch };
  }

  #stored(): Snapshot {
    if (this.snapshot === null) throw new SessionError("ERR_SESSION_NOT_LOADED");
    return this.snapshot;
  }

  #isBare(): boolean {
    return this.#isNothing(this.#content());
  }

  /** True for a content that says no more than that a visitor came. */
  #isNothing({ data, notes, userId }: Content): boolean {
    const empty = Object.keys(data).length === 0 || (this.#blank !== undefined && sameValue(data, this.#blank));
    return empty && Object.keys(notes).length === 0 && userId === null;
  }

  /** Gives a new visitor the data that a schema makes of nothing. */
  async #begin(): Promise<void> {
    if (this.#blank !== undefined) return;
    const untouched = Object.keys(this.data).length === 0;
    this.#blank = await blankData(this.engine);
    if (untouched) syncInto(this.data, deepCopy(this.#blank));
  }

  #requireWritable(): void {
    if (this.status !== "new" && this.status !== "live") throw this.refusal();
  }

  async #refuseRevoked(outcome: Extract<LoadOutcome, { status: "live" }>): Promise<LoadOutcome> {
    const { record, userEpoch = 0 } = outcome;
    if (record.userId === null || userEpoch <= record.epoch) return outcome;
    publish("revoked", { store: this.engine.store.name });
    // Whoever revoked the user did not get to this record: finish it, or its visitor meets a closed door until it expires.
    const tombstone = newTombstone(this.engine);
    await attempt(this.engine, () => this.engine.store.retire(record.handle, tombstone));
    return { status: "retired", tombstone };
  }

  async #takeLive({ record, userEpoch }: Extract<LoadOutcome, { status: "live" }>): Promise<void> {
    try {
      if (this.snapshot !== null && this.isModified()) {
        const merged = await mergeConflict(this.engine, record, userEpoch, {
          base: this.snapshot,
          // A copy: what is merged is shown in the very object that the handler holds.
          pending: { ...this.#content(), data: deepCopy(this.data) },
          cleared: this.#cleared,
          keep: this.#keep,
        });
        this.snapshot = merged.base;
        this.#show(merged.pending, false);
        return;
      }
      this.snapshot = await decodeRecord(this.engine, record);
    } catch (error) {
      return this.#goOnWithout(error);
    }
    this.status = "live";
    this.#show(contentOf(this.engine, this.snapshot));
  }

  #goOnWithout(error: unknown): void {
    const unreadable = isSessionError(error, "ERR_SESSION_UNREADABLE");
    const policy = unreadable ? this.policy.onUnreadable : this.policy.onStoreError;
    const known = unreadable || isSessionError(error, "ERR_SESSION_STORE");
    if (!known || policy === "error" || this.status === "live") throw error;
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
    if (settled) {
      this.#cleared = false;
      this.#rotate = false;
      this.#restart = false;
      this.#keep = undefined;
      this.#expirySet = false;
    }
  }

  async #write(how: WriteOptions & { readonly apply?: (content: Content) => Content }): Promise<void> {
    if (this.status === "new") return this.#create(how);
    const handle = this.heldHandle();
    return this.engine.queue.run(handle, () => this.#commit(how));
  }

  async #create({ force, apply }: WriteOptions & { apply?: (content: Content) => Content }): Promise<void> {
    const started = this.#content();
    const before = plainOf(this.engine, started);
    const copy = this.#copy(started, before);
    const content = apply === undefined ? copy : apply(copy);
    // An update that leaves nothing is done as soon as it is shown.
    if (this.#isNothing(content) && !force) return this.#show(content);
    this.requireHeaders();
    const { id, snapshot } = await createSession(this.engine, { content, proven: this.proven });
    this.id = id;
    this.status = "live";
    this.renewed = true;
    this.stored = true;
    this.#adopt(before, content, snapshot);
  }

  async #commit(how: WriteOptions & { readonly apply?: (content: Content) => Content }): Promise<void> {
    const pending = this.#content();
    const before = plainOf(this.engine, pending);
    const cleared = this.#cleared;
    const rotate = this.#rotate;
    if (rotate) this.requireHeaders();
    try {
      const done = await commitSession(this.engine, {
        base: this.#stored(),
        // The handler may go on changing its object while the store is asked.
        pending: this.#copy(pending, before),
        cleared,
        keep: this.#keep,
        rotate,
        restart: this.#restart,
        force: (how.force ?? false) || cleared,
        slide: how.slide ?? false,
        proven: this.proven,
        ...(how.apply && { apply: how.apply }),
        ...(this.guard && { guard: this.guard }),
      });
      if (done.id !== undefined) {
        this.id = done.id;
        this.renewed = true;
        this.rotated = true;
      }
      if (done.wrote) this.stored = true;
      const deadlineMoved = done.snapshot.record.expiresAt !== this.#stored().record.expiresAt;
      if (deadlineMoved || (done.wrote && this.#expirySet)) this.moved = true;
      this.#adopt(before, done.content, done.snapshot);
    } catch (error) {
      // The caller is told here, once: what was refused must not be refused again when the response leaves.
      if (isSessionError(error, "ERR_SESSION_GONE")) this.#close(error.reason ?? "ended");
      throw error;
    }
  }

  #copy(content: Content, plain: string): Content {
    const { data, notes } = parsePayload(this.engine.options.codec, plain);
    return { ...content, data, notes };
  }

  /** Shows the outcome in the handler's own object, and keeps what was changed while the store was asked. */
  #adopt(before: string, stored: Content, snapshot: Snapshot): void {
    const { data, notes } = parsePayload(this.engine.options.codec, before);
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

/** Merges what a handler changed while its session was being stored. What is stored is stored: a rule that refuses loses here. */
function mergeLate(before: PlainObject, stored: PlainObject, now: PlainObject, rules: MergeRules): PlainObject {
  try {
    return mergeData(before, stored, deepCopy(now), rules).data;
  } catch {
    return mergeData(before, stored, deepCopy(now), { rules: {}, together: [] }).data;
  }
}
