import assert from "node:assert/strict";
import fc from "fast-check";
import type { Codec, CodecErrorReason } from "../../src/codec/codec.ts";
import { CodecError } from "../../src/codec/codec.ts";

export type Data = Record<string, unknown>;

export const HERE = { place: "0f".repeat(24) };
export const ELSEWHERE = { place: "f0".repeat(24) };

/** Text that hurts: lone surrogates, line separators, quotes, controls, astral characters, names of the prototype. */
export const hostileText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.string({
    unit: fc.constantFrom("\ud800", "\udfff", "\ud83d", "\ude00", "a", "\\", '"', "\0", "\u2028", "\x7f"),
    maxLength: 8,
  }),
  fc.constantFrom(
    "__proto__",
    "constructor",
    "prototype",
    "toString",
    "toJSON",
    "then",
    "length",
    "_",
    "",
    "0",
    "-1",
    "j1:",
  ),
);

const hostileNumber = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.constantFrom(-0, 2 ** 53, -(2 ** 53) - 2, Number.MAX_VALUE, Number.MIN_VALUE, 1e21, 1e-7),
);

/** Everything that JSON carries, with hostile keys and texts. */
export const jsonData: fc.Arbitrary<Data> = fc.letrec<{ value: unknown; object: Data }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    hostileText,
    hostileNumber,
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("value"), { maxLength: 4 }),
    tie("object"),
  ),
  object: fc.array(fc.tuple(hostileText, tie("value")), { maxLength: 5 }).map(ownEntries),
})).object;

/** An object with exactly these own properties, `__proto__` among them. */
export function ownEntries(entries: readonly (readonly [string, unknown])[]): Data {
  const object: Data = {};
  for (const [key, value] of entries) {
    Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
  }
  return object;
}

/** An object nested in itself `levels` deep. */
export function nested(levels: number): Data {
  let object: Data = {};
  for (let level = 1; level < levels; level++) object = { in: object };
  return object;
}

export function refuses(reason: CodecErrorReason, message: RegExp = /./) {
  return (error: unknown): true => {
    assert.ok(error instanceof CodecError, String(error));
    assert.equal(error.reason, reason);
    assert.match(error.message, message);
    return true;
  };
}

export function roundTrip(codec: Codec, value: Data): Data {
  return codec.parse(codec.decode(codec.encode(codec.stringify(value), HERE), HERE));
}

/** Fails if anything got into the prototype that all objects share. */
export function assertPrototypeUntouched(): void {
  assert.deepEqual(Object.keys(Object.prototype), []);
  assert.equal("polluted" in {}, false);
}
