import assert from "node:assert/strict";
import { test } from "node:test";
import { CodecError } from "../../src/codec/codec.ts";
import { pythonJson, pythonPickle } from "../../src/django/index.ts";
import { readPickle } from "../../src/django/pickle-read.ts";
import { writePickle } from "../../src/django/pickle-write.ts";
import { PyCall, PyDict, PyFloat, PyGlobal, PySet, PyTuple, type PyValue } from "../../src/django/python/values.ts";
import { assertPrototypeUntouched, ownEntries } from "../codec/support.ts";

const pickle = pythonPickle();

/** What is written after a change of what was read. */
function changed(text: string, change: (data: Record<string, unknown>) => void): string {
  const data = pythonJson.parse(text);
  change(data);
  return pythonJson.stringify(data, text);
}

/** The value that stands under `key` after a change of the pickled one. */
function repickled(value: PyValue, change: (data: Record<string, unknown>) => void): PyValue | undefined {
  const dict = new PyDict();
  dict.values.set("key", value);
  const text = writePickle(dict).toString("latin1");
  const data = pickle.parse(text);
  change(data);
  const again = readPickle(Buffer.from(pickle.stringify(data, text), "latin1")).value;
  return again instanceof PyDict ? again.values.get("key") : undefined;
}

function moment(...packed: number[]): PyCall {
  const kind = { 4: "date", 6: "time", 10: "datetime" }[packed.length] ?? "";
  return new PyCall(new PyGlobal("datetime", kind), new PyTuple([Uint8Array.from(packed)]));
}

test("what was not touched is the text that was read, however it was written", () => {
  const texts = [
    '{ "a" : 1.0,\n "b":[1E5, -0.0,\t1e400]}',
    '{"a":1,"a":2}',
    '{"\\u0061":"\\u00E9\\/"}',
    '{"n":12345678901234567890123,"x":NaN,"y":[-Infinity]}',
  ];
  for (const text of texts) {
    const data = pythonJson.parse(text);
    assert.equal(pythonJson.stringify(structuredClone(data), text), text);
  }
});

test("integers beyond 2^53 are BigInts and the others numbers, and both go back to the digit", () => {
  const text = '{"safe":9007199254740991,"beyond":9007199254740992,"less":-9007199254740992,"zero":-0}';
  const data = pythonJson.parse(text);
  assert.deepEqual(data, { safe: Number.MAX_SAFE_INTEGER, beyond: 2n ** 53n, less: -(2n ** 53n), zero: 0 });
  assert.equal(
    changed(text, (each) => (each["new"] = each["beyond"])),
    '{"safe":9007199254740991,"beyond":9007199254740992,"less":-9007199254740992,"zero":0,"new":9007199254740992}',
  );
  assert.equal(pythonJson.stringify({ a: 5n }), '{"a":5}');
});

test("a float that is given a whole number stays a float, and an int that is given a fraction becomes one", () => {
  const set = (value: unknown) => (data: Record<string, unknown>) => (data["a"] = value);
  assert.equal(changed('{"a":1.5}', set(2)), '{"a":2.0}');
  assert.equal(changed('{"a":1.0}', set(-0)), '{"a":-0.0}');
  assert.equal(changed('{"a":1.0}', set(3n)), '{"a":3}', "a BigInt is an int in any case");
  assert.equal(changed('{"a":1}', set(2)), '{"a":2}');
  assert.equal(changed('{"a":1}', set(2.5)), '{"a":2.5}');
  assert.equal(changed('{"a":1}', set(2 ** 53)), '{"a":9007199254740992.0}');
  assert.equal(changed('{"a":"1"}', set(1)), '{"a":1}');
});

