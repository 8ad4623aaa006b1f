import { CodecError } from "./codec.ts";
import { type JsonCheck, hasSymbols, isPlain, jsonObstacle, objectObstacle } from "./json-check.ts";
import { endOfString, JsonTooDeep, parseJsonText } from "./json-text.ts";
import { afterMark, type MarkedCodec } from "./mark.ts";

/** Options of {@link jsonCodec}. */
export interface JsonCodecOptions {
  /** The most levels of nesting, the session's own object being the first: 1 to 1000. Default 100. */
  readonly maxDepth?: number | undefined;
}

const MARK = "j1:";

/**
 * Data as JSON, the default codec. Text: `j1:` and the JSON.
 *
 * It carries plain objects, dense arrays, strings (lone surrogates too), finite numbers (negative zero too), booleans and
 * null, and refuses whatever JSON would lose or change in silence: functions, symbols, BigInt, NaN, infinities, `Date`,
 * `Map` and every other instance of a class, arrays with holes or named properties, cycles, and what is nested too deep. An
 * undefined property counts as absent. `toJSON` is never called. Keys are data: `__proto__` comes back as an own property,
 * and no prototype is touched. An object that is referred to twice comes back as two.
 *
 * The text has the keys in the order of the object, so the same content with its keys in another order is another text.
 */
export function jsonCodec(options: JsonCodecOptions = {}): MarkedCodec {
  const { maxDepth = 100 } = options;
  if (!Number.isInteger(maxDepth) || maxDepth < 1 || maxDepth > 1000) {
    throw new TypeError("jsonCodec: maxDepth must be a whole number from 1 to 1000.");
  }
  return Object.freeze({
    name: "json",
    marks: Object.freeze([MARK]),
    stringify: (value: Readonly<Record<string, unknown>>) => stringifyJson(value, maxDepth),
    parse: (plain: string) => parseJson(plain, maxDepth),
    encode: (plain: string) => MARK + plain,
    decode: (text: string) => afterMark(text, MARK, "json"),
  });
}

function stringifyJson(value: Readonly<Record<string, unknown>>, maxDepth: number): string {
  const check: JsonCheck = { maxDepth, containers: 0, needsWriter: callsToJson() };
  if (typeof value !== "object" || value === null || Array.isArray(value) || !isPlain(value)) {
    throw new CodecError("value", "The session's data is not a plain object");
  }
  const obstacle = objectObstacle(value, 1, check);
  if (obstacle !== undefined) throw refusalOf(value, obstacle, { ...check, containers: 0 });
  return check.needsWriter ? writeJson(value) : JSON.stringify(value);
}

/** Keys are data too: the place is told by number. */
function refusalOf(value: Readonly<Record<string, unknown>>, obstacle: string, check: JsonCheck): CodecError {
  if (hasSymbols(value)) return new CodecError("value", "The session's data has a symbol as a key, which JSON cannot carry");
  const keys = Object.keys(value);
  const at = keys.findIndex((key) => value[key] !== undefined && jsonObstacle(value[key], 2, check) !== undefined);
  return new CodecError(
    "value",
    `The session's value under key ${Math.max(at, 0) + 1} of ${keys.length} has ${obstacle}, which JSON cannot carry`,
  );
}

/** True when somebody taught all objects, or all arrays, `toJSON`, which `JSON.stringify` would call. */
function callsToJson(): boolean {
  return "toJSON" in Array.prototype;
}

/** Writes a value that was checked. The plain way, for the rare values that `JSON.stringify` would not write as they are. */
function writeJson(value: unknown): string {
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(writeJson).join(",")}]`;
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${writeJson(item)}`).join(",")}}`;
}

function parseJson(plain: string, maxDepth: number): Record<string, unknown> {
  // Each level takes two characters. Text of little but brackets costs much to build; of other text the value is looked at, which costs less
  // than the text.
  const short = plain.length <= 2 * maxDepth;
  const dense = !short && hasMoreThan(plain, Math.max(maxDepth, plain.length >> 3));
  if (dense && isDeeperText(plain, maxDepth)) throw tooDeep(maxDepth);
  let value: unknown;
  try {
    value = parseJsonText(plain);
  } catch (error) {
    // The engine's own error quotes the text, which is data.
    if (error instanceof JsonTooDeep) throw tooDeep(maxDepth);
    throw new CodecError("format", "The stored text is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new CodecError("format", "The stored JSON is not an object");
  }
  if (!short && !dense && hasMoreThan(plain, maxDepth) && isDeeper(value, maxDepth)) throw tooDeep(maxDepth);
  return value as Record<string, unknown>;
}

function tooDeep(maxDepth: number): CodecError {
  return new CodecError("size", `The stored JSON has more than ${maxDepth} levels of nesting`);
}

/**
 * True when the text has more open brackets at one place than `maxDepth`. Exact for JSON, and harmless for anything else.
 */
function isDeeperText(text: string, maxDepth: number): boolean {
  let depth = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === 0x22) index = endOfString(text, index);
    else if (code === 0x7b || code === 0x5b) depth++;
    else if (code === 0x7d || code === 0x5d) depth--;
    if (depth > maxDepth) return true;
  }
  return false;
}

/** True when objects and arrays stand in each other more than `levels` deep. */
function isDeeper(value: object, levels: number): boolean {
  if (levels === 0) return true;
  if (Array.isArray(value)) {
    for (const item of value as readonly unknown[]) {
      if (typeof item === "object" && item !== null && isDeeper(item, levels - 1)) return true;
    }
    return false;
  }
  const object = value as Readonly<Record<string, unknown>>;
  for (const key in object) {
    const item = object[key];
    if (typeof item === "object" && item !== null && isDeeper(item, levels - 1)) return true;
  }
  return false;
}

/** True when the text has so many opening brackets, in strings or not. */
function hasMoreThan(text: string, brackets: number): boolean {
  let count = 0;
  for (const bracket of ["{", "["]) {
    for (let at = text.indexOf(bracket); at !== -1; at = text.indexOf(bracket, at + 1)) if (++count > brackets) return true;
  }
  return false;
}
