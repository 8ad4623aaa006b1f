import fc from "fast-check";
import { hostileText } from "../codec/support.ts";
import type { Described } from "./real-django.ts";

type Make = fc.Arbitrary<Described>;

/** Text of Python's: no two surrogates that JavaScript would take for one character, unless they are one. */
const text: Make = hostileText.map((s) => ({ s }));

const int: Make = fc
  .oneof(
    fc.integer().map(BigInt),
    fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
    fc.constantFrom(
      0n,
      2n ** 53n - 1n,
      2n ** 53n,
      -(2n ** 53n),
      2n ** 63n,
      -(2n ** 63n) - 1n,
      2n ** 2048n,
      10n ** 300n,
      255n,
      65_536n,
    ),
  )
  .map((value) => ({ i: String(value) }));

const float: Make = fc
  .oneof(
    fc.double().map(String),
    fc.constantFrom(
      "1.0",
      "-0.0",
      "0.0",
      "1e16",
      "1e15",
      "1e-5",
      "0.0001",
      "5e-324",
      "1.7976931348623157e308",
      "nan",
      "inf",
      "-inf",
    ),
    fc.integer().map((value) => `${value}.0`),
  )
  .map((value) => ({ f: value.replace("Infinity", "inf").replace("NaN", "nan") }));

const atom: Make = fc.oneof(text, int, float, fc.boolean(), fc.constant(null));

/** Keys: hostile ones, and such as JavaScript would put in another order. */
const key: fc.Arbitrary<string> = fc.oneof(
  hostileText,
  fc.nat(30).map(String),
  fc.constantFrom("a", "b", "count", "_auth_user_id"),
);

function list(item: Make, kind: string, maxLength = 5): Make {
  return fc.array(item, { maxLength }).map((items) => ({ [kind]: items }));
}

function dict(keys: Make, item: Make, minLength = 0): Make {
  return fc
    .uniqueArray(fc.tuple(keys, item), { minLength, maxLength: 6, selector: ([name]) => JSON.stringify(name) })
    .map((entries) => ({ d: entries }));
}

/** A dictionary in JSON, of these values with nothing inside. */
function jsonOf(...atoms: readonly Make[]): Make {
  const name = key.map((s) => ({ s }));
  return fc.letrec<{ value: Described; session: Described }>((tie) => ({
    value: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      ...atoms,
      list(tie("value"), "l"),
      dict(name, tie("value")),
    ),
    session: dict(name, tie("value"), 1),
  })).session;
}

/** A dictionary as Django's JSON carries it. */
export const jsonSession: Make = jsonOf(atom);

const day = fc.date({ min: new Date("0001-01-02T00:00:00Z"), max: new Date("9999-12-30T00:00:00Z"), noInvalidDate: true });
const moment = fc
  .tuple(day, fc.integer({ min: 0, max: 999_999 }))
  .map(([date, micros]) => `${iso(date).slice(0, 19)}${micros % 3 === 0 ? "" : `.${String(micros).padStart(6, "0")}`}`);

function iso(date: Date): string {
  return date.toISOString();
}

const zone = fc.constantFrom(
  null,
  "utc:",
  "fixed:90",
  "fixed:-210",
  "fixed:-1",
  "pytz:UTC",
  "pytz:Europe/Berlin",
  "zoneinfo:Asia/Kolkata",
);

/** What `DjangoJSONEncoder` writes as text. */
const encodedAtom: Make = fc.oneof(
  fc.tuple(moment, zone).map((dt) => ({ dt })),
  day.map((date) => ({ date: iso(date).slice(0, 10) })),
  moment.map((at) => ({ time: at.slice(11) })),
  fc.tuple(fc.integer({ min: -99_999, max: 99_999 }), fc.nat(86_399), fc.nat(999_999)).map((td) => ({ td })),
  fc
    .constantFrom("1.50", "-0", "NaN", "Infinity", "1E+3", "0.000001", "-123456789012345678901234567890.5")
    .map((D) => ({ D })),
  fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }).map((value) => ({ u: value.toString(16).padStart(32, "0") })),
);

/** A dictionary as a serializer with `DjangoJSONEncoder` takes it, dates and their like among the values. */
export const encodedSession: Make = jsonOf(atom, encodedAtom);

/** What only pickles carry, with nothing inside. */
const richAtom: Make = fc.oneof(
  { arbitrary: encodedAtom, weight: 6 },
  fc.uint8Array({ maxLength: 300 }).map((bytes) => ({ y: Buffer.from(bytes).toString("hex") })),
);

const hashable: Make = fc.oneof(text, int, richAtom, fc.constant(null), list(text, "t", 3));

const pickledKey: Make = fc.oneof(
  { arbitrary: key.map((s) => ({ s })), weight: 6 },
  { arbitrary: fc.integer({ min: 100, max: 2 ** 40 }).map((value) => ({ i: String(value) })), weight: 1 },
);

/** A dictionary as Django's caches carry it. */
export const pickledSession: Make = fc.letrec<{ value: Described; session: Described }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    atom,
    richAtom,
    list(tie("value"), "l"),
    list(tie("value"), "t"),
    list(hashable, "S"),
    list(hashable, "F"),
    dict(pickledKey, tie("value")),
  ),
  session: dict(pickledKey, tie("value"), 1),
})).session;

/** What an application sets, and what Python finds there. */
export const TOUCHES: readonly (readonly [value: unknown, described: Described])[] = [
  [7, { i: "7" }],
  [1.5, { f: "1.5" }],
  ["te\u{1f600}xt\ud800", { s: "te\u{1f600}xt\ud800" }],
  [true, true],
  [null, null],
  [Number.NaN, { f: "nan" }],
  [-0, { f: "-0.0" }],
  [2 ** 53, { f: "9007199254740992.0" }],
  [2n ** 70n, { i: String(2n ** 70n) }],
  [[1, "a", [null]], { l: [{ i: "1" }, { s: "a" }, { l: [null] }] }],
  [
    { b: 1, "10": { a: [] }, "2": "x" },
    // JavaScript puts these keys in front, in this order.
    {
      d: [
        [{ s: "2" }, { s: "x" }],
        [{ s: "10" }, { d: [[{ s: "a" }, { l: [] }]] }],
        [{ s: "b" }, { i: "1" }],
      ],
    },
  ],
];

/** Dictionaries at the limits: deep, wide, long. */
export const LARGE: readonly Described[] = [
  { d: [[{ s: "deep" }, nested(450)]] },
  { d: Array.from({ length: 3000 }, (_, index) => [{ s: `key${index}` }, { i: String(index) }]) },
  { d: [[{ s: "long" }, { s: "ü\u{1f600}".repeat(100_000) }]] },
  { d: [[{ s: "list" }, { l: Array.from({ length: 20_000 }, (_, index) => ({ f: `${index}.0` })) }]] },
];

function nested(levels: number): Described {
  let value: Described = { f: "1.0" };
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? { l: [value] } : { d: [[{ s: "in" }, value]] };
  return value;
}
