import { createHmac } from "node:crypto";
import { equalInConstantTime } from "../crypto/constant-time.ts";
import type { DjangoHash, DjangoKeys } from "./keys.ts";

/** What a MAC is made of: Django's `salted_hmac`, whose key is the hash of salt and secret. */
export interface SaltedMac {
  readonly salt: string;
  readonly hash: DjangoHash;
  /** How the MAC is written. */
  readonly encoding: "base64url" | "hex";
}

/** The MAC of a message under the current secret, as text. */
export function macOf(keys: DjangoKeys, message: string | Uint8Array, { salt, hash, encoding }: SaltedMac): string {
  const [key = Buffer.alloc(0)] = keys.derived(salt, hash);
  return createHmac(hash, key).update(message).digest(encoding);
}

/**
 * Which secret made a MAC: 0 for the current one, then the fallbacks; -1 for none. Texts are compared, in constant time: unused bits at the
 * end of base64 are no second spelling.
 */
export function secretOf(
  keys: DjangoKeys,
  message: string | Uint8Array,
  mac: SaltedMac,
  given: string | Uint8Array,
): number {
  const { salt, hash, encoding } = mac;
  const text = Buffer.from(given);
  return keys
    .derived(salt, hash)
    .findIndex((key) => equalInConstantTime(Buffer.from(createHmac(hash, key).update(message).digest(encoding)), text));
}
