import { readChunked, readCookies, type ChunkedCookie } from "../cookie/parse.ts";
import { serializeDeletion } from "../cookie/serialize.ts";
import { isSessionError, SessionError } from "../core/errors.ts";
import { publish } from "../core/events.ts";
import { cookieMaxAge } from "../core/expiry.ts";
import { isSessionId, type SessionId } from "../core/id.ts";
import { type Session, workOf } from "../core/session.ts";
import { idCookie, sealedCookies } from "../core/session-cookie.ts";
import { accessOf, type Sessions, type SessionsAccess } from "../core/sessions.ts";
import type { SentCookie } from "../core/stateless.ts";
import type { SessionWork } from "../core/work.ts";
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

type AnySession = Session<never>;

/** One request and its session, until the response has left. */
interface Exchange {
  readonly access: SessionsAccess;
  readonly request: SessionRequest;
  readonly sent: SentId;
  readonly sealed: (() => string | null) | undefined;
  state: "open" | "closed" | "failed";
  /** What the client has to be told though its response failed: the id of what was stored before that. */
  owed: HeaderChanges;
  /** True when the session is known to be the client's still, so that its cookie may move to its new name. */
  mayMove: boolean;
}

/** What a request brought along. */
interface SentId {
  readonly id: SessionId | null;
  readonly sealed: SentCookie | undefined;
  readonly chunks: ChunkedCookie;
  /** The names under which a cookie of ours came, whatever was in it. */
  readonly names: readonly string[];
  /** True when the id came under an older name, and the cookie has to move. */
  readonly moved: boolean;
  /** True when two cookies of one name disagreed. */
  readonly duplicate: boolean;
}

const NO_CHUNKS: ChunkedCookie = { values: [], chunkNames: [], incomplete: false };
const NOTHING: HeaderChanges = { setCookie: [], set: [] };

const exchanges = new WeakMap<AnySession, Exchange>();
const cookieOwners = new WeakMap<object, Map<string, Sessions<never>>>();

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
  const access = accessOf(sessions as unknown as Sessions<never>);
  for (const carrier of carriers) {
    const known = access.attached(carrier);
    if (known !== undefined) {
      for (const other of carriers) access.attach(other, known);
      return known as unknown as Session<T>;
    }
  }
  for (const carrier of carriers) claimCookie(carrier, sessions as unknown as Sessions<never>);
  const sent = readId(access, request);
  if (sent.duplicate) publish("duplicateCookie", { store: sessions.store.name });
  const { session, sealed } = access.open({ id: sent.id, sealed: sent.sealed, prefetch: isPrefetch(request) });
  exchanges.set(session, { access, request, sent, sealed, state: "open", owed: NOTHING, mayMove: false });
  for (const carrier of carriers) access.attach(carrier, session);
  const typed = session as unknown as Session<T>;
  return access.options.load === "always" ? typed.load().then(() => typed) : typed;
}

/** True when a middleware of `sessions` ran for the carrier. */
export function isAttached<T extends object>(sessions: Sessions<T>, carrier: object): boolean {
  return accessOf(sessions as unknown as Sessions<never>).attached(carrier) !== undefined;
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
  const any = session as unknown as AnySession;
  const exchange = exchanges.get(any);
  if (exchange === undefined || exchange.state !== "open") return NOTHING;
  const work = workOf(any);
  return work.serial(async () => {
    // Asked again inside: two calls may have queued up behind the handler's own writes.
    if (exchange.state !== "open") return NOTHING;
    exchange.state = "closed";
    try {
      if (response.status >= 500) await fail(any, exchange);
      else {
        any.flash.settle();
        await commit(work, exchange, response);
      }
      return headersFor(work, exchange, response);
    } catch (error) {
      await fail(any, exchange);
      exchange.owed = headersFor(work, exchange, { status: 500, header: () => undefined });
      throw error;
    } finally {
      work.headersSent = true;
    }
  });
}

/**
 * What the answer to an error has to carry when {@link processResponse} rejected: the cookie of an id that was final before, or the
 * deletion of one that was ended. Once; then nothing.
 */
