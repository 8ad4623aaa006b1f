import { type Content, contentOf, decodeRecord, type Engine } from "./engine.ts";
import { ask, attempt, loadRecord, outcomeUnknown } from "./store-call.ts";
import { createSession } from "./commit.ts";
import { isSessionError, SessionError } from "./errors.ts";
import { publish } from "./events.ts";
import { cookieMaxAge, isExpired } from "./expiry.ts";
import { handleOf, isLockHandle, isSessionHandle, isSessionId, newSessionId, newVersion } from "./id.ts";
import type { SessionHandle, SessionId } from "./id.ts";
import { type ResolvedOptions, resolveOptions, type SessionsOptions } from "./options.ts";
import { endSession } from "./outcome.ts";
import { InFlight, KeyedQueue } from "./queue.ts";
import type { SessionRecord } from "./record.ts";
import { credentialDigest, Session } from "./session.ts";
import { cookieHeaderOf, idCookie, sealedCookies } from "./session-cookie.ts";
import { CookieRecord, type SentCookie } from "./stateless.ts";
import { isStateless, type SessionStore, type StatelessStore, type UserIndex } from "./store.ts";
import { StoreHealth } from "./store-health.ts";
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

/** How to sweep. */
export interface ClearOptions {
  /** Records to a batch. Default 1000. */
  readonly batch?: number;
  /** Called after each batch with the number removed so far. */
  readonly onProgress?: (removed: number) => void;
  /** Stops between two batches. */
  readonly signal?: AbortSignal;
}

/** What the middleware needs to know of a request to open its session. */
export interface OpenRequest {
  /** The id that the client sent, of the right shape, or null. */
  readonly id: SessionId | null;
  /** A cookie store's cookie. */
  readonly sealed?: SentCookie | undefined;
  readonly prefetch: boolean;
}

/** The way from the middleware into {@link Sessions}; not part of the public interface. */
export interface SessionsAccess {
  readonly options: ResolvedOptions;
  readonly stateless: boolean;
  open(request: OpenRequest): { session: Session<never>; sealed: (() => string | null) | undefined };
  attach(carrier: object, session: Session<never>): void;
  attached(carrier: object): Session<never> | undefined;
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
  readonly #carriers = new WeakMap<object, Session<T>>();
  #closed: Promise<void> | undefined;

  static {
    accessOf = (sessions) => ({
      options: sessions.options,
      stateless: isStateless(sessions.store),
      open: (request) => sessions.#open(request),
      attach: (carrier, session) => void sessions.#carriers.set(carrier, session),
      attached: (carrier) => sessions.#carriers.get(carrier),
    });
  }

  /** @throws {SessionError} ERR_SESSION_CONFIG */
  constructor(options: SessionsOptions<T> & { readonly store: SessionStore | StatelessStore }) {
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
    const session = this.#carriers.get(request);
    if (session === undefined) throw new SessionError("ERR_SESSION_NOT_ATTACHED");
    return session;
  }

