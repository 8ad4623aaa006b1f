import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CHUNK_BYTES, chunkIndex, type CookiePair, MAX_CHUNKS, splitCookie, staleChunks } from "../../src/cookie/chunk.ts";
import { ChunkedCookie, readChunked } from "../../src/cookie/parse.ts";
import { serializeCookie } from "../../src/cookie/serialize.ts";
import { fastest, hostileHeaders } from "./support.ts";

const headerOf = (pairs: readonly CookiePair[]) => pairs.map(({ name, value }) => `${name}=${value}`).join("; ");
const cookieOctet = fc.constantFrom(..."!#$%&'()*+-./0123456789:<=>?@ABCXYZ[]^_`abcxyz{|}~");

test("a value that fits is one cookie, unchanged", () => {
  assert.deepEqual(splitCookie("sid", "abc"), [{ name: "sid", value: "abc" }]);
  assert.deepEqual(splitCookie("sid", "x".repeat(CHUNK_BYTES - 3)), [{ name: "sid", value: "x".repeat(CHUNK_BYTES - 3) }]);
  assert.equal(splitCookie("sid", "x".repeat(CHUNK_BYTES - 2)).length, 2);
});

test("a long value becomes name, name.1, name.2 …, each within the bytes that browsers keep", () => {
  const value = Array.from({ length: 9000 }, (_, index) => String.fromCharCode(97 + (index % 26))).join("");
  const pairs = splitCookie("__Host-sid", value);
  assert.deepEqual(
    pairs.map(({ name }) => name),
    ["__Host-sid", "__Host-sid.1", "__Host-sid.2"],
  );
  const attributes = {
    path: "/",
    secure: true,
    httpOnly: true,
    sameSite: "lax",
    partitioned: true,
    maxAgeSeconds: 1e9,
  } as const;
  for (const pair of pairs) {
    assert.ok(pair.name.length + pair.value.length <= CHUNK_BYTES);
    assert.ok(serializeCookie(pair.name, pair.value, attributes).length <= 4096, "attributes included");
  }
  for (const order of [pairs, pairs.toReversed()]) {
    assert.deepEqual(readChunked(headerOf(order), "__Host-sid").values, [value]);
  }
});

test("any value comes back from any order of its cookies, among others", () => {
  const value = fc.string({ unit: cookieOctet, maxLength: 300 });
  fc.assert(
    fc.property(value, fc.integer({ min: 24, max: 80 }), fc.infiniteStream(fc.nat()), (text, maxBytes, order) => {
      const pairs = splitCookie("sid", text, maxBytes);
      const others = [
        { name: "sid2", value: "x" },
        { name: "sid.x", value: "x" },
        { name: "sid.01", value: "x" },
        { name: "sid.", value: "x" },
      ];
      const shuffled = [...pairs, ...others].map((pair) => [order.next().value, pair] as const);
      shuffled.sort(([a], [b]) => a - b);
      const found = readChunked(headerOf(shuffled.map(([, pair]) => pair)), "sid");
      assert.deepEqual(found.values, [text]);
      assert.equal(found.incomplete, false);
      assert.deepEqual(
        [...found.chunkNames].sort(),
        pairs
          .slice(1)
          .map(({ name }) => name)
          .sort(),
      );
      for (const { name, value: part } of pairs) assert.ok(name.length + part.length <= maxBytes);
    }),
    { numRuns: 500 },
  );
});

test("with any further chunk missing there is no value, and the cookie is called incomplete", () => {
  const pairs = splitCookie("sid", "x".repeat(15_000));
  assert.equal(pairs.length, 4);
  for (let missing = 1; missing < pairs.length; missing++) {
    const found = readChunked(headerOf(pairs.filter((_, index) => index !== missing)), "sid");
    assert.deepEqual(found.values, []);
    assert.equal(found.incomplete, true);
    assert.equal(found.chunkNames.length, 2);
  }
  const headless = readChunked(headerOf(pairs.slice(1)), "sid");
  assert.deepEqual(headless, new ChunkedCookie([], ["sid.1", "sid.2", "sid.3"]));
});

