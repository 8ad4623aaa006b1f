import { serializeDeletion } from "../cookie/serialize.ts";
import { attach, attached, ownersOn } from "../core/carriers.ts";
import { isSessionError, SessionError } from "../core/errors.ts";
import { publish } from "../core/events.ts";
import { cookieMaxAge } from "../core/expiry.ts";
import { openedFlashOf, openedWorkOf, Session, type SessionSource, sourceOf, workOf } from "../core/session.ts";
import { idCookie, sealedCookies } from "../core/session-cookie.ts";
import { isPending, whenSettled } from "../core/settled.ts";
import { accessOf, type Sessions, type SessionsAccess } from "../core/sessions.ts";
import type { CookieRecord } from "../core/stateless.ts";
import type { Awaitable } from "../core/store.ts";
import type { SessionWork } from "../core/work.ts";
import { NO_ID, readId, type SentId } from "./sent-id.ts";
import { mergeVary } from "./vary.ts";

/** What the session middleware asks of a request. */
export interface SessionRequest {
  /** A header's value by its lower-case name; several `Cookie` lines joined by `; `. */
  header(name: string): string | undefined;
  readonly method: string;
  /** Whether the request came over TLS, as far as the adapter can tell. */
  readonly secure: boolean | undefined;
}

/** What the session middleware asks of a response whose headers have not left. */
export interface SessionResponse {
  readonly status: number;
  /** A header's value by its lower-case name. */
  header(name: string): string | undefined;
  /** True when the client went away. */
  readonly aborted?: boolean;
}

/** What the session middleware does to a response's headers. */
export interface HeaderChanges {
  /** `Set-Cookie` values to append. */
  readonly setCookie: readonly string[];
  /** Headers to set in place of what is there; `Vary` is merged already. */
  readonly set: readonly (readonly [name: string, value: string])[];
}

class Changes implements HeaderChanges {
  readonly setCookie: readonly string[];
  readonly set: HeaderChanges["set"];

  constructor(setCookie: readonly string[], set: HeaderChanges["set"]) {
    this.setCookie = setCookie;
    this.set = set;
  }
}

type AnySession = Session<never>;

/** One request and its session, until the response has left. Nothing is read of the request before the session is asked for. */
class Exchange implements SessionSource {
  readonly access: SessionsAccess;
  readonly request: SessionRequest;
  readonly stateless: boolean;
  sent: SentId = NO_ID;
  cookie: CookieRecord | undefined;
  state: "open" | "closed" | "failed" = "open";
  /** What the client has to be told though its response failed: the id of what was stored before that. */
  owed: HeaderChanges = NOTHING;
  /** True when the session is known to be the client's still, so that its cookie may move to its new name. */
  mayMove = false;
  #asked: (() => void) | undefined;

  constructor(access: SessionsAccess, request: SessionRequest) {
    this.access = access;
    this.request = request;
    this.stateless = access.stateless;
  }

  get prefetch(): boolean {
    return isPrefetch(this.request);
  }

  open(): SessionWork {
    this.sent = readId(this.access, this.request);
    const { work, cookie } = this.access.open(this.sent);
    this.cookie = cookie;
    return work;
  }

  opened(work: SessionWork): void {
    if (this.sent.duplicate) publish("duplicateCookie", { store: work.engine.store.name });
    if (this.state !== "open") work.headersSent = true;
    this.#asked?.();
    this.#asked = undefined;
  }

  whenAsked(callback: () => void): void {
    this.#asked = callback;
  }
}

const NONE: readonly never[] = Object.freeze([]);
const NOTHING: HeaderChanges = Object.freeze(new Changes(NONE, NONE));

/**
 * Takes the id from the request and attaches an unloaded session to every carrier. Never touches the store, but for
 * `load: "always"`, when it gives a promise.
 *
 * @throws {SessionError} ERR_SESSION_CONFIG when another `Sessions` with the same cookie name is mounted on this request
 */
export function processRequest<T extends object>(
  sessions: Sessions<T>,
  request: SessionRequest,
  ...carriers: readonly object[]
): Session<T> | Promise<Session<T>> {
  const owner = sessions as unknown as Sessions<never>;
  for (const carrier of carriers) {
    const known = attached(carrier, owner);
    if (known === undefined) continue;
    for (const other of carriers) if (attached(other, owner) === undefined) attach(other, owner, known);
    return known as unknown as Session<T>;
  }
  for (const carrier of carriers) claimCookie(carrier, owner);
  const access = accessOf(owner);
  const session = new Session<never>(new Exchange(access, request));
  for (const carrier of carriers) attach(carrier, owner, session);
  const typed = session as unknown as Session<T>;
  if (access.options.load === "always") return typed.load().then(() => typed);
  // Every response of such a session is held for it.
  if (access.options.saveEveryRequest) workOf(session);
  return typed;
}

