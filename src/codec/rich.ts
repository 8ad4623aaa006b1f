import { DevalueError, stringify, unflatten } from "devalue";
import { CodecError } from "./codec.ts";
import { hasSymbols, isPlain } from "./json-check.ts";
import { parseJsonText } from "./json-text.ts";
import { afterMark, type MarkedCodec } from "./mark.ts";
import { checkFlat, type RichBounds } from "./rich-check.ts";

/** Options of {@link richCodec}. */
export interface RichCodecOptions {
  /** The most levels of nesting, the session's own object being the first: 1 to 1000. Default 100. */
  readonly maxDepth?: number | undefined;
}

const MARK = "r1:";
const MAX_ARRAY_LENGTH = 10_000;

/** What the text can hold besides plain objects, arrays and primitive values; by the tag that the language gives it. */
const CARRIED = new Set(
  (
    "Array Date Map Set URL URLSearchParams ArrayBuffer DataView Int8Array Uint8Array Uint8ClampedArray Int16Array " +
    "Uint16Array Float16Array Int32Array Uint32Array Float32Array Float64Array BigInt64Array BigUint64Array"
  ).split(" "),
);

/**
 * Data with richer values, over the package `devalue` (an optional peer dependency: `npm install devalue`). Text: `r1:` and
 * devalue's flat JSON.
 *
 * Beyond what JSON has it carries `Date`, `Map`, `Set`, BigInt, NaN, the infinities, undefined, `URL`, `URLSearchParams`,
 * `ArrayBuffer`, typed arrays, `DataView` and, where the runtime has it, `Temporal`. An object that is referred to twice
 * comes back as one. A view on a part of a buffer is stored, and comes back, as a view on a buffer of its own.
 *
 * It refuses functions, symbols, promises, regular expressions, boxed primitives, errors, instances of other classes (a Node
 * `Buffer` and everything that extends a built-in class included), arrays with named properties, and a key called
 * `__proto__`. Cycles are refused too, although devalue could carry them: sessions are compared and merged as trees. An
 * array of mostly holes may be at most 10,000 long, when writing and when reading, because a few bytes could otherwise stand
 * for 2^32 items.
 *
 * The text has keys and entries in their order in the value: the same value in the same order is the same text.
 */
export function richCodec(options: RichCodecOptions = {}): MarkedCodec {
  const { maxDepth = 100 } = options;
  if (!Number.isInteger(maxDepth) || maxDepth < 1 || maxDepth > 1000) {
    throw new TypeError("richCodec: maxDepth must be a whole number from 1 to 1000.");
  }
  const bounds: RichBounds = { maxDepth, maxArrayLength: MAX_ARRAY_LENGTH };
  return Object.freeze({
    name: "rich",
    marks: Object.freeze([MARK]),
    stringify: (value: Readonly<Record<string, unknown>>) => stringifyRich(value, bounds),
    parse: (plain: string) => parseRich(plain, bounds),
    encode: (plain: string) => MARK + plain,
    decode: (text: string) => afterMark(text, MARK, "rich"),
  });
}

function stringifyRich(value: Readonly<Record<string, unknown>>, bounds: RichBounds): string {
  if (!isObject(value) || !isPlain(value)) {
    throw new CodecError("value", "The session's data is not a plain object");
  }
  let text: string;
  try {
    text = stringify(value, undefined, { operations: { tagOf, shapeOf, viewInfo, isThenable: () => false } });
  } catch (error) {
    // Not as the cause: devalue's error holds the value.
    if (error instanceof DevalueError) throw refusal(error);
    if (error instanceof RangeError) throw new CodecError("value", "The session's data is nested far too deep");
    throw error;
  }
  try {
    checkFlat(parseJsonText(text), bounds);
  } catch (error) {
    throw error instanceof CodecError
      ? new CodecError("value", `The session's data cannot be carried: ${error.message}`)
      : error;
  }
  return text;
}

function parseRich(plain: string, bounds: RichBounds): Record<string, unknown> {
  let flat: unknown;
  try {
    flat = parseJsonText(plain);
  } catch {
    throw new CodecError("format", "The stored text is not JSON");
  }
  checkFlat(flat, bounds);
  try {
    return unflatten(flat as unknown[]) as Record<string, unknown>;
  } catch {
    // Whatever a constructor found wrong with its text; its message could quote the data.
    throw new CodecError("format", "The stored text is not what the rich codec writes");
  }
}

/** The kind of a built-in object; "Object", and so refused unless plain, for what only looks like one or extends one. */
function tagOf(value: object): string {
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  if (!CARRIED.has(tag) && !tag.startsWith("Temporal.")) return "Object";
  const constructor = tag
    .split(".")
    .reduce<unknown>((scope, name) => (isObject(scope) ? Reflect.get(scope, name) : undefined), globalThis);
  const isItself = typeof constructor === "function" && Object.getPrototypeOf(value) === constructor.prototype;
  return isItself && !hasNamedProperties(value) ? tag : "Object";
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function hasNamedProperties(value: object): boolean {
  if (ArrayBuffer.isView(value)) return false;
  const last = Object.keys(value).at(-1);
  return last !== undefined && !(Array.isArray(value) && /^(?:0|[1-9][0-9]*)$/.test(last) && Number(last) < value.length);
}

type Shape = { kind: "plain" | "null-proto"; keys: string[] } | { kind: "not-plain" } | { kind: "symbol-keys" };

function shapeOf(value: object): Shape {
  if (!isPlain(value)) return { kind: "not-plain" };
  if (hasSymbols(value)) return { kind: "symbol-keys" };
  return { kind: Object.getPrototypeOf(value) === null ? "null-proto" : "plain", keys: Object.keys(value) };
}

/** A view with nothing behind it but what it shows: the rest of its buffer is not the session's. */
function viewInfo(view: ArrayBufferView) {
  const { byteLength } = view;
  const isWhole = byteLength === view.buffer.byteLength;
  const buffer = isWhole ? view.buffer : view.buffer.slice(view.byteOffset, view.byteOffset + byteLength);
  return { buffer, byteOffset: 0, byteLength, bufferByteLength: byteLength };
}

function refusal(error: DevalueError): CodecError {
  // The error's path has keys in it, and keys are data too.
  return new CodecError("value", `A value of the session has ${kindOf(error.value)}, which the rich codec cannot carry`);
}

function kindOf(value: unknown): string {
  if (typeof value === "function" || typeof value === "symbol") return `a ${typeof value}`;
  if (Array.isArray(value)) return "an array with named properties or of a class of its own";
  if (value instanceof Promise) return "a promise (await it first)";
  if (value instanceof Error) return "an Error";
  if (ArrayBuffer.isView(value)) return "a Buffer or another extended typed array";
  if (!isObject(value) || !isPlain(value)) return "an instance of a class, or a replaced prototype";
  return hasSymbols(value) ? "a symbol as a key" : "a key called __proto__";
}
