import assert from "node:assert/strict";
import crypto from "node:crypto";
import { syncBuiltinESMExports } from "node:module";
import { after, test } from "node:test";

const { randomFillSync } = crypto;
// As in two copies of one machine's memory: what is drawn comes again.
crypto.randomFillSync = ((bytes: Uint8Array) => bytes.fill(7)) as typeof randomFillSync;
syncBuiltinESMExports();
after(() => {
  crypto.randomFillSync = randomFillSync;
  syncBuiltinESMExports();
});
const { seal } = await import("../../src/crypto/aead.ts");
const { keyRing } = await import("../../src/crypto/key-ring.ts");
const { testKey } = await import("./support.ts");

test("where random bytes come again, two texts or places still have two salts", () => {
  const keys = keyRing(testKey(1)).forPurpose("a");
  const salt = (place: string, text: string): string => seal(keys, place, Buffer.from(text)).toString("hex", 5, 29);
  assert.equal(salt("here", "one"), salt("here", "one"), "they did not come again");
  assert.notEqual(salt("here", "one"), salt("here", "two"));
  assert.notEqual(salt("here", "one"), salt("there", "one"));
});