/** True when a middleware of `sessions` ran for the carrier. */
export function isAttached<T extends object>(sessions: Sessions<T>, carrier: object): boolean {
  return attached(carrier, sessions) !== undefined;
}

/**
 * Calls back once, when the session is asked for in any way that depends on the request; at once if it was. A request whose session
 * nobody asks for needs none of what is to be done then.
 */
export function whenAsked<T extends object>(session: Session<T>, callback: () => void): void {
  const any = session as unknown as AnySession;
  if (openedWorkOf(any) === undefined) exchangeOf(any)?.whenAsked(callback);
  else callback();
}

/** Says that the response's headers left before the session was asked for, so that no cookie can be set any more. */
export function headersLeft<T extends object>(session: Session<T>): void {
  const any = session as unknown as AnySession;
  const exchange = exchangeOf(any);
  if (exchange === undefined || exchange.state !== "open") return;
  exchange.state = "closed";
  const work = openedWorkOf(any);
  if (work !== undefined) work.headersSent = true;
}

function exchangeOf(session: AnySession): Exchange | undefined {
  const source = sourceOf(session);
  return source instanceof Exchange ? source : undefined;
}

/**
 * Stores the session if it changed and says what the response's headers need: before they leave, once; a second call asks for
 * nothing. The order is that of Django's session middleware (docs: "When sessions are saved"), the departures are in
 * `docs/reference/django.md`.
 *
 * @throws {SessionError} what storing rejected with: the client has to get that error in place of the response
 */
export async function processResponse<T extends object>(
  session: Session<T>,
  response: SessionResponse,
): Promise<HeaderChanges> {
  return settleResponse(session, response);
}

/** {@link processResponse}, at once where nothing has to be waited for. */
export function settleResponse<T extends object>(session: Session<T>, response: SessionResponse): Awaitable<HeaderChanges> {
  const any = session as unknown as AnySession;
  const exchange = exchangeOf(any);
  if (exchange === undefined || exchange.state !== "open") return NOTHING;
  const work = openedWorkOf(any);
  if (work === undefined) {
    exchange.state = "closed";
    return NOTHING;
  }
  return work.serialNow(() => settle(any, work, exchange, response));
}

function settle(
  session: AnySession,
  work: SessionWork,
  exchange: Exchange,
  response: SessionResponse,
): Awaitable<HeaderChanges> {
  // Asked inside: two calls may have queued up behind the handler's own writes.
  if (exchange.state !== "open") return NOTHING;
  exchange.state = "closed";
  const answer = (): HeaderChanges => {
    const changes = headersFor(work, exchange, response);
    work.headersSent = true;
    return changes;
  };
  const refuse = (error: unknown): Promise<never> => settleFailure(session, work, exchange, error);
  try {
    const stored = response.status >= 500 ? fail(session, exchange) : commit(session, work, exchange, response);
    return isPending(stored) ? stored.then(answer).catch(refuse) : answer();
  } catch (error) {
    return refuse(error);
  }
}

async function settleFailure(session: AnySession, work: SessionWork, exchange: Exchange, error: unknown): Promise<never> {
  try {
    await fail(session, exchange);
    exchange.owed = headersFor(work, exchange, { status: 500, header: () => undefined });
  } finally {
    work.headersSent = true;
  }
  throw error;
}

/**
 * What the answer to an error has to carry when {@link processResponse} rejected: the cookie of an id that was final before, or the
 * deletion of one that was ended. Once; then nothing.
 */
export function owedHeaders<T extends object>(session: Session<T>): HeaderChanges {
  const exchange = exchangeOf(session as unknown as AnySession);
  if (exchange === undefined) return NOTHING;
  const { owed } = exchange;
  exchange.owed = NOTHING;
  return owed;
}

/** The most characters of a session that is compared once more after a response that was sent at once. */
const COMPARED_AGAIN = 16_384;

/**
 * Called when the response has finished: what the handler changed after the headers left is stored, if the session exists; if it does
 * not, a `lateWrite` event says that it was lost. Never throws.
 *
 * @param streamed false for a body that was sent at once: then a large session is not compared once more for each response
 */
