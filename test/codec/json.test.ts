import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { jsonCodec } from "../../src/codec/json.ts";
import { assertPrototypeUntouched, type Data, HERE, jsonData, nested, ownEntries, refuses, roundTrip } from "./support.ts";

const codec = jsonCodec();

test("the text is the mark and the JSON", () => {
  assert.equal(codec.encode(codec.stringify({ count: 1, cart: ["a"] }), HERE), 'j1:{"count":1,"cart":["a"]}');
  assert.deepEqual(codec.parse(codec.decode('j1:{"count":1}', HERE)), { count: 1 });
  assert.equal(codec.name, "json");
});

test("whatever JSON can carry comes back the same, hostile text and keys included", () => {
  fc.assert(
    fc.property(jsonData, (data) => {
      const back = roundTrip(codec, data);
      assert.deepStrictEqual(back, data);
      assert.equal(inspect(back, { depth: 20 }), inspect(data, { depth: 20 }), "negative zero and own __proto__ too");
      assert.equal(codec.stringify(back), codec.stringify(data), "the same value gives the same text");
    }),
    { numRuns: 1500 },
  );
  assertPrototypeUntouched();
});

test("lone surrogates come back, and the stored text has none", () => {
  const text = codec.encode(codec.stringify({ "\ud800": "\udc00x\ud83d" }), HERE);
  assert.equal(text.isWellFormed(), true);
  assert.deepEqual(roundTrip(codec, { "\ud800": "\udc00x\ud83d" }), { "\ud800": "\udc00x\ud83d" });
});

test("negative zero comes back as it was, and is not the same text as zero", () => {
  for (const value of [{ a: -0 }, { a: [0, -0, { b: -0, c: undefined, d: "x" }] }])
    assert.deepStrictEqual(roundTrip(codec, value), clean(value));
  assert.notEqual(codec.stringify({ a: -0 }), codec.stringify({ a: 0 }));
});

function clean(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(clean);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .map(([key, item]) => [key, clean(item)]),
  );
}

test("an undefined property counts as absent", () => {
  assert.equal(codec.stringify({ a: undefined, b: 1, c: { d: undefined } }), '{"b":1,"c":{}}');
});

test("__proto__ is data: an own key in, an own key out", () => {
  const back = roundTrip(codec, ownEntries([["__proto__", { polluted: true }]]));
  assert.deepEqual(Object.keys(back), ["__proto__"]);
  assert.equal(Object.getPrototypeOf(back), Object.prototype);
  assert.equal("polluted" in back, false);
  assertPrototypeUntouched();
});

test("toJSON is data when it is text, and never called", () => {
  assert.deepEqual(roundTrip(codec, { toJSON: "x", a: { toJSON: 1 } }), { toJSON: "x", a: { toJSON: 1 } });
  assert.throws(() => codec.stringify({ a: { toJSON: () => 1 } }), refuses("value", / has a function/));
  for (const polluted of [Object.prototype, Array.prototype] as unknown as Data[]) {
    try {
      polluted["toJSON"] = () => assert.fail("toJSON was called");
      Object.defineProperty(polluted, "toJSON", { enumerable: false });
      assert.equal(codec.stringify({ a: [1, { b: "x" }], c: null }), '{"a":[1,{"b":"x"}],"c":null}');
    } finally {
      delete polluted["toJSON"];
    }
  }
  assertPrototypeUntouched();
});

class Account {
  id = 1;
}
class Numbers extends Array<number> {}
const replaced = Object.assign({}, JSON.parse('{"__proto__":{"isAdmin":true}}'));
const deceptive = Object.assign({}, JSON.parse('{"__proto__":{"isPrototypeOf":1}}'));
Object.setPrototypeOf(Object.getPrototypeOf(deceptive), null);