test("numbers are written as Python's repr has them", () => {
  const cases: readonly (readonly [number, string])[] = [
    [1e16, "1e+16"],
    [1e15 + 0.5, "1000000000000000.5"],
    [9.5e15, "9500000000000000.0"],
    [1e22, "1e+22"],
    [1.5e300, "1.5e+300"],
    [0.0001, "0.0001"],
    [0.00001, "1e-05"],
    [1.5e-7, "1.5e-07"],
    [5e-324, "5e-324"],
    [-0, "-0.0"],
    [Number.NaN, "NaN"],
    [Number.POSITIVE_INFINITY, "Infinity"],
    [Number.NEGATIVE_INFINITY, "-Infinity"],
  ];
  for (const [value, text] of cases) assert.equal(pythonJson.stringify({ a: value }), `{"a":${text}}`);
});

test("an item that is added to a list, or taken away, does not touch the others", () => {
  const text = '{"a":[1,3.0,"x",2.0,2]}';
  const edit = (change: (list: unknown[]) => void) => changed(text, (data) => change(data["a"] as unknown[]));
  assert.equal(
    edit((list) => list.shift()),
    '{"a":[3.0,"x",2.0,2]}',
  );
  assert.equal(
    edit((list) => list.unshift(7)),
    '{"a":[7,1,3.0,"x",2.0,2]}',
  );
  assert.equal(
    edit((list) => list.push(2)),
    '{"a":[1,3.0,"x",2.0,2,2]}',
  );
  assert.equal(
    edit((list) => list.splice(2, 1)),
    '{"a":[1,3.0,2.0,2]}',
  );
  assert.equal(
    edit((list) => (list[2] = "y")),
    '{"a":[1,3.0,"y",2.0,2]}',
  );
  assert.equal(
    edit((list) => (list.length = 0)),
    '{"a":[]}',
  );
});

test("a change deep inside nested lists takes no longer than one at the top", () => {
  const nested = (levels: number, inner: string) => `{"a":${"[".repeat(levels)}${inner}${",2.0]".repeat(levels)}}`;
  const edit = (levels: number, change: (list: unknown[]) => void) =>
    changed(nested(levels, "1.0"), (data) => {
      let list = data["a"] as unknown[];
      while (Array.isArray(list[0])) list = list[0];
      change(list);
    });
  const started = process.cpuUsage();
  assert.equal(
    edit(400, (list) => (list[0] = 3)),
    nested(400, "3.0"),
  );
  assert.equal(
    edit(400, (list) => list.unshift("x")),
    nested(400, '"x",1.0'),
  );
  assert.ok(
    process.cpuUsage(started).user < 5_000_000,
    "each level is looked at a few times, not twice or thrice as often as the one above",
  );
});

test("keys keep their order, numbers among them, and new ones follow", () => {
  const text = '{"10":1,"b":{"2":1,"1":2},"9":3,"a":4}';
  assert.equal(
    changed(text, (data) => (data["new"] = 1)),
    '{"10":1,"b":{"2":1,"1":2},"9":3,"a":4,"new":1}',
  );
  assert.equal(
    changed(text, (data) => delete data["10"]),
    '{"b":{"2":1,"1":2},"9":3,"a":4}',
  );
  assert.equal(
    changed(text, (data) => (data["b"] = { "1": 2, "2": 9 })),
    '{"10":1,"b":{"2":9,"1":2},"9":3,"a":4}',
  );
});

test("a key called __proto__ is a key, and no prototype is touched", () => {
  const text = '{"__proto__":{"polluted":1.0},"constructor":{"prototype":1}}';
  const data = pythonJson.parse(text);
  assert.deepEqual(Object.keys(data), ["__proto__", "constructor"]);
  assert.equal(Object.getPrototypeOf(data), Object.prototype);
  data["x"] = 1;
  assert.equal(pythonJson.stringify(data, text), `${text.slice(0, -1)},"x":1}`);
  const dict = new PyDict();
  dict.values.set("__proto__", [1]);
  const plain = pickle.parse(writePickle(dict).toString("latin1"));
  assert.deepEqual(plain, ownEntries([["__proto__", [1]]]));
  assertPrototypeUntouched();
});