export function owedHeaders<T extends object>(session: Session<T>): HeaderChanges {
  const exchange = exchanges.get(session as unknown as AnySession);
  if (exchange === undefined) return NOTHING;
  const { owed } = exchange;
  exchange.owed = NOTHING;
  return owed;
}

/**
 * Called when the response has finished: what a streaming handler changed after the headers left is stored, if the session exists;
 * if it does not, a `lateWrite` event says that it was lost. Never throws.
 */
export async function afterResponse<T extends object>(session: Session<T>): Promise<void> {
  const any = session as unknown as AnySession;
  const exchange = exchanges.get(any);
  const work = workOf(any);
  if (exchange === undefined || exchange.state !== "closed") return;
  await work.serial(async () => {
    try {
      if (!work.isModified()) return;
      publish("lateWrite", { store: work.engine.store.name, reason: work.status === "live" ? "stored" : "lost" });
      if (work.status === "live") await work.save();
    } catch (error) {
      publish("storeError", { store: work.engine.store.name, error });
    }
  });
}

function claimCookie(carrier: object, sessions: Sessions<never>): void {
  const names = cookieOwners.get(carrier) ?? new Map<string, Sessions<never>>();
  cookieOwners.set(carrier, names);
  const { cookieName, readAlso, header } = sessions.options;
  const keys = header === undefined ? [cookieName, ...readAlso].map((name) => `cookie ${name}`) : [`header ${header.name}`];
  for (const key of keys) {
    if ((names.get(key) ?? sessions) !== sessions) {
      throw new SessionError(
        "ERR_SESSION_CONFIG",
        "Two `Sessions` share one cookie name; give one of them another `cookie.name`",
      );
    }
    names.set(key, sessions);
  }
}

function readId({ options, stateless }: SessionsAccess, request: SessionRequest): SentId {
  const base = { id: null, sealed: undefined, chunks: NO_CHUNKS, names: [], moved: false, duplicate: false };
  if (options.header !== undefined) {
    const text = headerValue(request.header(options.header.name), options.header.scheme);
    return { ...base, id: isSessionId(text) ? text : null };
  }
  const header = request.header("cookie");
  if (header === undefined || header === "") return base;
  const names = [options.cookieName, ...options.readAlso];
  const found = names.map((name) => {
    const chunks = stateless ? readChunked(header, name) : { ...NO_CHUNKS, values: readCookies(header, name) };
    return { name, chunks };
  });
  const present = found.filter(
    ({ chunks }) => chunks.values.length > 0 || chunks.incomplete || chunks.chunkNames.length > 0,
  );
  const sentNames = present.flatMap(({ name, chunks }) => [name, ...chunks.chunkNames]);
  const usable = present.find(({ chunks }) => chunks.values.length > 0);
  if (usable === undefined) return { ...base, names: sentNames };
  const { chunks, name } = usable;
  const [value, ...others] = chunks.values;
  const duplicate = others.some((other) => other !== value);
  const moved = name !== options.cookieName;
  if (duplicate) return { ...base, chunks, names: sentNames, duplicate, moved };
  if (stateless)
    return {
      id: null,
      sealed: value === undefined ? undefined : { name, value },
      chunks,
      names: sentNames,
      moved,
      duplicate,
    };
  return { ...base, id: isSessionId(value) ? value : null, names: sentNames, moved };
}

function headerValue(text: string | undefined, scheme: string | undefined): string | undefined {
  if (text === undefined || scheme === undefined) return text;
  const space = text.indexOf(" ");
  return text.slice(0, space).toLowerCase() === scheme.toLowerCase() ? text.slice(space + 1).trim() : undefined;
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
    await session.flash.giveBack();
  } catch (error) {
    publish("storeError", { store: work.engine.store.name, error });
  }
  work.moved = false;
  exchange.mayMove = false;
  if (work.rotated && !(await work.isCurrent())) work.renewed = false;
}