const LOST: readonly (readonly [what: string, value: unknown, message: RegExp])[] = [
  ["a function", () => 1, /a function/],
  ["a symbol", Symbol("x"), /a symbol/],
  ["a BigInt", 1n, /a BigInt/],
  ["NaN", Number.NaN, /NaN/],
  ["infinity", Number.NEGATIVE_INFINITY, /infinite/],
  ["a Date", new Date(0), /a Date/],
  ["a Map", new Map([[1, 2]]), /a Map/],
  ["a Set", new Set([1]), /a Set/],
  ["a URL", new URL("http://localhost/"), /a URL/],
  ["a RegExp", /x/, /a RegExp/],
  ["an Error", new TypeError("x"), /an Error/],
  ["a promise", Promise.resolve(1), /promise/],
  ["bytes", new Uint8Array(2), /typed array/],
  ["a Buffer", Buffer.from("x"), /typed array/],
  ["an ArrayBuffer", new ArrayBuffer(2), /ArrayBuffer/],
  ["an instance", new Account(), /instance/],
  ["an array of a class", Numbers.from([1]), /array of a class/],
  ["a boxed text", Object("x"), /instance/],
  ["an object with a made-up prototype", Object.create({ inherited: 1 }), /instance/],
  ["a prototype replaced by data", replaced, /replaced prototype/],
  ["a prototype replaced by deceptive data", deceptive, /replaced prototype/],
  ["an array with a hole", [1, , 3], /holes/],
  ["an array of a length only", Array.from({ length: 2 }).fill(0, 0, 1), /undefined in an array/],
  ["an empty array with a length", new Array(3), /holes/],
  ["undefined in an array", [undefined], /undefined in an array/],
  ["an array with named properties", "x".match(/x/), /named properties/],
  ["a hole made up for by a name", Object.assign([1, , 3], { x: 1 }), /holes/],
  ["a symbol as a key", { [Symbol("x")]: 1 }, /symbol as a key/],
];

