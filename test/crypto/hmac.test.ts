import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { framed } from "../../src/crypto/framing.ts";
import { sign, SIGNATURE_BYTES, verify } from "../../src/crypto/hmac.ts";
import { keyRing } from "../../src/crypto/key-ring.ts";
import { bitFlips, freshRing, testKey, vectors } from "./support.ts";

test("signatures are those of the independent computation", () => {
  const keys = keyRing(vectors.keys).forPurpose("codec sign");
  for (const { purpose, place, text, signature } of vectors.sign) {
    assert.equal(sign(keys, { purpose, place }, text).toString("hex"), signature);
    assert.equal(sign(keys, { purpose, place }, Buffer.from(text)).toString("hex"), signature);
    assert.equal(verify(keys, { purpose, place }, text, Buffer.from(signature, "hex")), undefined);
  }
});

test("a signature is good for its purpose, place, text and key only", () => {
  const ring = freshRing();
  const keys = ring.forPurpose("a");
  const scope = { purpose: "p", place: "here" };
  const signature = sign(keys, scope, "text");
  assert.equal(signature.length, SIGNATURE_BYTES);
  assert.equal(verify(keys, scope, "text", signature), undefined);
  assert.equal(verify(keys, scope, "texT", signature), "tampered");
  assert.equal(verify(keys, { ...scope, place: "there" }, "text", signature), "tampered");
  assert.equal(verify(keys, { ...scope, purpose: "q" }, "text", signature), "tampered");
  assert.equal(verify(ring.forPurpose("b"), scope, "text", signature), "tampered");
  assert.equal(verify(freshRing().forPurpose("a"), scope, "text", signature), "key");
});

test("every flipped bit and every other length is refused", () => {
  const keys = keyRing([testKey(1), testKey(2)]).forPurpose("a");
  const scope = { purpose: "p", place: "here" };
  const signature = sign(keys, scope, "text");
  for (const [index, copy] of bitFlips(signature)) {
    assert.equal(verify(keys, scope, "text", copy), index < 4 ? "key" : "tampered", `byte ${index}`);
  }
  for (let length = 0; length < SIGNATURE_BYTES; length++) {
    assert.equal(verify(keys, scope, "text", signature.subarray(0, length)), "tampered");
  }
  assert.equal(verify(keys, scope, "text", Buffer.concat([signature, Buffer.of(0)])), "tampered");
});

test("a key id of the ring does not make another key's tag good", () => {
  const [first, second] = [keyRing(testKey(1)).forPurpose("a"), keyRing(testKey(2)).forPurpose("a")];
  const scope = { purpose: "p", place: "here" };
  const mixed = Buffer.concat([second.current.kid, sign(first, scope, "text").subarray(4)]);
  assert.equal(verify(keyRing([testKey(1), testKey(2)]).forPurpose("a"), scope, "text", mixed), "tampered");
});

test("no two lists of fields are framed alike", () => {
  const fields = fc.array(fc.string({ unit: fc.constantFrom("a", "\0", "\u0001", "\u00e9"), maxLength: 4 }), {
    maxLength: 4,
  });
  fc.assert(
    fc.property(fields, fields, (a, b) => {
      assert.equal(framed(a).equals(framed(b)), JSON.stringify(a) === JSON.stringify(b));
    }),
    { numRuns: 2000 },
  );
  assert.equal(framed(["ab", "c"]).equals(framed(["a", "bc"])), false);
  assert.equal(framed(["ab"]).toString("hex"), "000000026162");
});
