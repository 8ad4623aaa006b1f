import { createHash, timingSafeEqual } from "node:crypto";
import { SessionError } from "./errors.ts";
import { deadlineAt, endsWithBrowser } from "./expiry.ts";
import { Flash } from "./flash.ts";
import { refuseWithout } from "./format.ts";
import type { SessionHandle, SessionId } from "./id.ts";
import { type LockOptions, SessionLock } from "./lock.ts";
import { POLICIES, printable } from "./options.ts";
import { isThenable, type PlainObject, setOwn } from "./plain.ts";
import { ask } from "./store-call.ts";
import { checkUserId } from "./user-id.ts";
import type { Policy } from "./work-policy.ts";
import type { SessionWork } from "./work.ts";

/** What comes with a login. */
export interface LoginOptions<T extends object = Record<string, unknown>> {
  /** The keys of the anonymous session that the logged-in session keeps. Default all. */
  readonly keep?: readonly (keyof T & string)[];
  /**
   * Something that changes when the user's credential changes, for instance the password's hash. Its digest is kept in the
   * session; {@link Session.matchesCredential} compares it later, so that a new password ends the old logins.
   */
  readonly credential?: string;
}

/** Where a session comes from: what a request brought, which nobody looks at before the session is asked for. */
export interface SessionSource {
  readonly stateless: boolean;
  readonly prefetch: boolean;
  open(): SessionWork;
  /** Called once, right after `open`. */
  opened(work: SessionWork): void;
}

/** Not part of the public interface: opens the session's work. */
export let workOf: (session: Session<never>) => SessionWork;
/** Not part of the public interface: the session's messages if anybody asked for them. */
export let openedFlashOf: (session: Session<never>) => Flash | undefined;
/** Not part of the public interface: the session's work if it was opened. */
export let openedWorkOf: (session: Session<never>) => SessionWork | undefined;
/** Not part of the public interface. */
export let sourceOf: (session: Session<never>) => SessionSource;

/**
 * One visitor's session, as one request sees it. It costs nothing until it is asked for: no read, no write, no cookie.
 *
 * `T` is the shape of the data. Every method that writes throws `ERR_SESSION_GONE` when the session was ended meanwhile.
 */
export class Session<T extends object = Record<string, unknown>> {
  readonly #source: SessionSource;
  #opened: SessionWork | undefined;
  #flash: Flash | undefined;
  #locked = false;

  static {
    workOf = (session) => session.#work;
    openedWorkOf = (session) => session.#opened;
    openedFlashOf = (session) => session.#flash;
    sourceOf = (session) => session.#source;
  }

  /** @internal */
  constructor(source: SessionSource) {
    this.#source = source;
  }

