import { randomBytes } from "node:crypto";

const ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789";
const LENGTH = 32;
/** The most bytes of which each character has an equal share: the largest multiple of 36. */
const EVEN = 252;

/** A new session key as Django makes them: 32 characters of `a`-`z` and `0`-`9` from the system's random source, 165 bits. */
export function newSessionKey(): string {
  let key = "";
  while (key.length < LENGTH) {
    for (const byte of randomBytes(LENGTH * 2)) {
      if (byte < EVEN && key.length < LENGTH) key += ALPHABET.charAt(byte % ALPHABET.length);
    }
  }
  return key;
}

/** True for a key as Django makes them. */
export function isMadeSessionKey(text: unknown): text is string {
  return typeof text === "string" && /^[a-z0-9]{32}$/.test(text);
}

/**
 * True for a key that Django looks up when a cookie holds it: any text of 8 characters or more. Here also at most 40, what the column
 * `session_key` holds.
 */
export function isSessionKey(text: unknown): text is string {
  if (typeof text !== "string" || text.length < 8 || text.length > 80) return false;
  // Python counts code points.
  const length = Array.from(text).length;
  return length >= 8 && length <= 40;
}
