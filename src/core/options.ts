import type { Codec } from "../codec/codec.ts";
import { jsonCodec } from "../codec/json.ts";
import { checkCookieAttributes, type CookieAttributes } from "../cookie/serialize.ts";
import { type Clock, systemClock } from "./clock.ts";
import { SessionError } from "./errors.ts";
import type { MergeRule, MergeSides } from "./merge.ts";
import type { SchemaLike } from "./standard-schema.ts";
import { isStateless, type SessionStore, type StatelessStore } from "./store.ts";

/** The cookie that carries the id. */
export interface CookieOptions {
  /** Default `__Host-sid`, or `sid` where the `__Host-` prefix cannot be (`secure: false`, a domain, another path). */
  readonly name?: string | undefined;
  /** Default `/`. */
  readonly path?: string | undefined;
  /** A parent domain that shares the session. Default none: the host alone. */
  readonly domain?: string | undefined;
  /** Default true. `false` has to be said, and is for development on loopback. */
  readonly secure?: boolean | undefined;
  /** Default true. */
  readonly httpOnly?: boolean | undefined;
  /** Default `lax`. `none` needs `secure`; `false` leaves the attribute out. */
  readonly sameSite?: "lax" | "strict" | "none" | false | undefined;
  /** Partitioned by the embedding site (CHIPS). Default false; needs `sameSite: "none"` to be of use. */
  readonly partitioned?: boolean | undefined;
  /** Older names under which the id is still read; a session found there moves to `name`. Default none. */
  readonly readAlso?: readonly string[] | undefined;
}

/** A header that carries the id instead of a cookie, for clients that are no browsers. */
export interface HeaderOptions {
  /** The request header, for instance `authorization` or `x-session-id`. */
  readonly name: string;
  /** The word before the id, for instance `Bearer`. Default none. */
  readonly scheme?: string | undefined;
  /** The response header that hands out a new id, and an empty value when the session was ended. Default `x-session-id`. */
  readonly responseName?: string | undefined;
}

/** What becomes of a request that wants to write to a session which was ended meanwhile. */
export type GonePolicy = "error" | "drop";
/** What a request sees when its session cannot be read. */
export type UnreadablePolicy = "anonymous" | "error";
/** What a request sees when the store fails. */
export type StoreErrorPolicy = "error" | "anonymous" | "read-only";

/** The merge of a key's type; where the data is not typed, any merge. */
export type MergeRuleOf<V> = unknown extends V ? (sides: MergeSides<never>) => unknown : MergeRule<NonNullable<V>>;

