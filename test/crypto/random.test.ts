import assert from "node:assert/strict";
import { test } from "node:test";
import { randomText } from "../../src/crypto/random.ts";

test("random text has the length of its bytes in base64url, and none comes twice", () => {
  const seen = new Set<string>();
  for (let round = 0; round < 2000; round++) {
    for (const bytes of [9, 12, 24]) {
      const text = randomText(bytes);
      assert.match(text, /^[A-Za-z0-9_-]+$/);
      assert.equal(text.length, (bytes / 3) * 4);
      seen.add(text);
    }
  }
  assert.equal(seen.size, 6000);
});
