import { sha256 } from "../crypto/digest.ts";
import { randomText } from "../crypto/random.ts";

declare const idBrand: unique symbol;
declare const handleBrand: unique symbol;

/**
 * What the cookie holds: 24 random bytes as 32 base64url characters. Whoever has it is the visitor, so it is never stored,
 * logged or put in an error.
 */
export type SessionId = string & { readonly [idBrand]: true };

/**
 * What the store holds: the id's SHA-256, cut to the id's own 192 bits, as 48 lower-case hexadecimal characters. It names a
 * session in lists, tables and file names, and opens nothing in a browser.
 */
export type SessionHandle = string & { readonly [handleBrand]: true };

const ID_BYTES = 24;
const ID_SHAPE = /^[A-Za-z0-9_-]{32}$/;
const HANDLE_SHAPE = /^[0-9a-f]{48}$/;
const HASH_DOMAIN = "sojourn id 1:";

/** True for text that has an id's shape; whether such a session exists only a store can tell. */
export function isSessionId(text: unknown): text is SessionId {
  return typeof text === "string" && ID_SHAPE.test(text);
}

/** True for text that has a handle's shape. */
export function isSessionHandle(text: unknown): text is SessionHandle {
  return typeof text === "string" && HANDLE_SHAPE.test(text);
}

/** The handle under which a store keeps the session of `id`. */
export function handleOf(id: SessionId): SessionHandle {
  return sha256(HASH_DOMAIN + id).slice(0, 48) as SessionHandle;
}

/** The handle of the lock that guards the session of `handle`: a record of its own, told apart by its first characters. */
export function lockHandleOf(handle: SessionHandle): SessionHandle {
  return `lock-${handle.slice(0, 43)}` as SessionHandle;
}

/** True for the handle of a lock, which lists leave out. */
export function isLockHandle(handle: string): boolean {
  return handle.startsWith("lock-");
}

/** A new id from the operating system's random source. */
export function newSessionId(): SessionId {
  return randomText(ID_BYTES) as SessionId;
}

/** A new token for a record's version: 12 random bytes as 16 base64url characters. */
export function newVersion(): string {
  return randomText(12);
}

/** A short random name, unique within one session: 9 random bytes as 12 base64url characters. */
export function newEntryName(): string {
  return randomText(9);
}