export async function afterResponse<T extends object>(session: Session<T>, streamed = true): Promise<void> {
  return settleAfterResponse(session, streamed);
}

/** {@link afterResponse}, at once where nothing has to be waited for. */
export function settleAfterResponse<T extends object>(session: Session<T>, streamed: boolean): Awaitable<void> {
  const any = session as unknown as AnySession;
  const exchange = exchangeOf(any);
  const work = openedWorkOf(any);
  if (exchange === undefined || exchange.state !== "closed" || work === undefined) return;
  if (!streamed && (work.snapshot?.plain.length ?? 0) > COMPARED_AGAIN) return;
  const failed = (error: unknown): void => publish("storeError", { store: work.engine.store.name, error });
  return work.serialNow(() => {
    try {
      if (!work.isModified()) return;
      publish("lateWrite", { store: work.engine.store.name, reason: work.status === "live" ? "stored" : "lost" });
      if (work.status !== "live") return;
      const saved = work.save();
      return isPending(saved) ? saved.catch(failed) : saved;
    } catch (error) {
      failed(error);
    }
  });
}

/** @throws {SessionError} ERR_SESSION_CONFIG when other sessions on this carrier read the same cookie */
function claimCookie(carrier: object, sessions: Sessions<never>): void {
  let own: readonly string[] | undefined;
  for (const owner of ownersOn(carrier)) {
    own ??= namesOf(sessions);
    const others = namesOf(owner as Sessions<never>);
    if (own.some((name) => others.includes(name))) {
      throw new SessionError(
        "ERR_SESSION_CONFIG",
        "Two `Sessions` share one cookie name; give one of them another `cookie.name`",
      );
    }
  }
}

function namesOf({ options: { cookieName, readAlso, header } }: Sessions<never>): string[] {
  if (header !== undefined) return [`header ${header.name}`];
  return [cookieName, ...readAlso].map((name) => `cookie ${name}`);
}

function isPrefetch(request: SessionRequest): boolean {
  const purpose = request.header("sec-purpose") ?? request.header("purpose");
  return purpose !== undefined && purpose.toLowerCase().includes("prefetch");
}

/** The response failed: nothing more is stored but the messages that nobody saw, and only what is final goes into the cookie. */
async function fail(session: AnySession, exchange: Exchange): Promise<void> {
  const work = workOf(session);
  exchange.state = "failed";
  try {
    await openedFlashOf(session)?.giveBack();
  } catch (error) {
    publish("storeError", { store: work.engine.store.name, error });
  }
  work.moved = false;
  exchange.mayMove = false;
  // Where the store cannot say, the client gets it: the id that it holds was ended with the rotation, and an outage logs nobody out.
  if (work.rotated && (await work.standing()) === "superseded") work.renewed = false;
}

function commit(session: AnySession, work: SessionWork, exchange: Exchange, response: SessionResponse): Awaitable<void> {
  const every = exchange.access.options.saveEveryRequest && !work.isEmpty;
  const store = (): Awaitable<void> => {
    const writable = work.status === "new" || work.status === "live";
    const plain = work.pendingPlain();
    if (!work.isModified(plain) && !(every && writable)) return settleDeadline(work, exchange);
    // Nobody would ever hold the cookie of a session made for a client that has gone.
    if (work.status === "new" && response.aborted === true) return;
    return whenSettled(work.save({ force: every, slide: every, plain }), () => {
      work.moved = true;
      exchange.mayMove = true;
    });
  };
  try {
    openedFlashOf(session)?.settle();
    const stored = every ? whenSettled(work.load(), store) : store();
    return isPending(stored) ? stored.catch((error: unknown) => tolerate(session, work, error)) : stored;
  } catch (error) {
    return tolerate(session, work, error);
  }
}

/** Lets pass what the policies let pass. @throws anything else */
function tolerate(session: AnySession, work: SessionWork, error: unknown): void {
  if (mayPass(session, error)) return;
  if (!isSessionError(error, "ERR_SESSION_GONE") || work.policy.onGone !== "drop") throw error;
  work.moved = false;
  publish("dropped", { store: work.engine.store.name, ...(error.reason && { reason: error.reason }) });
}

/**
 * True when a write failed without which nothing of this request is lost, and the policy is to serve it then: one that moves the
 * deadline alone (`saveEveryRequest`), or removes messages that were shown, which are then shown again.
 */
