import assert from "node:assert/strict";
import { inspect } from "node:util";
import { test } from "node:test";
import { deflateSync } from "node:zlib";
import fc from "fast-check";
import {
  djangoKeys,
  dumps,
  loads,
  readLegacy,
  SESSION_SALT,
  sign,
  signTimestamped,
  unsign,
  unsignTimestamped,
  writeLegacy,
} from "../../src/django/index.ts";
import { decodeBase62, encodeBase62 } from "../../src/django/base62.ts";
import { decodeBase64Leniently } from "../../src/django/python/base64.ts";

const SECRET = "a secret of many words";
const keys = djangoKeys({ secretKey: SECRET });
const salt = SESSION_SALT;
const at = 1_700_000_000_000;

test("the worked example of Django's format, to the byte", () => {
  const worked = djangoKeys({ secretKey: "worked-example-secret" });
  const expected = "eyJjb3VudCI6MX0:1r31eq:owdnteIXn5uF0wIFkyLz64Cy5ZxvfMxNUxdufwK6UeU";
  assert.equal(dumps(worked, '{"count":1}', { salt, at }), expected);
  assert.equal(dumps(worked, Buffer.from('{"count":1}'), { salt, at: at + 999.9 }), expected, "seconds are whole");
});

test("any text that is signed comes back, and no other", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string(), (value, other) => {
      if (!value.isWellFormed()) {
        assert.throws(() => sign(keys, value, { salt }), TypeError);
        return;
      }
      const signed = sign(keys, value, { salt: other });
      assert.deepEqual(unsign(keys, signed, { salt: other }), { status: "ok", value, stale: false });
      assert.equal(unsign(keys, signed, { salt: `${other}x` }).status, "invalid");
      assert.equal(unsign(keys, `x${signed}`, { salt: other }).status, "invalid");
    }),
  );
});

test("what comes in may be anything: the answer is a result, and never an exception", () => {
  const hostile = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.string({ unit: fc.constantFrom(":", ".", "A", "-", "=", "\ud800", "é") }),
    fc.constant(dumps(keys, "{}", { salt, at })).chain((text) => fc.nat(text.length - 1).map((cut) => text.slice(0, cut))),
  );
  fc.assert(
    fc.property(hostile, (text) => {
      for (const answer of [loads(keys, text, { salt, sha1: true }), readLegacy(keys, text), unsign(keys, text, { salt })]) {
        assert.equal(answer.status, "invalid");
      }
    }),
    { numRuns: 2000 },
  );
});

test("a lone surrogate does not stand for the character that it would be hashed as", () => {
  const signed = sign(keys, "\ufffd", { salt });
  assert.equal(unsign(keys, signed, { salt }).status, "ok");
  assert.deepEqual(unsign(keys, signed.replace("\ufffd", "\ud800"), { salt }), { status: "invalid", reason: "format" });
});

test("nothing is inflated beyond the bound, and nothing at all before it verifies", () => {
  const bomb = `.${deflateSync(Buffer.alloc(20_000_000, 0x61)).toString("base64url")}`;
  const signed = signTimestamped(keys, bomb, { salt, at });
  assert.deepEqual(loads(keys, signed, { salt }), { status: "invalid", reason: "size" });
  assert.equal(loads(keys, signed, { salt, maxBytes: 20_000_000 }).status, "ok");
  assert.deepEqual(loads(keys, `${signed}x`, { salt }), { status: "invalid", reason: "signature" });
  const long = dumps(keys, Buffer.from(Array.from({ length: 4000 }, (_, index) => (index * 7919) % 251)), { salt, at });
  assert.deepEqual(loads(keys, long, { salt, maxBytes: 3999 }), { status: "invalid", reason: "size" });
});

