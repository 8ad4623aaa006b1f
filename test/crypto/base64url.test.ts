import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeBase64url, encodeBase64url } from "../../src/crypto/base64url.ts";
import { equalInConstantTime } from "../../src/crypto/constant-time.ts";

test("the vectors of RFC 4648, without padding", () => {
  const vectors = { "": "", f: "Zg", fo: "Zm8", foo: "Zm9v", foob: "Zm9vYg", fooba: "Zm9vYmE", foobar: "Zm9vYmFy" };
  for (const [plain, text] of Object.entries(vectors)) {
    assert.equal(encodeBase64url(Buffer.from(plain)), text);
    assert.equal(decodeBase64url(text)?.toString(), plain);
  }
  assert.equal(encodeBase64url(Buffer.of(0xfb, 0xff)), "-_8");
});

test("bytes come back, also from a view into a larger buffer", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat({ max: 50 }), (bytes, start) => {
      const view = bytes.subarray(Math.min(start, bytes.length));
      assert.deepEqual(decodeBase64url(encodeBase64url(view)), Buffer.from(view));
    }),
  );
});

test("every other spelling is refused", () => {
  const refused = [
    "Zg==",
    "Zg=",
    "Zm 9v",
    "Zm9v\n",
    " Zm9v",
    "Zm+v",
    "Zm/v",
    "Z",
    "Zm9vZ",
    "Zh",
    "Zm9",
    "Zm9\u00e9",
    "Zm\0v",
    "\ufeffZm9v",
  ];
  for (const text of refused) assert.equal(decodeBase64url(text), undefined, JSON.stringify(text));
});

test("of all texts, only those that encoding gives are decoded", () => {
  const text = fc.string({ unit: fc.constantFrom(..."ABYZabyz0189-_+/= \n\u00e9"), maxLength: 12 });
  fc.assert(
    fc.property(text, (given) => {
      const bytes = decodeBase64url(given);
      const isCanonical = /^[A-Za-z0-9_-]*$/.test(given) && given.length % 4 !== 1 && !hasLeftoverBits(given);
      assert.equal(bytes !== undefined, isCanonical);
    }),
    { numRuns: 3000 },
  );
});

function hasLeftoverBits(text: string): boolean {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const last = alphabet.indexOf(text.at(-1) ?? "A");
  return (text.length % 4 === 2 && last % 16 !== 0) || (text.length % 4 === 3 && last % 4 !== 0);
}

test("the one compare: equal bytes only, other lengths are unequal and do not throw", () => {
  assert.equal(equalInConstantTime(Buffer.from("abc"), Buffer.from("abc")), true);
  assert.equal(equalInConstantTime(Buffer.from("abc"), Buffer.from("abd")), false);
  assert.equal(equalInConstantTime(Buffer.from("abc"), Buffer.from("ab")), false);
  assert.equal(equalInConstantTime(Buffer.alloc(0), Buffer.alloc(0)), true);
});
