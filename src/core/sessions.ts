import { type Content, CookieEngine, decodeRecord, type Engine } from "./engine.ts";
import { ask, attempt, loadRecord, outcomeUnknown } from "./store-call.ts";
import { attached } from "./carriers.ts";
import { createSession } from "./commit.ts";
import { isSessionError, SessionError } from "./errors.ts";
import { cookieMaxAge, isExpired } from "./expiry.ts";
import { refuseWithout, type SessionFormat, sojournFormat } from "./format.ts";
import { isLockHandle, newSessionId, newVersion } from "./id.ts";
import type { SessionHandle, SessionId } from "./id.ts";
import { type ResolvedOptions, resolveOptions, type SessionsOptions } from "./options.ts";
import { endSession } from "./outcome.ts";
import { InFlight, KeyedQueue } from "./queue.ts";
import type { SessionRecord } from "./record.ts";
import { credentialDigest, type Session } from "./session.ts";
import { cookieHeaderOf, idCookie, sealedCookies } from "./session-cookie.ts";
import { CookieRecord, type SentCookie } from "./stateless.ts";
import { isStateless, type SessionStore, type StatelessStore, type UserIndex } from "./store.ts";
import { StoreHealth } from "./store-health.ts";
import {
  type ClearOptions,
  isSweepable,
  resolvePace,
  sweep,
  SWEEP_DEFAULTS,
  type SweepReport,
  type SweepTask,
} from "./sweep.ts";
import { readSweepState, type SweepState, UNKNOWN_SWEEPS } from "./sweep-lease.ts";
import { NO_SWEEPING, resolveSweeping, Sweeper, type Sweeping, type SweepingOptions } from "./sweeper.ts";
import { checkUserId } from "./user-id.ts";
import { SessionWork } from "./work.ts";

/** A stored session, as scripts and lists see it. */
export interface FoundSession<T extends object = Record<string, unknown>> {
  readonly handle: SessionHandle;
  readonly data: T;
  readonly userId: string | null;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly version: string;
  /** The bytes of the stored text. */
  readonly bytes: number;
}

/** A stored session in a list; its data is null when it cannot be read. */
export type ListedSession<T extends object = Record<string, unknown>> = Omit<FoundSession<T>, "data"> & {
  readonly data: T | null;
};

/** What to create outside a request. */
export interface CreateOptions<T extends object> {
  readonly data?: T;
  /** Binds the session to a user, as a login does. */
  readonly userId?: string;
  /** See {@link LoginOptions.credential}. */
  readonly credential?: string;
}

/** A session that was created outside a request. */
export interface CreatedSession {
  /** The id, or null with a cookie store. */
  readonly id: SessionId | null;
  readonly handle: SessionHandle;
  /** What a client sends in its `Cookie` header: `name=value`. */
  readonly cookie: string;
  /** What a server sends: one `Set-Cookie` value for each cookie. */
  readonly setCookie: readonly string[];
}

/** What the middleware needs to know of a request to open its session. */
export interface OpenRequest {
  /** The id that the client sent, of the right shape, or null. */
  readonly id: SessionId | null;
  /** A cookie store's cookie. */
  readonly sealed?: SentCookie | undefined;
}

/** A request's session, and with a cookie store its cookie. */
export class OpenedSession {
  readonly work: SessionWork;
  readonly cookie: CookieRecord | undefined;

  constructor(work: SessionWork, cookie?: CookieRecord) {
    this.work = work;
    this.cookie = cookie;
  }
}

/** The way from the middleware into {@link Sessions}; not part of the public interface. */
export interface SessionsAccess {
  readonly options: ResolvedOptions;
  /** The names under which the cookie is read; it is written under the first. */
  readonly names: readonly string[];
  readonly format: SessionFormat;
  readonly stateless: boolean;
  open(request: OpenRequest): OpenedSession;
  sweep(task: SweepTask): Promise<SweepReport>;
}

/** Not part of the public interface. */
export let accessOf: (sessions: Sessions<never>) => SessionsAccess;

/** The sessions of one application: made by `createSessions`, handed to an adapter, asked for a request's session. */
export class Sessions<T extends object = Record<string, unknown>> {
  /** The options with their defaults, frozen. */
  readonly options: ResolvedOptions;
  readonly store: SessionStore | StatelessStore;
  readonly #queue = new KeyedQueue();
  readonly #inFlight = new InFlight();
  readonly #health: StoreHealth;
  readonly #format: SessionFormat;
  #access: SessionsAccess | undefined;
  #shared: Engine | undefined;
  #shares: Omit<Engine, "store"> | undefined;
  readonly #closing = new AbortController();
  #closed: Promise<void> | undefined;
  #sweeper: Sweeper | undefined;