/** Every option of {@link createSessions}; `DEFAULTS` has the defaults. */
export interface SessionsOptions<T extends object = Record<string, unknown>> {
  /** Where sessions are kept: a store, or a URL such as `sqlite:sessions.db`. Default `sqlite:sessions.db`. */
  readonly store?: SessionStore | StatelessStore | string | undefined;
  readonly cookie?: CookieOptions | undefined;
  /** The id in a header instead of a cookie. Default none. */
  readonly header?: HeaderOptions | undefined;
  /** Seconds without a visit after which a session expires. Default 1209600 (14 days, as Django). */
  readonly idleSeconds?: number | undefined;
  /** Seconds after which a session expires however busy it is. Default 2592000 (30 days). */
  readonly absoluteSeconds?: number | undefined;
  /** Seconds that a new session lives until its cookie came back once. Default 3600 (1 hour). */
  readonly firstSeconds?: number | undefined;
  /** Seconds by which a deadline has to move before a read writes it. Default a tenth of the session's idle time. */
  readonly refreshSeconds?: number | undefined;
  /** A cookie without Max-Age, which the browser forgets when it closes. Default false. */
  readonly expireAtBrowserClose?: boolean | undefined;
  /** Save, and send the cookie, on every request of a session that is not empty. Default false. */
  readonly saveEveryRequest?: boolean | undefined;
  /** `always` loads before the handler. Default `lazy`. */
  readonly load?: "lazy" | "always" | undefined;
  /** Data ↔ text. Default `jsonCodec()`. */
  readonly codec?: Codec | undefined;
  /** How keys that two requests changed are merged. Default: the last writer wins, and `overwritten` counts it. */
  readonly merge?: { readonly [K in keyof NoInfer<T>]?: MergeRuleOf<NoInfer<T>[K]> } | undefined;
  /** Groups of keys that must come from one request. Default none. */
  readonly together?: readonly (readonly (keyof T & string)[])[] | undefined;
  /** A Standard Schema for the data: checked, and where it says so changed, on load; checked before each write. Default none. */
  readonly schema?: SchemaLike<T> | undefined;
  /** Default `error`: the request fails with 400, as in Django. `drop`: its write is dropped, and its response passes. */
  readonly onGone?: GonePolicy | undefined;
  /** Default `anonymous`: the request goes on without a session, and a write fails with 503. `error`: loading fails with 503. */
  readonly onUnreadable?: UnreadablePolicy | undefined;
  /**
   * Default `error`: loading fails with 503. `anonymous`: the request goes on without a session, and a write fails with 503.
   * `read-only`: where only writes fail, a request that changed nothing is served, and one that did fails with 503.
   */
  readonly onStoreError?: StoreErrorPolicy | undefined;
  /** Seconds for which a contended write is tried again. Default 5. */
  readonly contentionSeconds?: number | undefined;
  /** Seconds within which the store has to answer a call; a write that is sent twice has them for both. Default 5. */
  readonly storeTimeoutSeconds?: number | undefined;
  /** How many calls in a row have to fail for the store to be given a rest; 0 for never. Default 5. */
  readonly breakerFailures?: number | undefined;
  /** Seconds of rest, in which every call fails at once; then one goes ahead. Default 2. */
  readonly breakerSeconds?: number | undefined;
  /** Seconds for which an ended id is remembered, so that late requests are recognised. Default 60. */
  readonly tombstoneSeconds?: number | undefined;
  /** Seconds by which the clocks of an application's machines may differ; sweeping waits as long. Default 5. */
  readonly clockSkewSeconds?: number | undefined;
  /** The most bytes of one session's stored text. Default 2097152 (2 MiB). */
  readonly maxBytes?: number | undefined;
  /** Default the machine's clock. */
  readonly clock?: Clock | undefined;
}

/** All defaults in one place. */
export const DEFAULTS = Object.freeze({
  idleSeconds: 1_209_600,
  absoluteSeconds: 2_592_000,
  firstSeconds: 3_600,
  expireAtBrowserClose: false,
  saveEveryRequest: false,
  load: "lazy",
  onGone: "error",
  onUnreadable: "anonymous",
  onStoreError: "error",
  contentionSeconds: 5,
  storeTimeoutSeconds: 5,
  breakerFailures: 5,
  breakerSeconds: 2,
  tombstoneSeconds: 60,
  clockSkewSeconds: 5,
  maxBytes: 2_097_152,
} satisfies SessionsOptions);

/** How many parts of a session's idle time pass before a read moves its deadline. */
export const REFRESH_PART = 10;

/** A header that carries the id, complete: names in lower case. */
export interface ResolvedHeader {
  readonly name: string;
  readonly scheme: string | undefined;
  readonly responseName: string;
}

/** The options as the library uses them: complete, checked and frozen. */
export interface ResolvedOptions {
  readonly cookieName: string;
  readonly cookie: CookieAttributes;
  readonly readAlso: readonly string[];
  readonly header: ResolvedHeader | undefined;
  readonly idleSeconds: number;
  readonly absoluteSeconds: number;
  readonly firstSeconds: number;
  readonly refreshSeconds: number | undefined;
  readonly expireAtBrowserClose: boolean;
  readonly saveEveryRequest: boolean;
  readonly load: "lazy" | "always";
  readonly codec: Codec;
  readonly merge: Readonly<Record<string, MergeRule<never>>>;
  readonly together: readonly (readonly string[])[];
  readonly schema: SchemaLike<object> | undefined;
  readonly onGone: GonePolicy;
  readonly onUnreadable: UnreadablePolicy;
  readonly onStoreError: StoreErrorPolicy;
  readonly contentionSeconds: number;
  readonly storeTimeoutSeconds: number;
  readonly breakerFailures: number;
  readonly breakerSeconds: number;
  readonly tombstoneSeconds: number;
  readonly clockSkewSeconds: number;
  readonly maxBytes: number;
  readonly clock: Clock;
}

