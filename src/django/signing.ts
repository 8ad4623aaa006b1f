import { decodeBase62, encodeBase62 } from "./base62.ts";
import type { DjangoHash, DjangoKeys } from "./keys.ts";
import { macOf, secretOf } from "./mac.ts";
import { packPayload, unpackPayload } from "./payload.ts";

/** The salt of a session in a store: `django.contrib.sessions.` and the name of the store's class. */
export const SESSION_SALT = "django.contrib.sessions.SessionStore";

/** The salt of a session in a signed cookie. */
export const SIGNED_COOKIE_SALT = "django.contrib.sessions.backends.signed_cookies";

const SEPARATOR = ":";

/** Why a signed text is refused: it is not one (`format`), does not verify (`signature`), is too old, or inflates too far (`size`). */
export type SigningRefusal = "format" | "signature" | "expired" | "size";

/** What is read, or why not. Never an exception: what comes in may be anything. */
export type Signed<V> =
  | {
      readonly status: "ok";
      readonly value: V;
      /** True when it was signed with a fallback or with SHA-1: written again, it is signed with the current secret. */
      readonly stale: boolean;
    }
  | { readonly status: "invalid"; readonly reason: SigningRefusal };

/** Options of {@link sign}. */
export interface SignOptions {
  readonly salt: string;
  /** Default `sha256`; `sha1` is what Django signed with before 3.1. */
  readonly hash?: DjangoHash | undefined;
}

/** Options of {@link unsign}. */
export interface UnsignOptions {
  readonly salt: string;
  /** True to verify signatures of SHA-1 too, as Django 3.1 and 3.2 do. Default false. */
  readonly sha1?: boolean | undefined;
}

/** Options of {@link signTimestamped} and {@link dumps}. */
export interface SignTimestampedOptions extends SignOptions {
  /** The moment to note, in milliseconds since 1970-01-01T00:00:00Z; Django notes whole seconds of it. */
  readonly at: number;
}

/** Options of {@link unsignTimestamped} and {@link loads}. */
export interface UnsignTimestampedOptions extends UnsignOptions {
  /** The most seconds since it was signed, which still pass. Default: any age. */
  readonly maxAgeSeconds?: number | undefined;
  /** The present, in milliseconds since 1970-01-01T00:00:00Z; needed with `maxAgeSeconds`. Default the machine's clock. */
  readonly now?: number | undefined;
}

/** A text and the moment at which it was signed. */
export interface Timestamped {
  readonly value: string;
  /** Milliseconds since 1970-01-01T00:00:00Z, of whole seconds. */
  readonly signedAt: number;
}

/** `Signer(salt=…).sign(value)`. @throws {TypeError} for text with a lone surrogate, which has no UTF-8 */
export function sign(keys: DjangoKeys, value: string, { salt, hash = "sha256" }: SignOptions): string {
  if (!value.isWellFormed()) throw new TypeError("sign: the text has a lone surrogate, which cannot be signed.");
  return value + SEPARATOR + macOf(keys, value, { salt: `${salt}signer`, hash, encoding: "base64url" });
}

/** `Signer(salt=…).unsign(signed)`: with the current secret, then with each fallback. */
export function unsign(keys: DjangoKeys, signed: string, { salt, sha1 = false }: UnsignOptions): Signed<string> {
  const [value, signature] = split(signed);
  // A lone surrogate has no UTF-8: it would be hashed as another character.
  if (value === undefined || signature === undefined || !signed.isWellFormed()) return invalid("format");
  const mac = { salt: `${salt}signer`, hash: "sha256", encoding: "base64url" } as const;
  const index = secretOf(keys, value, mac, signature);
  if (index !== -1) return { status: "ok", value, stale: index > 0 };
  const isOld = sha1 && secretOf(keys, value, { ...mac, hash: "sha1" }, signature) !== -1;
  return isOld ? { status: "ok", value, stale: true } : invalid("signature");
}

/** `TimestampSigner(salt=…).sign(value)`. */
export function signTimestamped(keys: DjangoKeys, value: string, { at, ...options }: SignTimestampedOptions): string {
  return sign(keys, value + SEPARATOR + encodeBase62(Math.floor(at / 1000)), options);
}

/** `TimestampSigner(salt=…).unsign(signed, max_age=…)`. An age of exactly `maxAgeSeconds` passes, and so does a moment to come. */
export function unsignTimestamped(keys: DjangoKeys, signed: string, options: UnsignTimestampedOptions): Signed<Timestamped> {
  const outer = unsign(keys, signed, options);
  if (outer.status === "invalid") return outer;
  const [value, stamp] = split(outer.value);
  const seconds = stamp === undefined ? undefined : decodeBase62(stamp);
  if (value === undefined || seconds === undefined) return invalid("format");
  const { maxAgeSeconds, now = Date.now() } = options;
  // A number that is no moment is of no age.
  if (maxAgeSeconds !== undefined && !(now / 1000 - seconds <= maxAgeSeconds && Number.isFinite(seconds))) {
    return invalid("expired");
  }
  return { status: "ok", value: { value, signedAt: seconds * 1000 }, stale: outer.stale };
}

/**
 * `signing.dumps(…, compress=True)` of bytes that a serializer made: compressed where that is shorter, base64url, signed with the time.
 *
 * @param payload the serializer's bytes; text is taken as Latin-1, as Django's JSON is
 */
export function dumps(keys: DjangoKeys, payload: string | Uint8Array, options: SignTimestampedOptions): string {
  return signTimestamped(keys, packPayload(payload), options);
}

/** Options of {@link loads}. */
export interface LoadsOptions extends UnsignTimestampedOptions {
  /** The most bytes that a payload may have, inflated or not. Default 8,388,608 (8 MiB). */
  readonly maxBytes?: number | undefined;
}

/** `signing.loads`: the serializer's bytes, one character each (Latin-1). Nothing is inflated, nor decoded, before it verifies. */
export function loads(keys: DjangoKeys, signed: string, { maxBytes, ...options }: LoadsOptions): Signed<string> {
  const outer = unsignTimestamped(keys, signed, options);
  if (outer.status === "invalid") return outer;
  const payload = unpackPayload(outer.value.value, maxBytes);
  if (typeof payload === "string") return invalid(payload);
  return { status: "ok", value: payload.toString("latin1"), stale: outer.stale };
}

/** What stands before and behind the last separator. */
function split(text: string): [string | undefined, string | undefined] {
  const at = text.lastIndexOf(SEPARATOR);
  return at === -1 ? [undefined, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function invalid(reason: SigningRefusal): Signed<never> {
  return { status: "invalid", reason };
}