async function commit(work: SessionWork, exchange: Exchange, response: SessionResponse): Promise<void> {
  const { access } = exchange;
  const every = access.options.saveEveryRequest && !work.isEmpty;
  try {
    if (every) await work.load();
    const writable = work.status === "new" || work.status === "live";
    if (!work.isModified() && !(every && writable)) return await settleDeadline(work, exchange);
    // Nobody would ever hold the cookie of a session made for a client that has gone.
    if (work.status === "new" && response.aborted === true) return;
    await work.save({ force: every, slide: every });
    work.moved = true;
    exchange.mayMove = true;
  } catch (error) {
    if (!isSessionError(error, "ERR_SESSION_GONE") || work.policy.onGone !== "drop") throw error;
    work.moved = false;
    publish("dropped", { store: work.engine.store.name, ...(error.reason && { reason: error.reason }) });
  }
}

/**
 * Moves the deadline of a session that was only read. What an earlier call of this request moved or renewed is told to the client only
 * if it still holds: a login or a logout elsewhere must not be undone by a cookie that comes late.
 */
async function settleDeadline(work: SessionWork, exchange: Exchange): Promise<void> {
  const doubtful = work.moved || work.rotated || exchange.sent.moved;
  if (!work.moved) await work.touch();
  if (!doubtful) return;
  exchange.mayMove = await work.isCurrent();
  if (exchange.mayMove) return;
  work.moved = false;
  if (work.rotated) work.renewed = false;
}

function headersFor(work: SessionWork, exchange: Exchange, response: SessionResponse): HeaderChanges {
  const { options } = exchange.access;
  const set: [string, string][] = [];
  const setCookie = options.header === undefined ? cookiesFor(work, exchange) : [];
  const answered = options.header !== undefined && headerFor(work, exchange, set);
  if (setCookie.length > 0 && options.cookie.secure && exchange.request.secure === false) {
    const fix =
      "Serve it over https, tell the adapter to trust its proxy, or say `cookie: { secure: false }` for development.";
    publish("insecure", { store: work.engine.store.name, fix });
  }
  if (work.accessed || setCookie.length > 0 || answered) {
    set.push(["Vary", mergeVary(response.header("vary"), options.header?.name ?? "Cookie")]);
    if (response.header("cache-control") === undefined) set.push(["Cache-Control", "private, no-store"]);
  }
  return { setCookie, set };
}

function cookiesFor(work: SessionWork, { access, sent, sealed, mayMove }: Exchange): string[] {
  const { options } = access;
  if (work.id === null) {
    const over = sent.names.length > 0 && (work.isEmpty || work.ended);
    return over ? sent.names.map((name) => serializeDeletion(name, options.cookie)) : [];
  }
  const { snapshot } = work;
  const moves = sent.moved && mayMove;
  const due = work.renewed || work.moved || moves || (sealed !== undefined && work.stored);
  if (snapshot === null || work.status !== "live" || !due) return [];
  const state = { expiry: work.notes.expiry, createdAt: snapshot.record.createdAt, proven: true };
  const maxAge = cookieMaxAge(state, options.clock.now(), options);
  const cookies =
    sealed === undefined
      ? [idCookie(options, work.id, maxAge)]
      : sealedCookies(options, sealed() ?? "", maxAge, sent.chunks);
  const old = sent.names.filter((name) => options.readAlso.includes(name));
  return [...cookies, ...old.map((name) => serializeDeletion(name, options.cookie)), ...shadowsOf(sent, options)];
}

/** A host-only cookie of the same name hides the shared one for ever: browsers send both, and nobody can tell which is meant. */
function shadowsOf(sent: SentId, { cookie, cookieName }: SessionsAccess["options"]): string[] {
  if (!sent.duplicate || cookie.domain === undefined) return [];
  return [serializeDeletion(cookieName, { ...cookie, domain: undefined })];
}

function headerFor(work: SessionWork, { access }: Exchange, set: [string, string][]): boolean {
  const { header } = access.options;
  if (header === undefined || (!work.renewed && !work.ended)) return false;
  set.push([header.responseName, work.renewed && work.id !== null ? work.id : ""]);
  return true;
}
