import assert from "node:assert/strict";
import crypto, { createHash } from "node:crypto";
import { after, test } from "node:test";

const { hash } = crypto;
// A runtime without hashes in one call.
Reflect.deleteProperty(crypto, "hash");
after(() => Reflect.set(crypto, "hash", hash));
const { open, sealWith } = await import("../../src/crypto/aead.ts");
const { sha256 } = await import("../../src/crypto/digest.ts");
const { keyRing } = await import("../../src/crypto/key-ring.ts");
const { vectors } = await import("./support.ts");

test("without hashes in one call, what is sealed and hashed is the same", () => {
  assert.equal(crypto.hash, undefined);
  assert.equal(sha256("text"), createHash("sha256").update("text").digest("hex"));
  const keys = keyRing(vectors.keys).forPurpose("codec seal");
  for (const { place, plain, salt, sealed } of vectors.seal) {
    const made = sealWith(keys, place, Buffer.from(plain), Buffer.from(salt, "hex"));
    assert.equal(made.toString("base64url"), sealed);
    assert.equal(open(keys, place, made).plain?.toString(), plain);
  }
});