/**
 * Checks the options and fills in the defaults; the one place that knows them.
 *
 * @throws {SessionError} ERR_SESSION_CONFIG, naming the option
 */
export function resolveOptions<T extends object>(
  options: SessionsOptions<T>,
  store: SessionStore | StatelessStore,
): ResolvedOptions {
  refuseUnknown(options);
  const given = dropUndefined(options);
  const all = { ...DEFAULTS, ...given };
  for (const name of ["idleSeconds", "absoluteSeconds", "firstSeconds", "contentionSeconds", "tombstoneSeconds"] as const) {
    checkNumber(name, all[name], 1);
  }
  for (const name of ["clockSkewSeconds", "breakerFailures", "breakerSeconds"] as const) checkNumber(name, all[name], 0);
  checkNumber("storeTimeoutSeconds", all.storeTimeoutSeconds, 0.001);
  checkNumber("maxBytes", all.maxBytes, 64);
  if (given.refreshSeconds !== undefined) checkNumber("refreshSeconds", given.refreshSeconds, 0);
  if (all.absoluteSeconds < all.idleSeconds) {
    throw config("`absoluteSeconds` is shorter than `idleSeconds`, which could then never be reached");
  }
  if ((given.refreshSeconds ?? 0) >= all.idleSeconds) {
    throw config("`refreshSeconds` must be shorter than `idleSeconds`, or a visit never moves the deadline");
  }
  checkChoice("load", all.load, ["lazy", "always"]);
  for (const [name, choices] of POLICIES) checkChoice(name, all[name], choices);
  checkChoice("expireAtBrowserClose", all.expireAtBrowserClose, [true, false]);
  checkChoice("saveEveryRequest", all.saveEveryRequest, [true, false]);
  const merge = checkMerge(given.merge ?? {});
  const together = checkTogether(given.together ?? []);
  if (isStateless(store) && (Object.keys(merge).length > 0 || together.length > 0)) {
    throw config("`merge` and `together` need a store that requests share; a cookie store is none");
  }
  if (isStateless(store) && given.header !== undefined) {
    throw config("`header` carries an id; a cookie store has none to carry");
  }
  const { cookieName, cookie } = resolveCookie(given.cookie ?? {});
  return Object.freeze({
    ...all,
    cookieName,
    cookie,
    readAlso: checkReadAlso(given.cookie?.readAlso ?? [], cookieName),
    header: given.header === undefined ? undefined : resolveHeader(given.header),
    refreshSeconds: given.refreshSeconds,
    codec: given.codec ?? jsonCodec(),
    merge,
    together,
    schema: given.schema,
    clock: given.clock ?? systemClock,
  });
}

/** What a request may decide for itself, and between what. */
export const POLICIES = Object.entries({
  onGone: ["error", "drop"],
  onUnreadable: ["anonymous", "error"],
  onStoreError: ["error", "anonymous", "read-only"],
} as const satisfies {
  readonly onGone: readonly GonePolicy[];
  readonly onUnreadable: readonly UnreadablePolicy[];
  readonly onStoreError: readonly StoreErrorPolicy[];
}) as readonly (readonly [name: "onGone" | "onUnreadable" | "onStoreError", choices: readonly string[]])[];

const KNOWN: ReadonlySet<string> = new Set([
  ...Object.keys(DEFAULTS),
  ...["store", "cookie", "header", "refreshSeconds", "codec", "merge", "together", "schema", "clock"],
]);
const KNOWN_COOKIE: ReadonlySet<string> = new Set(
  "name path domain secure httpOnly sameSite partitioned readAlso".split(" "),
);

