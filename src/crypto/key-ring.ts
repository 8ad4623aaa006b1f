import { createHash, createSecretKey, hkdfSync, randomBytes, type KeyObject } from "node:crypto";
import { encodeBase64url } from "./base64url.ts";
import { type HmacSha512, hmacSha512 } from "./hmac-sha512.ts";
import { KEY_BYTES, keyBytes, type KeyInput } from "./key-check.ts";

export type { KeyInput } from "./key-check.ts";

/** The length of a key's id in a sealed or signed value. */
export const KID_BYTES = 4;

const MAX_KEYS = 32;
const KID_LABEL = "sojourn kid 1:";
const DERIVE_SALT = "sojourn key 1";

/** A root key, and its id. Not secret: the id. */
interface RootKey {
  readonly kid: Uint8Array;
  readonly key: KeyObject;
}

/** A key for one purpose, and the id that values made with it carry. */
export interface PurposeKey extends RootKey {
  readonly hmac: HmacSha512;
}

/** The keys of a ring for one purpose: `current` writes, all of them read. */
export interface PurposeKeys {
  readonly current: PurposeKey;
  /** The key of this id, or undefined when it is not in the ring. */
  find(kid: Uint8Array): PurposeKey | undefined;
}

/**
 * The application's keys: the first writes, all read. A key for every purpose is derived from each of them (HKDF-SHA-512,
 * RFC 5869), so that a value made for one purpose never opens for another. Prints and serializes without its keys.
 */
export class KeyRing {
  readonly #roots: readonly RootKey[];
  readonly #purposes = new Map<string, PurposeKeys>();

  /** Use {@link keyRing}. */
  constructor(inputs: readonly KeyInput[]) {
    const roots = new Map<string, RootKey>();
    for (const input of inputs) {
      const bytes = keyBytes(input);
      const kid = createHash("sha256").update(KID_LABEL).update(bytes).digest().subarray(0, KID_BYTES);
      const key = createSecretKey(bytes);
      bytes.fill(0);
      const known = roots.get(kid.toString("hex"));
      if (known !== undefined && !known.key.equals(key)) {
        throw new TypeError("Two keys have the same key id, by rare chance. Make another with `npx sojourn generate-key`.");
      }
      if (known === undefined) roots.set(kid.toString("hex"), { kid, key });
    }
    this.#roots = [...roots.values()];
  }

  /** How many different keys there are. */
  get size(): number {
    return this.#roots.length;
  }

  /** The keys for one purpose, derived once. */
  forPurpose(purpose: string): PurposeKeys {
    let keys = this.#purposes.get(purpose);
    if (keys === undefined) {
      keys = purposeKeys(this.#roots.map((root) => derive(root, purpose)));
      this.#purposes.set(purpose, keys);
    }
    return keys;
  }

  toString(): string {
    return `[KeyRing of ${this.size}]`;
  }

  toJSON(): string {
    return this.toString();
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }
}

/**
 * The ring of `keys`: the first one writes, all of them read. To replace a key, put the new one in front, and drop the old
 * one when what it wrote has expired.
 *
 * @param keys one key or several, newest first; each 32 random bytes or more, or the text that `sojourn generate-key` prints
 * @throws {TypeError} for a key that is missing, short, a placeholder, a phrase or a pattern; the message never holds the
 * key
 */
export function keyRing(keys: KeyInput | readonly KeyInput[] | KeyRing): KeyRing {
  if (keys instanceof KeyRing) return keys;
  const inputs = typeof keys === "string" || keys instanceof Uint8Array ? [keys] : keys;
  if (!Array.isArray(inputs) || inputs.length === 0 || inputs.length > MAX_KEYS) {
    throw new TypeError(`The keys must be one to ${MAX_KEYS}, newest first. Make one with \`npx sojourn generate-key\`.`);
  }
  return new KeyRing(inputs);
}

/** A new key as text: 32 random bytes as 43 base64url characters. */
export function generateKey(): string {
  for (;;) {
    const text = encodeBase64url(randomBytes(KEY_BYTES));
    try {
      keyBytes(text).fill(0);
      return text;
    } catch {
      // About once in a million, a random key looks typed.
    }
  }
}

function purposeKeys(keys: readonly PurposeKey[]): PurposeKeys {
  const [current] = keys;
  if (current === undefined) throw new TypeError("A key ring holds no key.");
  const byKid = new Map(keys.map((each) => [kidNumber(each.kid), each]));
  return Object.freeze({ current, find: (kid: Uint8Array) => byKid.get(kidNumber(kid)) });
}

function kidNumber(kid: Uint8Array): number {
  return Buffer.from(kid.buffer, kid.byteOffset, kid.byteLength).readUInt32BE();
}

function derive(root: RootKey, purpose: string): PurposeKey {
  const bytes = new Uint8Array(hkdfSync("sha512", root.key, DERIVE_SALT, purpose, 32));
  const key = createSecretKey(bytes);
  bytes.fill(0);
  return { kid: root.kid, key, hmac: hmacSha512(key) };
}
