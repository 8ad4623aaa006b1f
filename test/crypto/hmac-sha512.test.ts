import assert from "node:assert/strict";
import { createHmac, createSecretKey } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { hmacSha512 } from "../../src/crypto/hmac-sha512.ts";

test("it is the HMAC of Node.js, for any key up to a block and any message", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 128 }), fc.uint8Array({ maxLength: 400 }), (bytes, message) => {
      const key = createSecretKey(bytes);
      assert.deepEqual(hmacSha512(key)(message), createHmac("sha512", key).update(message).digest());
    }),
  );
});

test("a key beyond a block is refused, and the key stays as it is", () => {
  assert.throws(() => hmacSha512(createSecretKey(Buffer.alloc(129, 1))), RangeError);
  const key = createSecretKey(Buffer.alloc(32, 7));
  hmacSha512(key);
  assert.deepEqual(key.export(), Buffer.alloc(32, 7));
});
