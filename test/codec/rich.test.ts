import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import fc from "fast-check";
import { richCodec } from "../../src/codec/rich.ts";
import {
  assertPrototypeUntouched,
  type Data,
  HERE,
  hostileText,
  nested,
  ownEntries,
  refuses,
  roundTrip,
} from "./support.ts";

const codec = richCodec();

const safeText = hostileText.filter((text) => text !== "__proto__");
const richData: fc.Arbitrary<Data> = fc.letrec<{ value: unknown; object: Data }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    safeText,
    fc.double(),
    fc.bigInt(),
    fc.boolean(),
    fc.constantFrom(null, undefined, -0, Number.NaN, Number.POSITIVE_INFINITY),
    fc.date(),
    fc.uint8Array({ maxLength: 9 }),
    fc.float64Array({ maxLength: 3 }),
    fc.bigInt64Array({ maxLength: 3 }),
    fc.webUrl().map((url) => new URL(url)),
    fc.array(fc.tuple(tie("value"), tie("value")), { maxLength: 3 }).map((entries) => new Map(entries)),
    fc.array(tie("value"), { maxLength: 3 }).map((items) => new Set(items)),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.sparseArray(tie("value"), { maxLength: 8 }),
    tie("object"),
    tie("object").map((object) => Object.assign(Object.create(null), object)),
  ),
  object: fc.array(fc.tuple(safeText, tie("value")), { maxLength: 5 }).map(ownEntries),
})).object;

test("the text is the mark and devalue's flat JSON", () => {
  assert.equal(
    codec.encode(codec.stringify({ at: new Date(0), n: 1n }), HERE),
    'r1:[{"at":1,"n":2},["Date","1970-01-01T00:00:00.000Z"],["BigInt","1"]]',
  );
  assert.equal(codec.name, "rich");
});

test("richer values come back the same, and the same value gives the same text", () => {
  fc.assert(
    fc.property(richData, (data) => {
      const plain = codec.stringify(data);
      const back = roundTrip(codec, data);
      assert.deepStrictEqual(back, data);
      assert.equal(codec.stringify(back), plain);
      assert.equal(plain.isWellFormed(), true);
    }),
    { numRuns: 800 },
  );
  assertPrototypeUntouched();
});

test("an object that is referred to twice comes back as one", () => {
  const shared = { a: 1 };
  const back = roundTrip(codec, { x: shared, y: [shared] }) as { x: object; y: object[] };
  assert.equal(back.x, back.y[0]);
});

test("a view is stored with what it shows, not with the rest of its buffer", () => {
  const buffer = new TextEncoder().encode("before SECRET after").buffer;
  const view = new Uint8Array(buffer, 0, 6);
  const words = new Uint16Array(buffer, 2, 2);
  const plain = codec.stringify({ view, words, data: new DataView(buffer, 1, 3) });
  assert.equal(Buffer.from(plain).includes(Buffer.from("SECRET").toString("base64").slice(0, 6)), false);
  const back = codec.parse(plain) as { view: Uint8Array; words: Uint16Array; data: DataView };
  assert.deepEqual(back.view, view);
  assert.deepEqual(back.words, words);
  assert.equal(back.data.byteLength, 3);
  assert.equal(back.view.buffer.byteLength, 6);
  assert.equal(codec.stringify(back), plain);
});

class Account {
  id = 1;
}
class Moment extends Date {}
class Numbers extends Array<number> {}
class Pretender {
  get [Symbol.toStringTag](): string {
    return "Map";
  }
}
const replaced = Object.assign({}, JSON.parse('{"__proto__":{"isAdmin":true}}'));
const bare = Object.create(Object.assign(Object.create(null), { inherited: 1 }));

