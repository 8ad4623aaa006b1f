import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { inspect } from "node:util";
import { generateKey, keyRing, KeyRing, type KeyInput } from "../../src/crypto/key-ring.ts";
import { testKey, vectors } from "./support.ts";

test("key ids and derived keys are those of the independent computation", () => {
  const ring = keyRing(vectors.keys);
  for (const [purpose, expected] of Object.entries(vectors.derived)) {
    const keys = ring.forPurpose(purpose);
    assert.equal(Buffer.from(keys.current.kid).toString("hex"), vectors.kids[0]);
    assert.equal(keys.current.key.export().toString("hex"), expected[0]);
    for (const index of [0, 1] as const) {
      assert.equal(keys.find(Buffer.from(vectors.kids[index], "hex"))?.key.export().toString("hex"), expected[index]);
    }
  }
  assert.notEqual(vectors.derived["codec seal"]?.[0], vectors.derived["codec sign"]?.[0]);
});

test("a key is the same as bytes, as base64url text and as hexadecimal text", () => {
  const bytes = testKey(1);
  const views = [
    bytes,
    new Uint8Array(bytes),
    bytes.toString("base64url"),
    bytes.toString("hex"),
    bytes.toString("hex").toUpperCase(),
  ];
  for (const input of views) {
    assert.equal(keyRing(input).forPurpose("x").current.key.equals(keyRing(bytes).forPurpose("x").current.key), true);
  }
});

test("the first key writes, all read, an unknown key id finds nothing", () => {
  const keys = keyRing([testKey(1), testKey(2), testKey(3)]).forPurpose("x");
  const other = keyRing(testKey(4)).forPurpose("x");
  assert.deepEqual(keys.current.kid, keyRing(testKey(1)).forPurpose("x").current.kid);
  for (const number of [1, 2, 3]) {
    const { kid, key } = keyRing(testKey(number)).forPurpose("x").current;
    assert.equal(keys.find(kid)?.key.equals(key), true);
  }
  assert.equal(keys.find(other.current.kid), undefined);
});

test("a ring is used as it is, and a key given twice counts once", () => {
  const ring = keyRing(generateKey());
  assert.equal(keyRing(ring), ring);
  const key = generateKey();
  assert.equal(keyRing([key, key]).size, 1);
});

test("the caller's key bytes are copied, not kept and not wiped", () => {
  const bytes = Buffer.from(testKey(1));
  const ring = keyRing(bytes);
  assert.deepEqual(bytes, testKey(1));
  bytes.fill(9);
  assert.equal(ring.forPurpose("x").current.key.equals(keyRing(testKey(1)).forPurpose("x").current.key), true);
});

test("generated keys are 32 random bytes as text, all different and all accepted", () => {
  const keys = new Set(Array.from({ length: 2000 }, () => generateKey()));
  assert.equal(keys.size, 2000);
  for (const key of keys) {
    assert.match(key, /^[A-Za-z0-9_-]{43}$/);
    keyRing(key);
  }
});

test("random bytes are accepted in every form", () => {
  for (let round = 0; round < 2000; round++) {
    const bytes = randomBytes(32 + (round % 33));
    keyRing(bytes);
    keyRing(bytes.toString("hex"));
  }
});

