import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { compressedCodec } from "../../src/codec/compressed.ts";
import { jsonCodec } from "../../src/codec/json.ts";
import { sealedCodec } from "../../src/codec/sealed.ts";
import { generateKey } from "../../src/crypto/key-ring.ts";
import { HERE, jsonData, refuses, roundTrip } from "./support.ts";

const codec = compressedCodec();

test("long text that gets shorter is compressed, the rest travels as it is under its own mark", () => {
  const long = `{"a":"${"x".repeat(2000)}"}`;
  assert.match(codec.encode(long, HERE), /^z1:[A-Za-z0-9_-]+$/);
  assert.ok(codec.encode(long, HERE).length < 100);
  assert.equal(codec.encode('{"a":1}', HERE), 'j1:{"a":1}');
  const random = `{"a":"${Buffer.from(crypto.getRandomValues(new Uint8Array(3000))).toString("base64")}"}`;
  assert.equal(compressedCodec({ above: 0 }).encode(`{"a":"${random.length}"}`, HERE).startsWith("j1:"), true);
  for (const plain of [long, '{"a":1}', random]) assert.equal(codec.decode(codec.encode(plain, HERE), HERE), plain);
});

test("the bound above which it tries is exact, in bytes", () => {
  const bound = compressedCodec({ above: 100 });
  const plain = (bytes: number) => `{"a":"${"x".repeat(bytes - 3 - 8)}"}`;
  assert.equal(bound.encode(plain(100), HERE).startsWith("j1:"), true);
  assert.equal(bound.encode(plain(101), HERE).startsWith("z1:"), true);
  assert.equal(bound.encode(`{"a":"${"é".repeat(50)}"}`, HERE).startsWith("z1:"), true);
});

test("whatever JSON can carry comes back the same", () => {
  const always = compressedCodec({ above: 0 });
  fc.assert(
    fc.property(jsonData, (data) => assert.deepStrictEqual(roundTrip(always, data), data)),
    { numRuns: 500 },
  );
});

test("a bomb is refused at the bound, without being unpacked", () => {
  const bomb = `z1:${deflateSync(Buffer.alloc(200 * 1024 * 1024)).toString("base64url")}`;
  assert.ok(bomb.length < 300_000);
  const before = process.memoryUsage().arrayBuffers;
  const started = performance.now();
  assert.throws(() => codec.decode(bomb, HERE), refuses("size"));
  assert.ok(performance.now() - started < 2000);
  assert.ok(process.memoryUsage().arrayBuffers - before < 64 * 1024 * 1024);
});

test("what it writes it can read: text beyond the bound is refused when encoding", () => {
  const small = compressedCodec({ maxBytes: 1024 });
  const plain = (bytes: number) => `{"a":"${"x".repeat(bytes - 3 - 8)}"}`;
  assert.equal(small.decode(small.encode(plain(1024), HERE), HERE), plain(1024));
  assert.throws(() => small.encode(plain(1025), HERE), refuses("size"));
});

test("what is not a whole zlib stream in base64url is refused by format", () => {
  const good = codec.encode(`{"a":"${"xyz".repeat(1000)}"}`, HERE).slice(3);
  const gzip = gzipSync("j1:{}").toString("base64url");
  for (const body of ["", "A", "====", "hello", good.slice(0, -4), `${good}=`, gzip, good.replace(/^./, "B")]) {
    assert.throws(() => codec.decode(`z1:${body}`, HERE), refuses("format"), body.slice(0, 20));
  }
  for (const text of ["z2:AAAA", "", "{}", "e1:AAAA"]) assert.throws(() => codec.decode(text, HERE), refuses("format"));
});

test("what inflates to something else than the inner codec wrote is refused by it", () => {
  const packed = (text: string) => `z1:${deflateSync(text).toString("base64url")}`;
  for (const text of ["{}", "e1:AAAA", "", packed("j1:{}")]) {
    assert.throws(() => codec.decode(packed(text), HERE), refuses("format"), text.slice(0, 10));
  }
});

test("an inner text that is not well formed, or looks compressed, is never mangled", () => {
  const loose = compressedCodec({ above: 0, codec: { ...jsonCodec(), encode: (plain) => plain, decode: (text) => text } });
  const lone = `"${"\ud800".repeat(100)}"`;
  assert.equal(loose.decode(loose.encode(lone, HERE), HERE), lone);
  assert.throws(() => loose.encode("z1:abc", HERE), refuses("value"));
});

test("sealing the compressed saves space; the other way round does no harm", () => {
  const keys = generateKey();
  const data = { text: "again and again ".repeat(200) };
  const [inside, outside] = [sealedCodec({ keys, codec }), compressedCodec({ codec: sealedCodec({ keys }) })];
  const length = (which: typeof inside) => which.encode(which.stringify(data), HERE).length;
  assert.ok(length(inside) < 300);
  assert.ok(length(outside) > 3000);
  assert.deepEqual(roundTrip(inside, data), data);
  assert.deepEqual(roundTrip(outside, data), data);
});

test("options out of range are refused when configured", () => {
  for (const options of [{ above: -1 }, { above: 1.5 }, { above: Number.NaN }, { maxBytes: 10 }, { maxBytes: 2 ** 29 }]) {
    assert.throws(() => compressedCodec(options), TypeError);
  }
});