const LOST: readonly (readonly [what: string, value: unknown, message: RegExp])[] = [
  ["a function", () => 1, /a function/],
  ["a symbol", Symbol("x"), /a symbol/],
  ["a promise", Promise.resolve(1), /promise/],
  ["an Error", new Error("x"), /an Error/],
  ["a Buffer", Buffer.from("x"), /Buffer/],
  ["a RegExp", /x/g, /instance/],
  ["a boxed text", Object("x"), /instance/],
  ["an instance", new Account(), /instance/],
  ["a Date of a class", new Moment(), /instance/],
  ["an array of a class", Numbers.from([1]), /array/],
  ["what pretends to be a Map", new Pretender(), /instance/],
  ["a Date with a property", Object.assign(new Date(), { x: 1 }), /instance/],
  ["an array with named properties", "x".match(/x/), /named properties/],
  ["a WeakMap", new WeakMap(), /instance/],
  ["a prototype replaced by data", replaced, /replaced prototype/],
  ["a prototype without a prototype", bare, /replaced prototype/],
  ["a symbol as a key", { [Symbol("x")]: 1 }, /symbol as a key/],
  ["a key __proto__", ownEntries([["__proto__", 1]]), /__proto__/],
];

test("what cannot be carried is refused, wherever it stands, and named by kind", () => {
  for (const [what, value, message] of LOST) {
    for (const data of [
      { key: value },
      { key: [{ deep: value }] },
      { key: new Map([[1, value]]) },
      { key: new Set([value]) },
    ]) {
      assert.throws(() => codec.stringify(data), refuses("value", message), what);
      assert.throws(() => codec.stringify(data), refuses("value", /A value of the session has/), what);
    }
  }
  for (const key of ["evil\nkey", "a b", "k".repeat(41), "user@example.com"]) {
    assert.throws(
      () => codec.stringify({ [key]: new Account() }),
      (error) => refuses("value", /A value of the session has/)(error) && !String(error).includes(key),
    );
  }
  for (const value of [null, [], new Map(), new Account(), 1])
    assert.throws(() => codec.stringify(value as unknown as Data), refuses("value"));
});

test("a refusal does not hold the value", () => {
  assert.throws(
    () => codec.stringify({ a: Object.assign(new Account(), { password: "hunter2" }) }),
    (error) => refuses("value")(error) && !inspect(error, { depth: 9, showHidden: true }).includes("hunter2"),
  );
});

test("100 levels pass; 101, 10,000, a million, a cycle and an endless tree are a clear error", () => {
  assert.deepEqual(roundTrip(codec, nested(100)), nested(100));
  const cyclic: Data = { list: new Set() };
  (cyclic["list"] as Set<unknown>).add({ cyclic });
  let tree: Data = {};
  for (let level = 0; level < 60; level++) tree = { a: tree, b: tree };
  const own = new Map<unknown, unknown>();
  own.set("self", own);
  for (const data of [nested(101), nested(10_000), nested(1_000_000), cyclic, tree, { own }]) {
    assert.throws(() => codec.stringify(data), refuses("value"));
  }
});

test("a shared part counts with its own levels wherever it is referred to", () => {
  const shared = nested(60);
  let below: Data = { shared };
  for (let level = 0; level < 50; level++) below = { below };
  assert.doesNotThrow(() => codec.stringify({ shared, again: [shared] }));
  assert.throws(() => codec.stringify({ shared, below }), refuses("value", /levels/));
});

test("an array of holes is bounded, when writing and when reading", () => {
  const withHoles = (length: number) => {
    const array: number[] = [];
    array[length - 1] = 1;
    return { array };
  };
  assert.deepEqual(roundTrip(codec, withHoles(10_000)), withHoles(10_000));
  assert.throws(() => codec.stringify(withHoles(10_001)), refuses("value", /10000/));
  assert.throws(() => codec.stringify(withHoles(2 ** 32 - 1)), refuses("value", /10000/));
  for (const length of ["10001", "4294967295", "1e300"]) {
    assert.throws(() => codec.parse(`[{"a":1},[-7,${length},0,2],1]`), refuses("size"), length);
  }
  for (const length of ["-1", "1.5", '"9"', "null", "[]"])
    assert.throws(() => codec.parse(`[{"a":1},[-7,${length},0,2],1]`), refuses("format"), length);
});

