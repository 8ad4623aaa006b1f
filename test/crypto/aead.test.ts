import assert from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { open, seal, SEAL_BYTES, sealWith } from "../../src/crypto/aead.ts";
import { keyRing } from "../../src/crypto/key-ring.ts";
import { bitFlips, freshRing, testKey, vectors } from "./support.ts";

test("sealed bytes are those of the independent computation, both ways", () => {
  const keys = keyRing(vectors.keys).forPurpose("codec seal");
  for (const { place, plain, salt, sealed } of vectors.seal) {
    const made = sealWith(keys, place, Buffer.from(plain), Buffer.from(salt, "hex"));
    assert.equal(made.toString("base64url"), sealed);
    assert.equal(open(keys, place, Buffer.from(sealed, "base64url")).plain?.toString(), plain);
  }
});

test("any bytes come back, from their place only", () => {
  const keys = freshRing().forPurpose("a");
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 500 }), fc.string(), fc.string(), (plain, place, other) => {
      fc.pre(Buffer.from(place).compare(Buffer.from(other)) !== 0);
      const sealed = seal(keys, place, plain);
      assert.equal(sealed.length, plain.length + SEAL_BYTES);
      assert.deepEqual(open(keys, place, sealed).plain, Buffer.from(plain));
      assert.equal(open(keys, other, sealed).refusal, "tampered");
    }),
  );
});

test("every flipped bit is refused: as another format, another key, or tampered", () => {
  const keys = keyRing([testKey(1), testKey(2)]).forPurpose("a");
  const sealed = seal(keys, "here", Buffer.from("some text that is sealed"));
  for (const [index, copy] of bitFlips(sealed)) {
    const expected = index === 0 ? "format" : index < 5 ? "key" : "tampered";
    assert.equal(open(keys, "here", copy).refusal, expected, `byte ${index}`);
  }
});

test("what is cut, lengthened or empty is refused", () => {
  const keys = freshRing().forPurpose("a");
  const sealed = seal(keys, "here", Buffer.from("text"));
  for (let length = 0; length < sealed.length; length++) {
    assert.equal(open(keys, "here", sealed.subarray(0, length)).refusal, "tampered", `${length} bytes`);
  }
  assert.equal(open(keys, "here", Buffer.concat([sealed, Buffer.of(0)])).refusal, "tampered");
  assert.equal(open(keys, "here", Buffer.alloc(0)).refusal, "tampered");
});

test("another purpose of the same key does not open it, another key says so", () => {
  const ring = freshRing();
  const sealed = seal(ring.forPurpose("a"), "here", Buffer.from("text"));
  assert.equal(open(ring.forPurpose("b"), "here", sealed).refusal, "tampered");
  assert.equal(open(freshRing().forPurpose("a"), "here", sealed).refusal, "key");
});

test("after a rotation the old key opens and the new one seals; once dropped, the old one is unknown", () => {
  const [before, after] = [keyRing(testKey(1)).forPurpose("a"), keyRing([testKey(2), testKey(1)]).forPurpose("a")];
  const old = seal(before, "here", Buffer.from("text"));
  assert.equal(open(after, "here", old).plain?.toString(), "text");
  const fresh = seal(after, "here", Buffer.from("text"));
  assert.equal(open(before, "here", fresh).refusal, "key");
  const dropped = keyRing(testKey(2)).forPurpose("a");
  assert.equal(open(dropped, "here", old).refusal, "key");
  assert.equal(open(dropped, "here", fresh).plain?.toString(), "text");
});

test("no salt, key stream or ciphertext is used twice", () => {
  const keys = freshRing().forPurpose("a");
  const salts = new Set<string>();
  const bodies = new Set<string>();
  for (let round = 0; round < 20_000; round++) {
    const sealed = seal(keys, "here", Buffer.alloc(16));
    salts.add(sealed.toString("hex", 5, 29));
    bodies.add(sealed.toString("hex", 45, 61));
  }
  assert.equal(salts.size, 20_000);
  assert.equal(bodies.size, 20_000);
});

test("the commitment is checked: a ciphertext that another key's GCM would accept is refused", () => {
  const keys = freshRing().forPurpose("a");
  const sealed = seal(keys, "here", Buffer.from("text"));
  // The body and the tag are left good; only the commitment is another, as it would be for a second key.
  const forged = Buffer.from(sealed);
  forged.fill(0, 29, 45);
  assert.equal(open(keys, "here", forged).refusal, "tampered");
});

test("neither the text nor anything like it shows in what is sealed", () => {
  const keys = freshRing().forPurpose("a");
  const plain = Buffer.from("a rather recognisable text ".repeat(20));
  const sealed = seal(keys, "here", plain);
  assert.equal(sealed.includes("recognisable"), false);
  assert.equal(
    createCipheriv("aes-256-gcm", testKey(1), Buffer.alloc(12)).update(plain).equals(sealed.subarray(45, -16)),
    false,
  );
});

test("a salt of another length is refused", () => {
  assert.throws(() => sealWith(freshRing().forPurpose("a"), "here", Buffer.alloc(1), Buffer.alloc(12)), RangeError);
});