test("a tuple, a set and bytes keep their kind when they are changed", () => {
  const tuple = repickled(new PyTuple([1, new PyFloat(2)]), (data) => (data["key"] = [3, 2]));
  assert.deepEqual(tuple, new PyTuple([3, new PyFloat(2)]));
  assert.deepEqual(
    repickled([1], (data) => (data["key"] = [2])),
    [2],
  );
  const frozen = repickled(new PySet(["a", "b"], true), (data) => (data["key"] as Set<string>).add("c"));
  assert.deepEqual(frozen, new PySet(["a", "b", "c"], true));
  const bytes = repickled(Uint8Array.of(1, 2), (data) => ((data["key"] as Uint8Array)[0] = 9));
  assert.deepEqual(bytes, Uint8Array.of(9, 2));
  assert.deepEqual(
    repickled(null, (data) => (data["key"] = new Set([1]))),
    new PySet([1], false),
  );
});

test("what a set cannot tell apart in JavaScript is kept as long as the set is not touched", () => {
  const twins = new PySet([moment(0x07, 0xea, 1, 2), "2026-01-02"], false);
  const kept = repickled(twins, (data) => {
    assert.deepEqual(data["key"], new Set(["2026-01-02"]));
    data["other"] = 1;
  });
  assert.deepEqual(kept, twins);
});

test("text in the place of a date, a time, a duration, a Decimal or a UUID is one, if it can be", () => {
  const utc = new PyCall(new PyGlobal("pytz", "_UTC"), new PyTuple([]));
  const datetime = new PyCall(
    new PyGlobal("datetime", "datetime"),
    new PyTuple([Uint8Array.of(7, 234, 1, 2, 3, 4, 5, 0, 0, 6), utc]),
  );
  const set = (value: unknown) => (data: Record<string, unknown>) => (data["key"] = value);
  const at = (packed: readonly number[], ...zone: PyValue[]) =>
    new PyCall(new PyGlobal("datetime", "datetime"), new PyTuple([Uint8Array.from(packed), ...zone]));
  const later = [7, 234, 12, 31, 23, 59, 59, 0, 0, 0];
  assert.deepEqual(repickled(datetime, set("2026-12-31T23:59:59+00:00")), at(later, utc), "the same zone");
  assert.deepEqual(repickled(datetime, set("2026-12-31T23:59:59")), at(later), "none");
  assert.deepEqual(repickled(datetime, set("2026-12-31T23:59:59Z")), at(later, utc));
  const delta = new PyCall(new PyGlobal("datetime", "timedelta"), new PyTuple([-1, 81_000, 0]));
  const zone = new PyCall(new PyGlobal("datetime", "timezone"), new PyTuple([delta]));
  assert.deepEqual(repickled(datetime, set("2026-12-31T23:59:59-01:30")), at(later, zone), "the text's");
  for (const text of ["2026-02-30T00:00:00", "2026-12-31", "12:00:00", "later", "", "2026-12-31T23:59:59[Europe/Berlin]"]) {
    assert.equal(repickled(datetime, set(text)), text, "a str");
  }
  assert.deepEqual(repickled(moment(7, 234, 1, 2), set("0001-02-28")), moment(0, 1, 2, 28));
  assert.deepEqual(repickled(moment(1, 2, 3, 0, 0, 0), set("23:59:00.000001")), moment(23, 59, 0, 0, 0, 1));
  const duration = new PyCall(new PyGlobal("datetime", "timedelta"), new PyTuple([1, 2, 3]));
  const negative = new PyCall(new PyGlobal("datetime", "timedelta"), new PyTuple([-1, 86_399, 999_999]));
  assert.deepEqual(repickled(duration, set("-P0DT00H00M00.000001S")), negative);
  assert.equal(repickled(duration, set("P1D")), "P1D");
  const decimal = (text: string) => new PyCall(new PyGlobal("decimal", "Decimal"), new PyTuple([text]));
  assert.deepEqual(repickled(decimal("1.50"), set("2.75")), decimal("2.75"));
  assert.equal(repickled(decimal("1.50"), set("two")), "two");
  assert.equal(repickled(decimal("1.50"), set(2)), 2);
});