const MALFORMED = [
  "",
  "x",
  "null",
  "-1",
  "1",
  "{}",
  '{"a":1}',
  "[]",
  "[1]",
  "[[]]",
  "[[1],2]",
  '["x"]',
  '[["Map"]]',
  '[["Date","1970-01-01T00:00:00.000Z"]]',
  '[{"a":0}]',
  '[{"a":1},{"b":0}]',
  '[{"a":1},["Set",1]]',
  '[{"a":1},["Map",2,1],1]',
  '[{"a":1}]',
  '[{"a":99}]',
  '[{"a":"x"}]',
  '[{"a":null}]',
  '[{"a":1.5},1,2]',
  '[{"a":-2}]',
  '[{"a":-8}]',
  '[{"a":1},[-7]]',
  '[{"a":1},["Function","x"]]',
  '[{"a":1},["Error","x"]]',
  '[{"a":1},["RegExp","x"]]',
  '[{"a":1},["Object",2],"x"]',
  '[{"a":1},["Date",5]]',
  '[{"a":1},["Date"]]',
  '[{"a":1},["URL","nope"]]',
  '[{"a":1},["BigInt","x"]]',
  '[{"a":1},["BigInt",true]]',
  '[{"a":1},["Map",2],1]',
  '[{"a":1},["Uint8Array",9999999999]]',
  '[{"a":1},["Uint8Array",2],1000000000]',
  '[{"a":1},["Uint8Array",2],["ArrayBuffer",1000000000]]',
  '[{"a":1},["Float64Array",2],["ArrayBuffer","AAA="]]',
  '[{"a":1},["Uint8Array",2,0,99],["ArrayBuffer","AAA="]]',
  '[{"a":1},["Temporal.Nothing","x"]]',
  '[{"a":1},["null",5,2],1]',
  '[{"a":1},["null","__proto__",2],1]',
  '[{"__proto__":1},1]',
  '[{"a":1},{"__proto__":2},{"polluted":3},true]',
  '[{"a":1},["__proto__",2],1]',
  '[{"a":1},["constructor","x"]]',
];

test("what stringify does not write is refused by format, and no prototype is touched", () => {
  for (const plain of MALFORMED) assert.throws(() => codec.parse(plain), refuses("format"), plain);
  assertPrototypeUntouched();
});

test("hostile text is refused before anything is built from it", () => {
  const deep = `[${Array.from({ length: 100_000 }, (_, index) => `[${index + 1}]`).join()},1]`.replace("[1]", '{"a":1}');
  assert.throws(() => codec.parse(deep), refuses("size"));
  const tree = `[${Array.from({ length: 60 }, (_, index) => `{"a":${index + 1},"b":${index + 1}}`).join()},1]`;
  assert.throws(() => codec.parse(tree), refuses("size"));
  assert.throws(() => codec.parse("[".repeat(1_000_000)), refuses("format"));
});

test("any change to a text is read as another value or refused, never a crash", () => {
  const plain = codec.stringify({ m: new Map([["a", { d: new Date(0) }]]), s: new Set([1n, [, 1]]), b: new Uint8Array(3) });
  fc.assert(
    fc.property(fc.nat({ max: plain.length - 1 }), fc.constantFrom(...'0123456789-[]{}",:aM\\'), (index, character) => {
      const changed = plain.slice(0, index) + character + plain.slice(index + 1);
      try {
        codec.stringify(codec.parse(changed));
      } catch (error) {
        assert.equal((error as Error).name, "CodecError", changed);
      }
    }),
    { numRuns: 3000 },
  );
});

test("another mark, a newer one and none are refused by format", () => {
  for (const text of ["r2:[{}]", "j1:{}", "[{}]", ""]) assert.throws(() => codec.decode(text, HERE), refuses("format"));
  for (const maxDepth of [0, 1.5, 1001]) assert.throws(() => richCodec({ maxDepth }), TypeError);
});