const BAD: readonly (readonly [what: string, key: unknown])[] = [
  ["nothing", undefined],
  ["null", null],
  ["a number", 5],
  ["an object", {}],
  ["empty text", ""],
  ["no bytes", Buffer.alloc(0)],
  ["31 bytes", testKey(1).subarray(1)],
  ["31 bytes as text", testKey(1).subarray(1).toString("base64url")],
  ["16 bytes as hex", testKey(1).subarray(16).toString("hex")],
  ["1,025 bytes", randomBytes(1025)],
  ["a word", "secret"],
  ["the cat", "keyboard cat"],
  ["a placeholder", "change-me-change-me-change-me-change-me-change-me-c"],
  ["another placeholder", "REPLACE_ME_with_32_RANDOM_bytes_please_0123456"],
  ["a word among random characters", "kQ3xZ9SecretT7vLm2PpR8wYb4NdH6jFs1GaXc5UeV0"],
  ["a password", "MyPassword123MyPassword123MyPassword123MyPassw0"],
  ["a passphrase", "correct-horse-battery-staple-correct-horse-battery"],
  ["short words", "the-cat-sat-on-the-mat-and-ate-the-rat-on-it-allA".toLowerCase()],
  ["words in camel case", "ThisIsMyKeyForProductionThatNobodyWillEverGuessA"],
  ["one character", "a".repeat(43)],
  ["three characters", "aB3".repeat(16)],
  ["the alphabet", "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"],
  ["a row of the keyboard", "qwertyuiopasdfghjklzxcvbnm1234567890QWERTYUIOP12"],
  ["padded base64", testKey(1).toString("base64")],
  ["a line break at the end", `${testKey(1).toString("base64url")}\n`],
  ["blanks around", ` ${testKey(1).toString("base64url")} `],
  ["zero bytes", Buffer.alloc(32)],
  ["one byte repeated", Buffer.alloc(64, 7)],
  ["bytes that count", Buffer.from(Array.from({ length: 32 }, (_, index) => index))],
  ["bytes that count down in sevens", Buffer.from(Array.from({ length: 48 }, (_, index) => 255 - index * 7))],
  ["a block repeated", Buffer.concat(Array.from({ length: 8 }, () => testKey(1).subarray(0, 8)))],
  ["a sentence as bytes", Buffer.from("this is a sentence that somebody took for a key")],
  ["a sentence as base64url", Buffer.from("this is a sentence that somebody took for a key").toString("base64url")],
  ["a sentence as hex", Buffer.from("this is a sentence that somebody took for a key").toString("hex")],
  ["zero hex", "00".repeat(32)],
  ["counting hex", "0123456789abcdef".repeat(4)],
];

test("what people type instead of a key is refused, alone and behind a good one, and never quoted", () => {
  for (const [what, bad] of BAD) {
    for (const keys of [bad, [generateKey(), bad]]) {
      assert.throws(
        () => keyRing(keys as KeyInput),
        (error) =>
          error instanceof TypeError &&
          error.message.includes("generate-key") &&
          (typeof bad !== "string" || bad.length < 10 || !error.message.includes(bad.slice(0, 10))),
        what,
      );
    }
  }
});

test("no keys, and more than a ring holds, are refused", () => {
  for (const keys of [[], undefined, null, 5, {}, Array.from({ length: 33 }, () => generateKey())]) {
    assert.throws(() => keyRing(keys as KeyInput[]), TypeError);
  }
});

test("nothing that prints or copies a ring shows a key", () => {
  const roots = [testKey(1), testKey(2)];
  const ring = keyRing(roots);
  const derived = ring.forPurpose("codec seal").current.key.export();
  const shown = [
    inspect(ring, { depth: 20, showHidden: true }),
    inspect({ deep: { ring } }, { depth: 20, showHidden: true, customInspect: false }),
    inspect(ring.forPurpose("codec seal"), { depth: 20, showHidden: true }),
    JSON.stringify({ ring }),
    JSON.stringify(ring.forPurpose("codec seal")),
    String(ring),
    JSON.stringify({ ...ring }),
    JSON.stringify(structuredClone({ ...ring })),
    Object.getOwnPropertyNames(ring).join(),
  ].join("\n");
  for (const secret of [...roots, derived]) {
    for (const form of ["hex", "base64", "base64url", "latin1"] as const)
      assert.equal(shown.includes(secret.toString(form)), false);
    assert.equal(shown.includes(secret.subarray(0, 4).join(", ")), false);
    assert.equal(shown.includes(inspect(secret).slice(8, 20)), false);
  }
  assert.match(shown, /KeyRing of 2/);
  assert.equal(ring instanceof KeyRing, true);
});