test("what JSON would lose or change is refused, wherever it stands, and named by kind", () => {
  for (const [what, value, message] of LOST) {
    for (const data of [
      { key: value },
      { key: { deep: [value] } },
      { key: [{ deep: value }] },
      { other: 1, key: [[value]] },
    ]) {
      assert.throws(() => codec.stringify(data), refuses("value", message), what);
      assert.throws(
        () => codec.stringify(data),
        refuses("value", /The session's value under key (1 of 1|2 of 2) has/),
        what,
      );
    }
  }
  assert.throws(() => codec.stringify({ [Symbol("x")]: 1 }), refuses("value", /symbol/));
});

test("a key is not in the message, because it is data too", () => {
  for (const key of ["evil\nkey", "a b", "plain", "k".repeat(41), "1st", "", "__pr\u00f6to__", "user@example.com"]) {
    assert.throws(
      () => codec.stringify(ownEntries([[key, 1n]])),
      (error) => refuses("value", /under key 1 of 1 has a BigInt/)(error) && (key === "" || !String(error).includes(key)),
    );
  }
});

test("what is not a plain object at the top is refused", () => {
  for (const value of [null, undefined, 1, "x", [], [1], new Map(), new Account(), new Date(), () => 1, replaced]) {
    assert.throws(() => codec.stringify(value as Data), refuses("value"));
  }
  assert.equal(codec.stringify(Object.assign(Object.create(null), { a: 1 })), '{"a":1}');
});

test("plain objects and arrays of another realm are plain", () => {
  const foreign: unknown = runInNewContext("({ a: [1, { b: 'x' }], n: null })");
  assert.equal(codec.stringify({ foreign }), '{"foreign":{"a":[1,{"b":"x"}],"n":null}}');
  const instance: unknown = runInNewContext("new (class A { b = 1 })()");
  assert.throws(() => codec.stringify({ instance }), refuses("value", /instance/));
});

test("100 levels pass, 101 do not, 10,000 and a cycle are a clear error", () => {
  assert.deepEqual(roundTrip(codec, nested(100)), nested(100));
  const cyclic: Data = { a: [] };
  (cyclic["a"] as unknown[]).push({ cyclic });
  for (const data of [nested(101), nested(10_000), nested(1_000_000), cyclic]) {
    assert.throws(() => codec.stringify(data), refuses("value", /levels of nesting, or a cycle/));
  }
  const three = jsonCodec({ maxDepth: 3 });
  assert.equal(three.stringify({ a: [{}] }), '{"a":[{}]}');
  assert.throws(() => three.stringify({ a: [{ b: [] }] }), refuses("value"));
});

test("shared parts that grow into an endless tree are refused instead of running for ever", () => {
  let data: Data = {};
  for (let level = 0; level < 60; level++) data = { a: data, b: data };
  assert.throws(() => codec.stringify(data), refuses("value", /objects and arrays/));
});

test("only the object that stringify writes is parsed", () => {
  for (const plain of [
    "",
    "null",
    "1",
    '"x"',
    "[]",
    "[1]",
    "{",
    "{}x",
    "undefined",
    "{'a':1}",
    '{"a":01}',
    "\ufeff{}",
    '{"a":1n}',
  ]) {
    assert.throws(() => codec.parse(plain), refuses("format"), plain);
  }
});

test("an error of parsing does not hold the text, nor a cause that does", () => {
  for (const text of ['{"password":hunter2}', '{"password":"hunter2"', '{"\\n":"hunter2}']) {
    assert.throws(
      () => codec.parse(text),
      (error) => refuses("format")(error) && !inspect(error, { depth: 9, showHidden: true }).includes("hunter2"),
    );
  }
});

test("text nested too deep is refused before it is built, brackets in strings do not count", () => {
  const arrays = (levels: number) => `{"a":${"[".repeat(levels - 1)}${"]".repeat(levels - 1)}}`;
  assert.doesNotThrow(() => codec.parse(arrays(100)));
  assert.throws(() => codec.parse(arrays(101)), refuses("size"));
  assert.throws(() => codec.parse("[".repeat(1_000_000)), refuses("size"));
  assert.throws(() => codec.parse('{"a":'.repeat(1_000_000)), refuses("size"));
  const brackets = { '[{"\\': '{[\\"'.repeat(500), list: Array.from({ length: 300 }, () => ["\\", '"', "[[[["]) };
  assert.deepEqual(codec.parse(codec.stringify(brackets)), brackets);
});

test("the depth that parse sees is the depth that stringify allows", () => {
  const shallow = jsonCodec({ maxDepth: 4 });
  fc.assert(
    fc.property(jsonData, (data) => {
      const plain = codec.stringify(data);
      // Enough brackets that the exact count is made.
      const padded = `{"pad":[${Array.from({ length: 9 }, () => "[]").join()}],"in":${plain}}`;
      const isWritten = doesNotThrow(() => shallow.stringify({ pad: Array.from({ length: 9 }, () => []), in: data }));
      assert.equal(
        doesNotThrow(() => shallow.parse(padded)),
        isWritten,
      );
    }),
    { numRuns: 1000 },
  );
});

function doesNotThrow(run: () => void): boolean {
  try {
    run();
    return true;
  } catch {
    return false;
  }
}

test("another mark, a newer one and none are refused by format", () => {
  for (const text of ["j2:{}", "e1:AAAA", "{}", "", "j1", "J1:{}", " j1:{}", "r1:[{}]"]) {
    assert.throws(() => codec.decode(text, HERE), refuses("format"), text);
  }
  assert.throws(
    () => codec.decode("hunter2:{}", HERE),
    (error) => refuses("format", /no version mark/)(error),
  );
});

test("options out of range are refused when configured", () => {
  for (const maxDepth of [0, -1, 1.5, 1001, Number.NaN, "5" as never])
    assert.throws(() => jsonCodec({ maxDepth }), TypeError);
});
