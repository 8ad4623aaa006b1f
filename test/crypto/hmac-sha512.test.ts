import assert from "node:assert/strict";
import { createHmac, createSecretKey, randomFillSync } from "node:crypto";
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

test("a key leaves nothing of itself in the memory that all small buffers are parts of", () => {
  // Outside of it, so that what is looked for is not found here.
  const bytes = Buffer.alloc(32);
  randomFillSync(bytes);
  const pads = [0x36, 0x5c].map((pad) => new Uint8Array(32).map((_, index) => pad ^ (bytes[index] ?? 0)));
  hmacSha512(createSecretKey(bytes))(Buffer.from("message"));
  const pool = new Uint8Array(Buffer.from("anybody's").buffer);
  for (const secret of [bytes, ...pads]) assert.equal(Buffer.from(pool.buffer).includes(Buffer.from(secret.buffer)), false);
});

test("a key beyond a block is refused, and the key stays as it is", () => {
  assert.throws(() => hmacSha512(createSecretKey(Buffer.alloc(129, 1))), RangeError);
  const key = createSecretKey(Buffer.alloc(32, 7));
  hmacSha512(key);
  assert.deepEqual(key.export(), Buffer.alloc(32, 7));
});