test("a chunk that is there twice counts once if equal, and makes the value incomplete if not", () => {
  assert.deepEqual(readChunked("sid=~2~a; sid.1=b; sid.1=b", "sid").values, ["ab"]);
  const found = readChunked("sid=~2~a; sid.1=b; sid.1=c", "sid");
  assert.deepEqual([found.values, found.incomplete], [[], true]);
});

test("leftover chunks are never read into a value that does not announce them", () => {
  const found = readChunked("sid=new; sid.1=old; sid.2=old", "sid");
  assert.deepEqual(found, new ChunkedCookie(["new"], ["sid.1", "sid.2"], false));
  assert.deepEqual(readChunked("sid=~2~a; sid.1=b; sid.2=old", "sid").values, ["ab"]);
});

test("the same name twice gives both values, for the caller to refuse", () => {
  assert.deepEqual(readChunked("sid=1; sid=2", "sid").values, ["1", "2"]);
  assert.deepEqual(readChunked("sid=~2~a; sid.1=b; sid=other", "sid").values, ["ab", "other"]);
});

test("a count beyond the bound, and marks that are none", () => {
  assert.deepEqual(readChunked("sid=~21~a", "sid"), new ChunkedCookie([], [], true));
  for (const value of ["~", "~~", "~0~a", "~01~a", "~100~a", "~x~a", "~2", "a~2~b"]) {
    assert.deepEqual(readChunked(`sid=${value}; sid.1=z`, "sid").values, [value], value);
  }
  assert.throws(() => splitCookie("sid", "x".repeat(CHUNK_BYTES * MAX_CHUNKS)), RangeError);
  assert.throws(() => splitCookie("n".repeat(CHUNK_BYTES), "x"), RangeError);
  assert.deepEqual([".1", ".19", ".20", ".0", ".01", ".1x", "1", ".-1", ""].map(chunkIndex), [
    1,
    19,
    ...Array.from({ length: 7 }, () => undefined),
  ]);
});

test("a value that looks like a first chunk comes back as it was", () => {
  for (const value of ["~", "~1~", "~2~a", "~2~", "~20~abc", "~99~"]) {
    assert.deepEqual(readChunked(headerOf(splitCookie("sid", value)), "sid").values, [value]);
  }
});

test("no more values than chunks are collected, however often the name is there", () => {
  assert.equal(readChunked("sid=~1~a; ".repeat(200), "sid").values.length, MAX_CHUNKS);
});

test("stale chunks are those of the request that the new value does not use", () => {
  const present = ["sid.1", "sid.2", "sid.3"];
  assert.deepEqual(staleChunks(present), present);
  assert.deepEqual(staleChunks(present, splitCookie("sid", "short")), present);
  assert.deepEqual(staleChunks(present, splitCookie("sid", "x".repeat(9000))), ["sid.3"]);
  assert.deepEqual(staleChunks([], splitCookie("sid", "x".repeat(9000))), []);
});

test("whatever a jar went through, the last value written is the one that is read", () => {
  // Each response knows the cookies of its own request only, which may be older than what the jar holds by now.
  const write = fc.record({ size: fc.integer({ min: 0, max: 200 }), requestAge: fc.nat({ max: 3 }) });
  fc.assert(
    fc.property(fc.array(write, { minLength: 1, maxLength: 12 }), (writes) => {
      const jar = new Map<string, string>();
      const past: string[] = [""];
      for (const [round, { size, requestAge }] of writes.entries()) {
        const request = past.at(-1 - requestAge) ?? "";
        const value = String.fromCharCode(97 + round).repeat(size);
        const pairs = splitCookie("sid", value, 50);
        for (const pair of pairs) jar.set(pair.name, pair.value);
        for (const name of staleChunks(readChunked(request, "sid").chunkNames, pairs)) jar.delete(name);
        const header = headerOf([...jar].map(([name, text]) => ({ name, value: text })));
        past.push(header);
        const { values, incomplete } = readChunked(header, "sid");
        assert.deepEqual([values, incomplete], [[value], false]);
      }
    }),
    { numRuns: 1000 },
  );
});

test("a hostile header of 1 MiB takes less than 20 ms", () => {
  for (const [what, header] of hostileHeaders("sid")) {
    const milliseconds = fastest(20, () => readChunked(header, "sid"));
    assert.ok(milliseconds < 20, `${what}: ${milliseconds.toFixed(1)} ms`);
  }
});