  /** Opened when it is first asked for: most requests never do. */
  get #work(): SessionWork {
    if (this.#opened === undefined) {
      this.#opened = this.#source.open();
      this.#source.opened(this.#opened);
    }
    return this.#opened;
  }

  get #hidden(): boolean {
    return this.#source.stateless;
  }

  /** Messages for the next page. */
  get flash(): Flash {
    return (this.#flash ??= new Flash(this.#work, this.#source.prefetch));
  }

  /** The id that the cookie holds, or null before the session is stored, and with a cookie store. Never log it. */
  get id(): SessionId | null {
    return this.#hidden ? null : this.#work.id;
  }

  /** The id's hash, which names the session in stores and lists, or null before the session is stored. Safe to show to its user. */
  get handle(): SessionHandle | null {
    return this.#hidden && this.#work.snapshot === null ? null : this.#work.handle;
  }

  /**
   * Reads the session, once per request, and gives its data: an object to read and change; changes at any depth are stored with the
   * response.
   *
   * @param options.fresh read it again; what this request has changed is merged onto what is stored now
   * @throws {SessionError} ERR_SESSION_STORE when the store failed, ERR_SESSION_UNREADABLE where the policy says so
   */
  async load(options: { readonly fresh?: boolean } = {}): Promise<T> {
    const work = this.#work;
    await work.serial(() => work.load(options.fresh));
    return work.data as T;
  }

  /**
   * The data that `load` gave: the same object.
   *
   * @throws {SessionError} ERR_SESSION_NOT_LOADED before `load` was awaited
   */
  get data(): T {
    this.#work.requireLoaded();
    return this.#work.data as T;
  }

  /**
   * Changes the session atomically: reads it, applies `change`, stores it, and does so again on the fresh data if another request
   * got there first. What is pending on the loaded data is stored along. When it resolves, it is stored.
   *
   * @param change synchronous; may run several times; its value is returned
   * @throws {SessionError} ERR_SESSION_CONTENTION after `contentionSeconds`, ERR_SESSION_HEADERS_SENT for a new session whose
   *   cookie cannot be set any more
   */
  async update<R>(change: (data: T) => R): Promise<R> {
    const work = this.#work;
    let result: R | undefined;
    await work.serial(() =>
      work.update((content) => {
        const value = change(content.data as T);
        if (isThenable(value)) {
          // It is refused here; what becomes of it is nobody's concern any more.
          Promise.resolve(value).catch(() => undefined);
          throw new SessionError("ERR_SESSION_USAGE", "The function given to `update` must be synchronous");
        }
        result = value;
        return content;
      }),
    );
    // A resolved update has run the change at least once.
    return result as R;
  }

  /** Stores the session now. A new one is stored even when it is empty. When it resolves, it is stored. */
  async save(): Promise<void> {
    const work = this.#work;
    await work.serial(async () => {
      await work.load();
      await work.save({ force: work.status === "new" });
    });
  }

  /** Empties the session and keeps its id; keys that other requests add meanwhile go too. Stored with the response. */
  async clear(): Promise<void> {
    await this.#edit(() => this.#work.clear());
  }

  /** Ends the session now: its data and its id are forgotten, whatever becomes of the response. What is set later is a new session. */
  async flush(): Promise<void> {
    const work = this.#work;
    await work.serial(() => work.flush());
  }

  /** Gives the session a new id when it is stored, with the same data; the old id is ended. */
  async cycleId(): Promise<void> {
    this.#work.requireHeaders();
    await this.#edit(() => this.#work.cycle());
  }

  /**
   * Binds the session to a user and gives it a new id; over another user's session, or one with another credential, it flushes
   * first. Takes effect when the session is stored.
   *
   * @param userId 1 to 255 characters
   */
  async login(userId: string, options: LoginOptions<T> = {}): Promise<void> {
    const work = this.#work;
    refuseWithout(work.engine.format, "login");
    checkUserId(userId);
    const credential = options.credential === undefined ? undefined : credentialDigest(userId, options.credential);
    await work.serial(async () => {
      work.requireHeaders();
      const { users } = work.engine.store;
      // Asked together with the session: a revocation from here on meets this login.
      // Each in a promise of its own: where one is refused at once, the other's failure must still be somebody's.
      const epochNow = async (): Promise<number> =>
        users === undefined ? 0 : ask(work.engine, (call) => users.epoch(userId, call));
      const [epoch] = await Promise.all([epochNow(), (async () => work.load())()]);
      // Who logs in again after the session was ended elsewhere starts anew; after a rotation another request did so already.
      if (work.goneReason === "ended") await work.flush();
      if (work.status !== "new" && work.status !== "live") throw work.refusal();
      const other = work.userId !== null && work.userId !== userId;
      const changed =
        credential !== undefined && work.notes.credential !== undefined && work.notes.credential !== credential;
      if (other || (work.userId !== null && changed)) await work.flush();
      if (credential !== undefined) work.setNotes({ credential });
      work.bind(userId, epoch, options.keep);
    });
  }

  /**
   * Notes that the user has a new credential, for instance after a change of password in this very session, which goes on under a
   * new id; sessions with the old credential can be told by {@link Session.matchesCredential}. Takes effect when the session is
   * stored. Django's `update_session_auth_hash`.
   *
   * @throws {SessionError} ERR_SESSION_USAGE without a user
   */
  async renewCredential(credential: string): Promise<void> {
    const work = this.#work;
    refuseWithout(work.engine.format, "login");
    work.requireHeaders();
    await this.#edit(() => {
      if (work.userId === null)
        throw new SessionError("ERR_SESSION_USAGE", "Nobody is logged in whose credential could change");
      work.setNotes({ credential: credentialDigest(work.userId, credential) });
      work.cycle();
    });
  }

  /** Ends the session now, as {@link Session.flush}: data, id and user are forgotten. */
  async logout(): Promise<void> {
    await this.flush();
  }

  /**
   * The user bound by {@link Session.login}, or null.
   *
   * @throws {SessionError} ERR_SESSION_NOT_LOADED before `load` was awaited
   */
  get userId(): string | null {
    this.#work.requireLoaded();
    return this.#work.userId;
  }

  /** True when the session's login was made with this credential; compared in constant time. False without a user. */
  matchesCredential(credential: string): boolean {
    const { userId, notes } = this.#loaded();
    if (userId === null || notes.credential === undefined) return false;
    const [ours, theirs] = [Buffer.from(credentialDigest(userId, credential)), Buffer.from(notes.credential)];
    return ours.length === theirs.length && timingSafeEqual(ours, theirs);
  }

  /**
   * Runs `work` while no other request holds this session's lock, on freshly read data, and stores what it changed: for side effects
   * that cannot be repeated, such as a payment. A holder whose time ran out cannot store anything any more.
   *
   * @throws {SessionError} ERR_SESSION_LOCKED when the lock is not free in time, ERR_SESSION_LOCK_LOST when `work` took too long,
   *   ERR_SESSION_UNSUPPORTED with a cookie store
   */
  async exclusive<R>(action: (data: T) => R | Promise<R>, options: LockOptions = {}): Promise<R> {
    if (this.#hidden) throw new SessionError("ERR_SESSION_UNSUPPORTED", "A cookie store has no locks");
    refuseWithout(this.#work.engine.format, "exclusive");
    const { name, reach, compareAndSwap } = this.#work.engine.store;
    // A lock that two processes can hold at once is none.
    if (compareAndSwap === false && reach !== "process") {
      throw new SessionError(
        "ERR_SESSION_UNSUPPORTED",
        `The store \`${name}\` cannot compare and write in one step, so it has no locks`,
      );
    }
    if (this.#locked) throw new SessionError("ERR_SESSION_USAGE", "This request is in `exclusive` already");
    this.#locked = true;
    try {
      return await this.#work.engine.inFlight.run(() => this.#runLocked(action, options));
    } finally {
      this.#locked = false;
    }
  }

  async #runLocked<R>(action: (data: T) => R | Promise<R>, options: LockOptions): Promise<R> {
    const work = this.#work;
    await work.serial(() => work.load());
    // Nobody else can hold a session that has no id yet.
    if (work.status === "new") return this.#runAndSave(action);
    if (work.status !== "live") throw work.refusal();
    const lock = await work.writing(() => SessionLock.acquire(work.engine, work.heldHandle(), options));
    try {
      await work.serial(() => work.load(true));
      if (work.status !== "live") throw work.refusal();
      work.guard = (conflicted) => lock.check(conflicted);
      // A new version is the fence: an earlier holder that is still at work now meets a conflict and finds its lock gone.
      if (lock.takenOver) await work.serial(() => work.save({ force: true }));
      return await this.#runAndSave(action);
    } finally {
      work.guard = undefined;
      await lock.release();
    }
  }

  /**
   * The expiry of this session alone: seconds without a visit; 0 until the browser closes; a date; null for the default.
   *
   * @throws {SessionError} ERR_SESSION_USAGE for anything else, and for more than `absoluteSeconds`
   */
  setExpiry(expiry: number | Date | null): void {
    const { engine } = this.#loaded();
    const { absoluteSeconds, clock } = engine.options;
    const seconds = expiry instanceof Date ? (expiry.getTime() - clock.now()) / 1000 : (expiry ?? 0);
    if (typeof seconds !== "number" || !Number.isFinite(seconds)) {
      throw new SessionError("ERR_SESSION_USAGE", "`setExpiry` takes a number of seconds, a date or null");
    }
    if (seconds > absoluteSeconds) {
      throw new SessionError("ERR_SESSION_USAGE", "`setExpiry` goes beyond `absoluteSeconds`, which no session outlives");
    }
    this.#work.setNotes({ expiry: expiry instanceof Date ? { at: expiry.getTime() } : (expiry ?? undefined) });
  }

  /** Seconds until the session expires if it is stored now. */
  get expiryAge(): number {
    return Math.floor((this.expiryDate.getTime() - this.#work.engine.options.clock.now()) / 1000);
  }

  /** When the session expires if it is stored now. */
  get expiryDate(): Date {
    const { engine, notes, snapshot } = this.#loaded();
    const now = engine.options.clock.now();
    const state = { expiry: notes.expiry, createdAt: snapshot?.record.createdAt ?? now, proven: true };
    return new Date(deadlineAt(state, now, engine.options));
  }

  /** True when the cookie ends with the browser. */
  get expireAtBrowserClose(): boolean {
    const { engine, notes } = this.#loaded();
    return endsWithBrowser(notes.expiry, engine.options);
  }

  /** True once the session was read, or asked in any way that depends on who the visitor is. */
  get accessed(): boolean {
    return this.#opened?.accessed ?? false;
  }

  /** True when what would be stored differs from what is. */
  get modified(): boolean {
    return this.#opened?.isModified() ?? false;
  }

  /** True when there is neither an id nor data. Never reads the store. */
  get isEmpty(): boolean {
    return this.#work.isEmpty;
  }

  /** True when nothing is stored for this visitor yet. */
  get isNew(): boolean {
    return this.#loaded().snapshot === null;
  }

  /**
   * Decides for this request what otherwise the options decide.
   *
   * @throws {SessionError} ERR_SESSION_USAGE for what cannot be chosen
   */
  policy(policy: Partial<Policy>): void {
    for (const name of Object.keys(policy)) {
      const choices = POLICIES.find(([known]) => known === name)?.[1];
      if (choices === undefined) throw new SessionError("ERR_SESSION_USAGE", `A policy has no \`${printable(name)}\``);
      const chosen = policy[name as keyof Policy];
      if (chosen === undefined || !choices.includes(chosen)) {
        throw new SessionError("ERR_SESSION_USAGE", `\`${name}\` must be one of ${choices.join(", ")}`);
      }
    }
    this.#work.policy = { ...this.#work.policy, ...policy };
  }

  /** The value of a key, or undefined. */
  get<K extends keyof T & string>(key: K): T[K] | undefined {
    return this.has(key) ? this.data[key] : undefined;
  }

  set<K extends keyof T & string>(key: K, value: T[K]): void {
    setOwn(this.data as PlainObject, key, value);
  }

  has(key: keyof T & string): boolean {
    return Object.hasOwn(this.data, key);
  }

  /** Removes a key and gives whether it was there. */
  delete(key: keyof T & string): boolean {
    const found = this.has(key);
    delete (this.data as PlainObject)[key];
    return found;
  }

  /** Removes a key and gives its value, or `fallback` when it was not there. */
  pop<K extends keyof T & string>(key: K, fallback?: T[K]): T[K] | undefined {
    const value = this.has(key) ? this.data[key] : fallback;
    this.delete(key);
    return value;
  }

  /** The value of a key, which is first set to `value` when it is not there. */
  setDefault<K extends keyof T & string>(key: K, value: T[K]): T[K] {
    if (!this.has(key)) this.set(key, value);
    return this.data[key];
  }

  keys(): (keyof T & string)[] {
    return Object.keys(this.data) as (keyof T & string)[];
  }

  values(): T[keyof T & string][] {
    return Object.values(this.data) as T[keyof T & string][];
  }

  entries(): [keyof T & string, T[keyof T & string]][] {
    return Object.entries(this.data) as [keyof T & string, T[keyof T & string]][];
  }

  /** Sets the test cookie, to see on the next request whether the browser keeps cookies. */
  async setTestCookie(): Promise<void> {
    await this.#edit(() => this.#work.setNotes({ testCookie: true }));
  }

  /** True when the test cookie came back. */
  async testCookieWorked(): Promise<boolean> {
    const { work } = await this.#edit(() => undefined);
    return work.notes.testCookie === true;
  }

  async deleteTestCookie(): Promise<void> {
    await this.#edit(() => this.#work.setNotes({ testCookie: undefined }));
  }

  /** Says what the session is, and nothing of what is in it. */
  toJSON(): { readonly session: string } {
    return { session: this.#opened?.status ?? "unloaded" };
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return `Session { ${this.#opened?.status ?? "unloaded"} }`;
  }

  #loaded(): SessionWork {
    this.#work.requireLoaded();
    return this.#work;
  }

  async #edit(change: () => void): Promise<{ readonly work: SessionWork }> {
    const work = this.#work;
    await work.serial(async () => {
      await work.load();
      change();
    });
    return { work };
  }

  async #runAndSave<R>(action: (data: T) => R | Promise<R>): Promise<R> {
    const work = this.#work;
    const goBack = work.remember();
    let result: R;
    try {
      result = await action(work.data as T);
    } catch (error) {
      goBack();
      throw error;
    }
    try {
      await work.guard?.(false);
      await work.serial(() => work.save());
    } catch (error) {
      // What was made under a lock that is lost must not leave with the response either.
      work.revert();
      throw error;
    }
    return result;
  }
}

/** What a session keeps of a credential: a digest that only this user's same credential gives. */
export function credentialDigest(userId: string, credential: string): string {
  const hash = createHash("sha256").update("sojourn credential 1:").update(`${userId.length}:${userId}:`).update(credential);
  return hash.digest("base64url");
}
