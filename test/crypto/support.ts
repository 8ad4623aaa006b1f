import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { generateKey, keyRing, type KeyRing } from "../../src/crypto/key-ring.ts";

/** What `vectors.py` computed. */
export interface Vectors {
  readonly keys: readonly [string, string];
  readonly kids: readonly [string, string];
  readonly derived: Readonly<Record<string, readonly [string, string]>>;
  readonly seal: readonly { place: string; plain: string; salt: string; sealed: string }[];
  readonly sign: readonly { purpose: string; place: string; text: string; signature: string }[];
  readonly codecs: { place: string; plain: string; signed: string; sealed: string; sealedByOld: string };
  readonly cookies: { name: string; handle: string; sealed: string; signed: string };
}

export const vectors = JSON.parse(readFileSync(join(import.meta.dirname, "vectors.json"), "utf8")) as Vectors;

/** A key that is the same in every run. */
export function testKey(number: number): Buffer {
  return createHash("sha256").update(`sojourn test key ${number}`).digest();
}

/** A ring of one new key. */
export function freshRing(): KeyRing {
  return keyRing(generateKey());
}

/** Every copy of `bytes` with one bit flipped. */
export function* bitFlips(bytes: Uint8Array): Generator<readonly [index: number, copy: Buffer]> {
  for (let index = 0; index < bytes.length; index++) {
    for (let bit = 0; bit < 8; bit++) {
      const copy = Buffer.from(bytes);
      copy[index] = (copy[index] ?? 0) ^ (1 << bit);
      yield [index, copy];
    }
  }
}
