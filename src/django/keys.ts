import { createHash } from "node:crypto";

/** A secret as Django's settings have it: text, or bytes. */
export type DjangoSecret = string | Uint8Array;

/** Options of {@link djangoKeys}, by Django's names. */
export interface DjangoKeysOptions {
  /** `SECRET_KEY`: signs, and verifies. */
  readonly secretKey: DjangoSecret;
  /** `SECRET_KEY_FALLBACKS`: older secrets, which only verify. Default none. */
  readonly secretKeyFallbacks?: readonly DjangoSecret[] | undefined;
}

/** What Django hashes with: SHA-256, and before 3.1 SHA-1. */
export type DjangoHash = "sha256" | "sha1";

const MOST_SECRETS = 64;
const MOST_DERIVED = 256;

/**
 * The secrets of a Django project: the first signs, all verify. Prints and serializes without them.
 *
 * Make it with {@link djangoKeys}.
 */
export class DjangoKeys {
  readonly #secrets: readonly Buffer[];
  readonly #derived = new Map<string, readonly Buffer[]>();

  constructor(secrets: readonly Buffer[]) {
    this.#secrets = secrets;
  }

  /** How many secrets there are. */
  get size(): number {
    return this.#secrets.length;
  }

  /** The HMAC keys for one salt, the current secret's first: the hash of salt and secret. */
  derived(salt: string, hash: DjangoHash): readonly Buffer[] {
    const name = `${hash}:${salt}`;
    const known = this.#derived.get(name);
    if (known !== undefined) return known;
    const keys = this.#secrets.map((secret) => createHash(hash).update(salt).update(secret).digest());
    // Salts are few; but nothing may grow without end.
    if (this.#derived.size < MOST_DERIVED) this.#derived.set(name, keys);
    return keys;
  }

  toString(): string {
    return `[DjangoKeys of ${this.size}]`;
  }

  toJSON(): string {
    return this.toString();
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }
}

/**
 * The secrets of a Django project, from its settings.
 *
 * @throws {TypeError} for a secret that is missing or empty, or that is no text and no bytes; the message never holds it
 */
export function djangoKeys({ secretKey, secretKeyFallbacks = [] }: DjangoKeysOptions): DjangoKeys {
  if (!Array.isArray(secretKeyFallbacks) || secretKeyFallbacks.length >= MOST_SECRETS) {
    throw new TypeError(`djangoKeys: secretKeyFallbacks must be a list of fewer than ${MOST_SECRETS} secrets.`);
  }
  const fallbacks: readonly DjangoSecret[] = secretKeyFallbacks;
  return new DjangoKeys([
    secretBytes(secretKey, "secretKey"),
    ...fallbacks.map((secret) => secretBytes(secret, "secretKeyFallbacks")),
  ]);
}

function secretBytes(secret: unknown, name: string): Buffer {
  const isText = typeof secret === "string" && secret.isWellFormed();
  if (!isText && !(secret instanceof Uint8Array)) {
    throw new TypeError(`djangoKeys: ${name} must be Django's secret, as text or as bytes.`);
  }
  const bytes = Buffer.from(secret);
  if (bytes.byteLength === 0) throw new TypeError(`djangoKeys: ${name} is empty; take the SECRET_KEY of Django's settings.`);
  return bytes;
}