function mayPass(session: AnySession, error: unknown): boolean {
  const work = workOf(session);
  const failed = isSessionError(error, "ERR_SESSION_READ_ONLY") || isSessionError(error, "ERR_SESSION_OUTCOME_UNKNOWN");
  if (!failed || work.policy.onStoreError !== "read-only" || work.status !== "live") return false;
  session.flash.unsettle();
  return !work.isModified();
}

/**
 * Moves the deadline of a session that was only read. What an earlier call of this request moved or renewed is told to the client only
 * if it still holds, as far as the store can say: a login or a logout elsewhere must not be undone by a cookie that comes late.
 */
function settleDeadline(work: SessionWork, exchange: Exchange): Awaitable<void> {
  const doubtful = work.moved || work.rotated || exchange.sent.moved;
  const touched = work.moved ? undefined : work.touch();
  return doubtful ? settleDoubt(work, exchange, touched) : touched;
}

async function settleDoubt(work: SessionWork, exchange: Exchange, touched: Awaitable<void>): Promise<void> {
  await touched;
  const standing = await work.standing();
  exchange.mayMove = standing === "current";
  if (exchange.mayMove) return;
  // Of one that was only moved, the client has a good cookie; a longer one can wait for the next visit.
  work.moved = false;
  // Not so of a new id, without which an outage would log the client out.
  if (work.rotated && standing === "superseded") work.renewed = false;
}

function headersFor(work: SessionWork, exchange: Exchange, response: SessionResponse): HeaderChanges {
  const { options } = exchange.access;
  const setCookie = options.header === undefined ? cookiesFor(work, exchange) : NONE;
  const answer = headerFor(work, exchange);
  if (setCookie.length > 0 && options.cookie.secure && exchange.request.secure === false) {
    const fix =
      "Serve it over https, tell the adapter to trust its proxy, or say `cookie: { secure: false }` for development.";
    publish("insecure", { store: work.engine.store.name, fix });
  }
  if (!work.accessed && setCookie.length === 0 && answer === undefined) return NOTHING;
  const vary = response.header("vary");
  const cacheControl = response.header("cache-control");
  if (options.header === undefined && vary === undefined && cacheControl === undefined) {
    return setCookie.length === 0 ? READ : new Changes(setCookie, READ.set);
  }
  const set = answer === undefined ? [] : [answer];
  set.push(["Vary", mergeVary(vary, options.header?.name ?? "Cookie")]);
  if (cacheControl === undefined) set.push(["Cache-Control", "private, no-store"]);
  return new Changes(setCookie, set);
}

/** What most answers need that depend on the session. */
const READ: HeaderChanges = Object.freeze(
  new Changes(
    NONE,
    Object.freeze([
      Object.freeze(["Vary", "Cookie"] as const),
      Object.freeze(["Cache-Control", "private, no-store"] as const),
    ]),
  ),
);

function cookiesFor(work: SessionWork, { access, sent, cookie, mayMove }: Exchange): readonly string[] {
  const { options } = access;
  if (work.id === null) {
    const over = sent.names.length > 0 && (work.isEmpty || work.ended);
    return over ? sent.names.map((name) => serializeDeletion(name, options.cookie)) : NONE;
  }
  const { snapshot } = work;
  const moves = sent.moved && mayMove;
  const due = work.renewed || work.moved || moves || (cookie !== undefined && work.stored);
  if (snapshot === null || work.status !== "live" || !due) return NONE;
  const state = { expiry: work.notes.expiry, createdAt: snapshot.record.createdAt, proven: true };
  const maxAge = cookieMaxAge(state, options.clock.now(), options);
  const cookies =
    cookie === undefined
      ? Array.of(idCookie(options, work.id, maxAge))
      : sealedCookies(options, cookie.seal() ?? "", maxAge, sent.chunks);
  for (const name of sent.names) if (options.readAlso.includes(name)) cookies.push(serializeDeletion(name, options.cookie));
  if (sent.duplicate) cookies.push(...shadowsOf(options));
  return cookies;
}

/** A host-only cookie of the same name hides the shared one for ever: browsers send both, and nobody can tell which is meant. */
function shadowsOf({ cookie, cookieName }: SessionsAccess["options"]): string[] {
  if (cookie.domain === undefined) return [];
  return [serializeDeletion(cookieName, { ...cookie, domain: undefined })];
}

function headerFor(work: SessionWork, { access }: Exchange): [name: string, value: string] | undefined {
  const { header } = access.options;
  if (header === undefined || (!work.renewed && !work.ended)) return undefined;
  return [header.responseName, work.renewed && work.id !== null ? work.id : ""];
}