  /** Creates a session outside a request: for a job, a script, or a test's login. */
  async create({ data, userId, credential }: CreateOptions<T> = {}): Promise<CreatedSession> {
    if (userId !== undefined) checkUserId(userId);
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
    const handle = toHandle(idOrHandle);
    const found = await this.#inFlight.run(() => loadRecord(engine, handle));
    if (found.status !== "live" || !this.#isLive(found.record, found.userEpoch ?? 0)) return null;
    const { data } = contentOf(engine, await decodeRecord(engine, found.record));
    return { ...describe(found.record), data: data as T };
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
      const page = await ask(engine, () => list.call(store, { limit: batch, ...(after === undefined ? {} : { after }) }));
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
    const [epoch, records] = await Promise.all([
      ask(engine, () => users.epoch(userId)),
      ask(engine, () => users.sessionsOf(userId)),
    ]);
    const live = records.filter((record) => this.#isLive(record, epoch)).sort((a, b) => b.createdAt - a.createdAt);
    return Promise.all(live.map((record) => this.#listed(record)));
  }

  /** Ends a session, for good, and gives whether there was one to end. */
  async revoke(idOrHandle: string): Promise<boolean> {
    const engine = this.#engine("revoke");
    const handle = toHandle(idOrHandle);
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
    const kept = options.except === undefined || options.except === null ? undefined : toHandle(options.except);
    return this.#inFlight.run(async () => {
      const epoch = Math.max((await epochOf(engine, userId)) + 1, Math.ceil(this.options.clock.now()));
      // The kept session gets the new epoch before it counts, so that its requests never find it revoked.
      if (kept !== undefined) await this.#renewEpoch(engine, kept, userId, epoch);
      await attempt(engine, () => users.advanceEpoch(userId, epoch));
      try {
        return await endAll(engine, users, userId, kept);
      } catch (error) {
        // The user is revoked already; only the tidying up is not done.
        throw outcomeUnknown(error);
      }
    });
  }

  /** Removes what has expired, batch by batch; safe to run from many machines. Gives the number removed. */
  async clearExpired({ batch = 1000, onProgress, signal }: ClearOptions = {}): Promise<number> {
    const engine = this.#engine("clear expired sessions");
    const { store } = engine;
    const { clearExpired: clear } = store;
    if (clear === undefined) throw unsupported(store, "clear expired sessions");
    const before = this.options.clock.now() - this.options.clockSkewSeconds * 1000;
    if (!Number.isInteger(batch) || batch < 1)
      throw new SessionError("ERR_SESSION_USAGE", "`batch` is a whole number of at least 1");
    let removed = 0;
    while (signal?.aborted !== true) {
      const count = await this.#inFlight.run(() => ask(engine, () => clear.call(store, { before, limit: batch })));
      removed += count;
      onProgress?.(removed);
      if (count < batch) break;
      // A store that answers at once must not keep the process from everything else.
      await new Promise((resolve) => setImmediate(resolve));
    }
    publish("swept", { store: store.name, count: removed });
    return removed;
  }

  /** Waits for what is under way, then closes the store. Later calls give the same promise. */
  close(): Promise<void> {
    this.#closed ??= this.#inFlight.idle().then(async () => {
      await this.#queue.drain();
      if (!isStateless(this.store)) await this.store.close?.();
    });
    return this.#closed;
  }

  #open({ id, sealed, prefetch }: OpenRequest): ReturnType<SessionsAccess["open"]> {
    const { store } = this;
    if (!isStateless(store)) {
      const work = new SessionWork(this.#engineOver(store), id);
      return { session: new Session<never>(work, { prefetch }), sealed: undefined };
    }
    const cookie = new CookieRecord(store, this.options.cookieName, sealed);
    // The id stays inside: it only says that there is something to open.
    const work = new SessionWork(this.#engineOver(cookie), sealed === undefined ? null : newSessionId());
    cookie.writableWhile(() => !work.headersSent);
    const session = new Session<never>(work, { prefetch, stateless: true });
    return { session, sealed: () => cookie.seal() };
  }

  #engineOver(store: SessionStore): Engine {
    const health = store instanceof CookieRecord ? undefined : this.#health;
    return { store, options: this.options, queue: this.#queue, inFlight: this.#inFlight, health };
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

  #isLive(record: SessionRecord, epoch: number): boolean {
    const revoked = record.userId !== null && record.epoch < epoch;
    return !revoked && !isLockHandle(record.handle) && !isExpired(record, this.options.clock.now(), this.options);
  }

  async #listed(record: SessionRecord): Promise<ListedSession<T>> {
    const engine = this.#engine("list sessions");
    try {
      const { data } = contentOf(engine, await decodeRecord(engine, record));
      return { ...describe(record), data: data as T };
    } catch (error) {
      if (!isSessionError(error, "ERR_SESSION_UNREADABLE")) throw error;
      return { ...describe(record), data: null };
    }
  }

  async #renewEpoch(engine: Engine, handle: SessionHandle, userId: string, epoch: number): Promise<void> {
    for (;;) {
      const found = await loadRecord(engine, handle);
      if (found.status !== "live" || found.record.userId !== userId) return;
      const { record } = found;
      const renewed = { ...record, epoch: Math.max(record.epoch, epoch), version: newVersion() };
      const { outcome } = await attempt(engine, () => engine.store.save(renewed, record.version));
      if (outcome.status !== "conflict" || outcome.record.version === renewed.version) return;
    }
  }
}

function toHandle(idOrHandle: string): SessionHandle {
  if (isSessionId(idOrHandle)) return handleOf(idOrHandle);
  if (isSessionHandle(idOrHandle)) return idOrHandle;
  throw new SessionError("ERR_SESSION_USAGE", "That is neither a session's id nor its handle");
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
  return users === undefined ? 0 : ask(engine, () => users.epoch(userId));
}

/** Ends what is listed of a user; what cannot be ended does not keep the others. */
async function endAll(engine: Engine, users: UserIndex, userId: string, kept: SessionHandle | undefined): Promise<number> {
  let ended = 0;
  const failures: unknown[] = [];
  for (const { handle } of await ask(engine, () => users.sessionsOf(userId))) {
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