function refuseUnknown(options: { readonly cookie?: object | undefined }): void {
  if (typeof options !== "object" || options === null) throw config("The options must be an object");
  for (const key of Object.keys(options)) if (!KNOWN.has(key)) throw config(`There is no option \`${printable(key)}\``);
  for (const key of Object.keys(options.cookie ?? {})) {
    if (!KNOWN_COOKIE.has(key)) throw config(`There is no option \`cookie.${printable(key)}\``);
  }
}

function resolveCookie(given: CookieOptions): { cookieName: string; cookie: CookieAttributes } {
  const secure = given.secure ?? true;
  const path = given.path ?? "/";
  const hostOnly = secure && path === "/" && given.domain === undefined;
  const cookieName = given.name ?? (hostOnly ? "__Host-sid" : "sid");
  const cookie: CookieAttributes = Object.freeze({
    path,
    ...(given.domain === undefined ? {} : { domain: given.domain }),
    secure,
    httpOnly: given.httpOnly ?? true,
    sameSite: given.sameSite ?? "lax",
    partitioned: given.partitioned ?? false,
  });
  try {
    checkCookieAttributes(cookieName, cookie);
  } catch (error) {
    throw config(error instanceof Error ? error.message.replace(/\.$/, "") : "The cookie cannot be", error);
  }
  return { cookieName, cookie };
}

function resolveHeader(given: HeaderOptions): ResolvedHeader {
  const token = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
  const { name, scheme, responseName = "x-session-id" } = given;
  for (const text of [name, responseName, ...(scheme === undefined ? [] : [scheme])]) {
    if (typeof text !== "string" || !token.test(text)) throw config("`header` needs names that HTTP allows");
  }
  return Object.freeze({ name: name.toLowerCase(), scheme, responseName: responseName.toLowerCase() });
}

function checkReadAlso(names: readonly string[], cookieName: string): readonly string[] {
  if (names.includes(cookieName)) throw config("`cookie.readAlso` names the cookie's present name");
  return Object.freeze([...names]);
}

function checkMerge(merge: object): Readonly<Record<string, MergeRule<never>>> {
  for (const [key, rule] of Object.entries(merge)) {
    if (typeof rule !== "function") throw config(`The merge of \`${printable(key)}\` must be a function such as \`sum\``);
  }
  return Object.freeze({ ...merge }) as Readonly<Record<string, MergeRule<never>>>;
}

function checkTogether(groups: readonly (readonly string[])[]): readonly (readonly string[])[] {
  const seen = new Set<string>();
  for (const group of groups) {
    if (!isList(group) || group.length < 2) throw config("A group of `together` needs two keys or more");
    for (const key of group) {
      if (seen.has(key)) throw config(`The key \`${printable(key)}\` is in two groups of \`together\``);
      seen.add(key);
    }
  }
  return groups.map((group) => Object.freeze([...group]));
}

function isList(value: unknown): value is readonly string[] {
  return Array.isArray(value);
}

function checkNumber(name: string, value: unknown, least: number): void {
  if (typeof value !== "number" || !Number.isFinite(value) || value < least) {
    throw config(`\`${name}\` must be a number of at least ${least}`);
  }
}

function checkChoice(name: string, value: unknown, choices: readonly unknown[]): void {
  if (!choices.includes(value)) throw config(`\`${name}\` must be one of ${choices.map(String).join(", ")}`);
}

function dropUndefined<O extends object>(options: O): { [K in keyof O]: Exclude<O[K], undefined> } {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof O]: Exclude<O[K], undefined> };
}

/** A name of an option or a key as a message may show it. */
export function printable(key: string): string {
  return key.replace(/[^\w.$-]/g, "?").slice(0, 60);
}

function config(message: string, cause?: unknown): SessionError {
  return new SessionError("ERR_SESSION_CONFIG", message, { cause });
}
