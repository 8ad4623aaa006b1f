import assert from "node:assert/strict";
import { test } from "node:test";
import { compressedCodec } from "../../src/codec/compressed.ts";
import { jsonCodec } from "../../src/codec/json.ts";
import type { MarkedCodec } from "../../src/codec/mark.ts";
import { migratingCodec } from "../../src/codec/migrating.ts";
import { richCodec } from "../../src/codec/rich.ts";
import { sealedCodec } from "../../src/codec/sealed.ts";
import { signedCodec } from "../../src/codec/signed.ts";
import { testKey } from "../crypto/support.ts";
import { ELSEWHERE, HERE, refuses } from "./support.ts";

const sealed = sealedCodec({ keys: testKey(1) });

test("from JSON to sealed: both are read, sealed is written", () => {
  const codec = migratingCodec({ write: sealed, read: [jsonCodec()] });
  assert.deepEqual(codec.parse(codec.decode('j1:{"a":1}', HERE)), { a: 1 });
  const text = codec.encode(codec.stringify({ a: 1 }), HERE);
  assert.match(text, /^e1:/);
  assert.deepEqual(codec.parse(codec.decode(text, HERE)), { a: 1 });
  assert.deepEqual(codec.parse(sealed.decode(text, HERE)), { a: 1 });
  assert.equal(codec.name, "migrating(sealed(json), json)");
});

test("the mark alone decides: what its codec refuses is never tried with another", () => {
  const codec = migratingCodec({ write: sealed, read: [jsonCodec(), signedCodec({ keys: testKey(1) })] });
  const text = codec.encode("{}", HERE);
  assert.throws(() => codec.decode(text, ELSEWHERE), refuses("tampered"));
  assert.throws(() => codec.decode(text.slice(0, -2), HERE), refuses("tampered"));
  assert.throws(() => codec.decode(sealedCodec({ keys: testKey(2) }).encode("{}", HERE), HERE), refuses("key"));
  assert.throws(() => codec.decode("s1:j1:{}", HERE), refuses("tampered"));
  for (const unknown of ["e2:AAAA", "r1:[{}]", "{}", ""])
    assert.throws(() => codec.decode(unknown, HERE), refuses("format"));
});

test("a text of another format comes out in the writer's, and counts as unchanged", () => {
  const codec = migratingCodec({ write: richCodec(), read: [jsonCodec()] });
  const plain = codec.decode('j1:{"a":[1,"x"],"b":{}}', HERE);
  assert.deepEqual(codec.parse(plain), { a: [1, "x"], b: {} });
  assert.equal(codec.stringify(codec.parse(plain)), plain);
});

test("going back to a poorer format refuses what it cannot carry, as unreadable and not as lost", () => {
  const codec = migratingCodec({ write: jsonCodec(), read: [richCodec()] });
  const rich = richCodec();
  const stored = (value: Record<string, unknown>) => rich.encode(rich.stringify(value), HERE);
  assert.deepEqual(codec.parse(codec.decode(stored({ a: 1 }), HERE)), { a: 1 });
  assert.throws(() => codec.decode(stored({ a: new Date(0) }), HERE), refuses("format", /cannot carry/));
});

test("codecs whose marks cannot be told apart are refused when configured", () => {
  assert.throws(() => migratingCodec({ write: sealed, read: [sealedCodec({ keys: testKey(2) })] }), TypeError);
  assert.throws(() => migratingCodec({ write: compressedCodec(), read: [jsonCodec()] }), TypeError);
  for (const mark of ["", "j1", "J1:", "j1:x", ":", "j:"]) {
    const odd: MarkedCodec = { ...jsonCodec(), marks: [mark] };
    assert.throws(() => migratingCodec({ write: sealed, read: [odd] }), TypeError, mark);
  }
});
