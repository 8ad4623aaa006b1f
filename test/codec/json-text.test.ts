import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseJsonText } from "../../src/codec/json-text.ts";
import { jsonCodec } from "../../src/codec/json.ts";
import { richCodec } from "../../src/codec/rich.ts";
import { assertPrototypeUntouched, hostileText, jsonData, ownEntries, roundTrip } from "./support.ts";

// Keys that V8 has mistaken for one another, as they are written in JSON.
const CONFUSED = [
  "\\\\",
  "\\n",
  '\\"',
  "\\ud800",
  "\\u0000",
  "\\/",
  "\\u0041",
  "\\\\\\\\",
  "\\\\x",
  "x\\\\",
  "x\\ud800",
  "\\ud83d\\ude00",
  "a",
  "/",
];

test("a key with an escape is read as it is written, whatever keys other sessions had before", () => {
  for (const codec of [jsonCodec(), richCodec()]) {
    for (const place of ["first", "later"]) {
      for (const earlier of ["\\", "\\\\", "x\\"]) {
        for (const key of ["\n", '"', "\ud800", "\\", "\\x", "x\ud800", "/", "\u0000"]) {
          // Made of parsed text, so that both have the same shape up to the key.
          assert.deepEqual(roundTrip(codec, { [place]: 1, [earlier]: 1 }), { [place]: 1, [earlier]: 1 });
          assert.deepEqual(Object.keys(roundTrip(codec, { [place]: 1, [key]: 1 })), [place, key]);
        }
      }
    }
  }
});

test("confused keys in any order stay what they are", () => {
  const entry = fc.tuple(fc.constantFrom(...CONFUSED), fc.integer({ min: 0, max: 9 }));
  fc.assert(
    fc.property(fc.constantFrom("k", "l", "m"), fc.array(entry, { maxLength: 3 }), (first, entries) => {
      const text = `{"${first}":1${entries.map(([key, value]) => `,"${key}":${value}`).join("")}}`;
      const expected = ownEntries([
        [first, 1],
        ...entries.map(([key, value]) => [JSON.parse(`"${key}"`) as string, value] as const),
      ]);
      assert.deepStrictEqual(parseJsonText(text), expected);
    }),
    { numRuns: 5000 },
  );
});

/** The data under keys that are sure to be written with an escape, so that the strict reader reads it. */
const escaped = jsonData.map((data) => ({ 'q"': data, list: [{ "\t": data }] }));

test("the strict reader gives what was written, prototypes untouched", () => {
  fc.assert(
    fc.property(escaped, fc.constantFrom(undefined, 1, "\t", " \n\r"), (data, indent) => {
      const text = JSON.stringify(data, undefined, indent === " \n\r" ? undefined : indent);
      const spaced = indent === " \n\r" ? ` \n${text}\r\t ` : text;
      assert.deepStrictEqual(parseJsonText(spaced), withoutNegativeZero(data));
    }),
    { numRuns: 1000 },
  );
  assertPrototypeUntouched();
});

function withoutNegativeZero(value: unknown): unknown {
  if (Object.is(value, -0)) return 0;
  if (Array.isArray(value)) return value.map(withoutNegativeZero);
  if (typeof value !== "object" || value === null) return value;
  return ownEntries(Object.entries(value).map(([key, item]) => [key, withoutNegativeZero(item)]));
}

test("a key that is given twice has its last value at its first place, as with JSON.parse", () => {
  const parsed = parseJsonText('{"\\n":1,"b":2,"\\n":3}') as object;
  assert.deepEqual(Object.entries(parsed), [
    ["\n", 3],
    ["b", 2],
  ]);
});

test("what is not JSON is refused by the strict reader as by JSON.parse", () => {
  const bodies = [
    "",
    "1",
    "-",
    "01",
    "1.",
    ".5",
    "+1",
    "1e",
    "NaN",
    "tru",
    "truex",
    "nul",
    "undefined",
    '"',
    '"\\x"',
    '"\t"',
    "'a'",
    "[",
    "[1",
    "[1,]",
    "[,]",
    "[1 2]",
    "{",
    "{}",
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    "{a:1}",
    "]",
    "1 1",
    "[]]",
    "\u00a01",
    "1\u2028",
    "\ufeff1",
    "-Infinity",
    "0x1",
    "1_0",
    "1n",
  ];
  for (const body of bodies) {
    for (const text of [
      `{"\\n":${body}}`,
      `{"\\n":1,"b":[${body}]}`,
      `{"\\n":1}${body}`,
      `${body}{"\\n":1}`,
      `{"\\n":1,${body}}`,
    ]) {
      assert.equal(
        outcome(() => parseJsonText(text)),
        outcome(() => JSON.parse(text)),
        text,
      );
    }
  }
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...'{}[],:"\\n1-.e t\n', "true", '"\\n":', '"a":1'), { maxLength: 12 }),
      (parts) => {
        const text = `{"\\n":${parts.join("")}}`;
        assert.equal(
          outcome(() => parseJsonText(text)),
          outcome(() => JSON.parse(text)),
          text,
        );
      },
    ),
    { numRuns: 3000 },
  );
});

/** The value as text, or that it was refused. */
function outcome(parse: () => unknown): string {
  try {
    return JSON.stringify(parse());
  } catch (error) {
    assert.ok(error instanceof SyntaxError);
    return "refused";
  }
}

test("hostile text of 1 MiB is refused or read in time that grows with its length", () => {
  const units = ['{"\\n":', "[", '"\\n":', '{"a":"\\\\"},', "\\", '"', '\\"', '{"\\"":1},', '"\\\\', " "];
  for (const unit of units) {
    const text = unit.repeat(Math.ceil(2 ** 20 / unit.length));
    const started = performance.now();
    for (const hostile of [text, `{"\\n":1,"b":[${text}`]) outcome(() => parseJsonText(hostile));
    assert.ok(performance.now() - started < 2000, JSON.stringify(unit));
  }
});

test("any key and value survive the strict reader", () => {
  fc.assert(
    fc.property(hostileText, hostileText, (key, value) => {
      const data = ownEntries([
        ['"', 0],
        [key, value],
      ]);
      assert.deepStrictEqual(parseJsonText(JSON.stringify(data)), data);
    }),
    { numRuns: 1000 },
  );
});