test("a value that is moved has the kind of a new one", () => {
  const text = '{"a":1.0,"b":[2.0]}';
  assert.equal(
    changed(text, (data) => {
      data["c"] = data["a"];
      delete data["a"];
    }),
    '{"b":[2.0],"c":1}',
  );
});

test("what Python has no value for is refused, without a word of the data", () => {
  class Secret {
    readonly text = "hunter2";
  }
  const sparse: unknown[] = [1];
  sparse[2] = 3;
  const cycle: Record<string, unknown> = {};
  cycle["self"] = { cycle };
  const wrong: readonly unknown[] = [
    () => "hunter2",
    Symbol("hunter2"),
    new Secret(),
    new Date(),
    new Map([["hunter2", 1]]),
    [undefined],
    sparse,
    Object.assign([1], { hunter2: 1 }),
    { [Symbol("hunter2")]: 1 },
    cycle,
    new Uint16Array(1),
  ];
  const refused = (run: () => unknown) =>
    assert.throws(
      run,
      (error) => error instanceof CodecError && error.reason === "value" && !error.message.includes("hunter2"),
    );
  for (const value of wrong) {
    for (const serializer of [pythonJson, pickle]) refused(() => serializer.stringify({ value }));
  }
  for (const value of [Uint8Array.of(1), new Set([1])]) refused(() => pythonJson.stringify({ value }));
  refused(() => pickle.stringify({ value: Buffer.from("a") }));
  refused(() => pickle.stringify({ value: new Set([[new Set([1])]]) }));
  refused(() => pythonJson.stringify([] as unknown as Record<string, unknown>));
  assert.equal(pythonJson.stringify({ a: undefined, b: { c: undefined } }), '{"b":{}}');
});

test("new values may be 500 levels deep, and what was read goes back from any depth that is read", () => {
  const nested = (levels: number): Record<string, unknown> => {
    let value: Record<string, unknown> = {};
    for (let level = 1; level < levels; level++) value = { a: value };
    return value;
  };
  assert.equal(pythonJson.stringify(nested(500)).length, 500 * 2 + 499 * 4);
  assert.throws(() => pythonJson.stringify(nested(501)), { reason: "value" });
  const deep = (levels: number) => '{"a":'.repeat(levels - 1) + "{}" + "}".repeat(levels - 1);
  const text = deep(1000);
  const data = pythonJson.parse(text);
  assert.equal(pythonJson.stringify({ ...data, b: 1 }, text), `${text.slice(0, -1)},"b":1}`);
  assert.throws(() => pythonJson.parse(deep(1001)), { reason: "size" });
  assert.throws(() => pythonJson.parse("[".repeat(1_000_000)), { reason: "size" });
  assert.throws(() => pythonJson.parse(`{"a":[${"{},".repeat(1_000_000)}0]}`), { reason: "size" });
});

test("what Python does not read is refused, and never echoed", () => {
  const wrong = [
    "",
    "hunter2",
    '{"hunter2"',
    '{"a":1,}',
    "{'a':1}",
    '{"a":01}',
    '{"a":"\n"}',
    "[1]",
    '"hunter2"',
    "null",
    "{}{}",
    '{"a":nan}',
  ];
  for (const text of wrong) {
    assert.throws(
      () => pythonJson.parse(text),
      (error) => error instanceof CodecError && error.reason === "format" && !error.message.includes("hunter2"),
      text,
    );
  }
  assert.throws(() => pythonJson.parse(`{"a":${"9".repeat(4301)}}`), { reason: "size" });
  assert.equal(pythonJson.parse(`{"a":-${"9".repeat(4300)}}`)["a"], -(10n ** 4300n) + 1n);
});