  static {
    accessOf = (sessions) =>
      (sessions.#access ??= {
        options: sessions.options,
        names: [sessions.options.cookieName, ...sessions.options.readAlso],
        format: sessions.#format,
        stateless: isStateless(sessions.store),
        open: (request) => sessions.#open(request),
        sweep: (task) => sessions.#sweep(task),
      });
  }

  /**
   * @param format not part of the public interface
   * @throws {SessionError} ERR_SESSION_CONFIG
   */
  constructor(
    options: SessionsOptions<T> & { readonly store: SessionStore | StatelessStore },
    format: SessionFormat = sojournFormat,
  ) {
    this.#format = format;
    this.options = resolveOptions(options, options.store);
    this.store = options.store;
    this.#health = new StoreHealth(this.store.name, this.options);
  }

  /**
   * The session of a request (or of the framework's context): unloaded, at no cost.
   *
   * @throws {SessionError} ERR_SESSION_NOT_ATTACHED where no middleware ran
   */
  of(request: object): Session<T> {
    const session = attached(request, this);
    if (session === undefined) throw new SessionError("ERR_SESSION_NOT_ATTACHED");
    return session as unknown as Session<T>;
  }

  /** Creates a session outside a request: for a job, a script, or a test's login. */
  async create({ data, userId, credential }: CreateOptions<T> = {}): Promise<CreatedSession> {
    if (userId !== undefined) {
      refuseWithout(this.#format, "login");
      checkUserId(userId);
    }
    const store: SessionStore = isStateless(this.store)
      ? new CookieRecord(this.store, this.options.cookieName, undefined)
      : this.store;
    const engine = this.#engineOver(store);
    const content: Content = {
      data: { ...data },
      notes: credential === undefined || userId === undefined ? {} : { credential: credentialDigest(userId, credential) },
      userId: userId ?? null,
      epoch: userId === undefined ? 0 : await epochOf(engine, userId),
    };
    const { id, snapshot } = await this.#inFlight.run(() => createSession(engine, { content, proven: true }));
    const state = { expiry: undefined, createdAt: snapshot.record.createdAt, proven: true };
    const maxAge = cookieMaxAge(state, this.options.clock.now(), this.options);
    const none = { values: [], chunkNames: [], incomplete: false };
    const setCookie =
      store instanceof CookieRecord
        ? sealedCookies(this.options, store.seal() ?? "", maxAge, none)
        : [idCookie(this.options, id, maxAge)];
    const { handle } = snapshot.record;
    return { id: isStateless(this.store) ? null : id, handle, cookie: cookieHeaderOf(setCookie), setCookie };
  }

  /**
   * Opens a stored session and decodes it.
   *
   * @returns null when there is none, or when it is expired, ended or revoked
   * @throws {SessionError} ERR_SESSION_UNREADABLE, ERR_SESSION_USAGE for text that is neither an id nor a handle
   */
  async find(idOrHandle: string): Promise<FoundSession<T> | null> {
    const engine = this.#engine("find");
    const handle = this.#handleOf(idOrHandle);
    const found = await this.#inFlight.run(() => loadRecord(engine, handle, true));
    if (found.status !== "live" || !this.#isLive(found.record, found.userEpoch ?? 0)) return null;
    const { content } = await decodeRecord(engine, found.record);
    return { ...describe(found.record), data: content.data as T };
  }

  /** Every live session, in the order of the handles. */
  async *list(
    options: { readonly after?: SessionHandle; readonly batch?: number } = {},
  ): AsyncGenerator<ListedSession<T>, void> {
    const { batch = 100 } = options;
    const engine = this.#engine("list sessions");
    const { store } = engine;
    const { list } = store;
    if (list === undefined) throw unsupported(store, "list sessions");
    let from = options.after;
    for (;;) {
      const after = from;
      const page = await ask(engine, (call) =>
        list.call(store, { limit: batch, ...(after === undefined ? {} : { after }) }, call),
      );
      for (const record of page) if (this.#isLive(record, 0)) yield this.#listed(record);
      from = page.at(-1)?.handle;
      if (page.length < batch || from === undefined) return;
    }
  }

  /** The live sessions of a user, newest first. */
  async ofUser(userId: string): Promise<ListedSession<T>[]> {
    const users = this.#users("list a user's sessions");
    const engine = this.#engine("list a user's sessions");
    checkUserId(userId);
    // Each in a promise of its own: where one is refused at once, the other's failure must still be somebody's.
    const [epoch, records] = await Promise.all([
      (async () => ask(engine, (call) => users.epoch(userId, call)))(),
      (async () => ask(engine, (call) => users.sessionsOf(userId, call)))(),
    ]);
    const live = records.filter((record) => this.#isLive(record, epoch)).sort((a, b) => b.createdAt - a.createdAt);
    return Promise.all(live.map((record) => this.#listed(record)));
  }

  /** Ends a session, for good, and gives whether there was one to end. */
  async revoke(idOrHandle: string): Promise<boolean> {
    const engine = this.#engine("revoke");
    const handle = this.#handleOf(idOrHandle);
    return this.#inFlight.run(() => endSession(engine, handle));
  }

  /**
   * Ends every session of a user, logins that are on their way included.
   *
   * @param options.except the id or handle of a session to keep: the one of the user who asks
   * @returns how many were ended
   */
  async revokeUser(userId: string, options: { readonly except?: string | null } = {}): Promise<number> {
    const users = this.#users("revoke a user");
    const engine = this.#engine("revoke a user");
    checkUserId(userId);
    const kept = options.except === undefined || options.except === null ? undefined : this.#handleOf(options.except);
    return this.#inFlight.run(async () => {
      const epoch = Math.max((await epochOf(engine, userId)) + 1, Math.ceil(this.options.clock.now()));
      // The kept session gets the new epoch before it counts, so that its requests never find it revoked.
      if (kept !== undefined) await this.#renewEpoch(engine, kept, userId, epoch);
      await attempt(engine, (call) => users.advanceEpoch(userId, epoch, call));
      try {
        return await endAll(engine, users, userId, kept);
      } catch (error) {
        // The user is revoked already; only the tidying up is not done.
        throw outcomeUnknown(error);
      }
    });
  }

  /**
   * Removes what has expired, batch by batch, and gives the number removed. Safe to run from many machines, and to stop: the next run
   * goes on.
   *
   * @throws {SessionError} ERR_SESSION_UNSUPPORTED where the engine removes what has expired by itself
   */
  async clearExpired({ batch, duty, lease = false, onProgress, signal }: ClearOptions = {}): Promise<number> {
    const { removed } = await this.#sweep({
      ...resolvePace({ batch, duty }),
      lease: lease ? { leaseMs: SWEEP_DEFAULTS.leaseSeconds * 1000, freshMs: 0 } : undefined,
      signal: signal ?? this.#closing.signal,
      background: false,
      onBatch: (progress) => onProgress?.(progress.removed),
    });
    return removed;
  }

  /**
   * Sweeps in the background from now on: from time to time, on one machine of many at a time, with rests. For servers that run for
   * long; `close` stops it. Where the engine removes what has expired by itself, and with a cookie store, there is nothing to do, and
   * it is not active.
   *
   * @throws {SessionError} ERR_SESSION_USAGE for options that cannot work, and when it sweeps already or is closed
   */
  startSweeping(options: SweepingOptions = {}): Sweeping {
    const resolved = resolveSweeping(options);
    if (this.#closed !== undefined) throw new SessionError("ERR_SESSION_USAGE", "The sessions were closed");
    if (this.#sweeper?.stopped === false) throw new SessionError("ERR_SESSION_USAGE", "It sweeps already");
    if (isStateless(this.store) || !isSweepable(this.store)) return NO_SWEEPING;
    this.#sweeper = new Sweeper(this.#engineOver(this.store), resolved, (task) => this.#sweep(task));
    return this.#sweeper;
  }

  /**
   * When the last complete sweep was, as the store has it noted: for the metric that tells when nobody sweeps any more.
   *
   * @throws {SessionError} ERR_SESSION_STORE
   */
  async sweepState(): Promise<SweepState> {
    if (isStateless(this.store)) return UNKNOWN_SWEEPS;
    const engine = this.#engineOver(this.store);
    return this.#inFlight.run(() => readSweepState(engine));
  }

  /** Stops sweeping and waits for what is under way, then closes the store. Later calls give the same promise. */
  close(): Promise<void> {
    this.#closing.abort();
    this.#closed ??= Promise.all([this.#sweeper?.stop(), this.#inFlight.idle()]).then(async () => {
      await this.#queue.drain();
      if (!isStateless(this.store)) await this.store.close?.();
    });
    return this.#closed;
  }

  /** A sweep counts as under way from its beginning to its end, and ends early when the sessions are closed. */
  #sweep(task: SweepTask): Promise<SweepReport> {
    const engine = this.#engine("clear expired sessions");
    const signal = AbortSignal.any([task.signal, this.#closing.signal]);
    return this.#inFlight.run(() => sweep(engine, { ...task, signal }));
  }

  #open({ id, sealed }: OpenRequest): OpenedSession {
    const { store } = this;
    if (!isStateless(store)) {
      this.#shared ??= this.#engineOver(store);
      return new OpenedSession(new SessionWork(this.#shared, id));
    }
    const cookie = new CookieRecord(store, this.options.cookieName, sealed);
    // The id stays inside: it only says that there is something to open.
    const work = new SessionWork(new CookieEngine(cookie, this.#parts), sealed === undefined ? null : newSessionId());
    cookie.writableWhile(() => !work.headersSent);
    return new OpenedSession(work, cookie);
  }

  get #parts(): Omit<Engine, "store"> {
    return (this.#shares ??= {
      options: this.options,
      format: this.#format,
      queue: this.#queue,
      inFlight: this.#inFlight,
    });
  }

  #engineOver(store: SessionStore): Engine {
    return { store, ...this.#parts, health: store instanceof CookieRecord ? undefined : this.#health };
  }

  #engine(task: string): Engine {
    if (isStateless(this.store)) throw unsupported(this.store, task);
    return this.#engineOver(this.store);
  }

  #users(task: string): UserIndex {
    const { store } = this.#engine(task);
    if (store.users === undefined) throw unsupported(store, task);
    return store.users;
  }

  #handleOf(idOrHandle: string): SessionHandle {
    const format = this.#format;
    if (format.isId(idOrHandle)) return format.handleOf(idOrHandle);
    if (format.isHandle(idOrHandle)) return idOrHandle;
    throw new SessionError("ERR_SESSION_USAGE", "That is neither a session's id nor its handle");
  }

  #isLive(record: SessionRecord, epoch: number): boolean {
    const revoked = record.userId !== null && record.epoch < epoch;
    return !revoked && !isLockHandle(record.handle) && !isExpired(record, this.options.clock.now(), this.options);
  }

  async #listed(record: SessionRecord): Promise<ListedSession<T>> {
    const engine = this.#engine("list sessions");
    try {
      const { content } = await decodeRecord(engine, record);
      return { ...describe(record), data: content.data as T };
    } catch (error) {
      if (!isSessionError(error, "ERR_SESSION_UNREADABLE")) throw error;
      return { ...describe(record), data: null };
    }
  }

  async #renewEpoch(engine: Engine, handle: SessionHandle, userId: string, epoch: number): Promise<void> {
    for (;;) {
      const found = await loadRecord(engine, handle, true);
      if (found.status !== "live" || found.record.userId !== userId) return;
      const { record } = found;
      const renewed = { ...record, epoch: Math.max(record.epoch, epoch), version: newVersion() };
      const { outcome } = await attempt(engine, (call) => engine.store.save(renewed, record.version, call));
      if (outcome.status !== "conflict" || outcome.record.version === renewed.version) return;
    }
  }
}

function describe(record: SessionRecord): Omit<FoundSession<never>, "data"> {
  return {
    handle: record.handle,
    userId: record.userId,
    createdAt: new Date(record.createdAt),
    expiresAt: new Date(record.expiresAt),
    version: record.version,
    bytes: Buffer.byteLength(record.data),
  };
}

function unsupported(store: SessionStore | StatelessStore, task: string): SessionError {
  return new SessionError("ERR_SESSION_UNSUPPORTED", `The store \`${store.name}\` cannot ${task}`);
}

async function epochOf(engine: Engine, userId: string): Promise<number> {
  const { users } = engine.store;
  return users === undefined ? 0 : ask(engine, (call) => users.epoch(userId, call));
}

/** Ends what is listed of a user; what cannot be ended does not keep the others. */
async function endAll(engine: Engine, users: UserIndex, userId: string, kept: SessionHandle | undefined): Promise<number> {
  let ended = 0;
  const failures: unknown[] = [];
  for (const { handle } of await ask(engine, (call) => users.sessionsOf(userId, call))) {
    if (handle === kept) continue;
    try {
      if (await endSession(engine, handle)) ended++;
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
  return ended;
}