test("a fallback verifies and does not sign", () => {
  const before = djangoKeys({ secretKey: "before" });
  const between = djangoKeys({ secretKey: "between" });
  const now = djangoKeys({ secretKey: "now", secretKeyFallbacks: ["between", Buffer.from("before")] });
  for (const [index, old] of [now, between, before].entries()) {
    const signed = dumps(old, "{}", { salt, at });
    assert.deepEqual(loads(now, signed, { salt }), { status: "ok", value: "{}", stale: index > 0 });
  }
  const signed = dumps(now, "{}", { salt, at });
  assert.equal(loads(djangoKeys({ secretKey: "now" }), signed, { salt }).status, "ok");
  assert.equal(loads(before, signed, { salt }).status, "invalid");
  assert.deepEqual(readLegacy(now, writeLegacy(before, "{}")), { status: "ok", value: "{}", stale: true });
  assert.equal(readLegacy(now, writeLegacy(djangoKeys({ secretKey: "other" }), "{}")).status, "invalid");
});

test("an age is counted to the second, and a moment to come has none", () => {
  const signed = signTimestamped(keys, "x", { salt, at });
  const status = (now: number, maxAgeSeconds: number) =>
    unsignTimestamped(keys, signed, { salt, now, maxAgeSeconds }).status;
  assert.equal(status(at + 60_000, 60), "ok");
  assert.equal(status(at + 60_001, 60), "invalid");
  assert.equal(status(at - 1_000_000, 0), "ok");
  assert.equal(unsignTimestamped(keys, signed, { salt }).status, "ok");
  const endless = sign(keys, `x:${"z".repeat(200)}`, { salt });
  assert.equal(unsignTimestamped(keys, endless, { salt, maxAgeSeconds: 60 }).status, "invalid");
});

test("secrets are not printed, and what cannot be one is refused without a word of it", () => {
  const ring = djangoKeys({ secretKey: "hunter2", secretKeyFallbacks: ["hunter3"] });
  dumps(ring, "{}", { salt, at });
  for (const text of [String(ring), JSON.stringify({ ring }), inspect(ring, { showHidden: true, depth: 9 })]) {
    assert.match(text, /DjangoKeys of 2/);
    assert.doesNotMatch(text, /hunter/);
  }
  for (const secretKey of ["", undefined, 5, "hunter2\ud800", new Uint8Array(0)]) {
    assert.throws(
      () => djangoKeys({ secretKey: secretKey as string }),
      (error) => error instanceof TypeError && !error.message.includes("hunter"),
    );
  }
  assert.throws(() => djangoKeys({ secretKey: "a", secretKeyFallbacks: "b" as unknown as string[] }), TypeError);
  assert.throws(() => djangoKeys({ secretKey: "a", secretKeyFallbacks: [""] }), TypeError);
});

test("base 62 goes both ways, and takes no other digits", () => {
  fc.assert(fc.property(fc.maxSafeInteger(), (value) => assert.equal(decodeBase62(encodeBase62(value)), value)));
  for (const text of ["", "a b", "é", "1-", "--1", "1.5"]) assert.equal(decodeBase62(text), undefined, text);
  assert.throws(() => encodeBase62(1.5), TypeError);
});

test("base64 is read as Python reads it", () => {
  const url = (text: string) => decodeBase64Leniently(text, "base64url")?.toString("latin1");
  const standard = (text: string) => decodeBase64Leniently(text, "base64")?.toString("latin1");
  assert.equal(url("YWI"), "ab");
  assert.equal(url("YWI="), "ab");
  assert.equal(url("Y W\nI%"), "ab", "what is of no alphabet is passed over");
  assert.equal(url("Y WI"), undefined, "and counts for the padding");
  assert.equal(url("YWIé"), "ab", "the padding goes by bytes, of which this letter has two");
  assert.equal(url("-_8"), "\xfb\xff");
  assert.equal(url("+/8"), "\xfb\xff", "both alphabets");
  assert.equal(url("A"), undefined);
  assert.equal(standard("YWI="), "ab");
  assert.equal(standard("YW I=="), "ab");
  assert.equal(standard("YWI"), undefined);
  assert.equal(standard("YQ==YQ=="), "a", "padding ends it");
  assert.equal(standard("-_8="), undefined);
});
