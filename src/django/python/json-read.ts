import { CodecError } from "../../codec/codec.ts";
import { endOfString } from "../../codec/json-text.ts";
import { READ_CONTAINERS } from "./limits.ts";
import { intOf } from "./numbers.ts";
import { PyDict, PyFloat, type PyValue } from "./values.ts";

const NUMBER = /(-?(?:0|[1-9][0-9]*))(\.[0-9]+)?([eE][-+]?[0-9]+)?/y;
const WORDS: readonly (readonly [string, () => PyValue])[] = [
  ["null", () => null],
  ["true", () => true],
  ["false", () => false],
  ["NaN", () => new PyFloat(Number.NaN)],
  ["Infinity", () => new PyFloat(Number.POSITIVE_INFINITY)],
  ["-Infinity", () => new PyFloat(Number.NEGATIVE_INFINITY)],
];

/**
 * Reads what Python's `json.loads` reads, into the values that it makes of it: ints of any size, floats, NaN and the infinities, keys
 * in their order with the last of two equal ones counting, lone surrogates.
 *
 * @param maxDepth the most levels of nesting
 * @throws {CodecError} reason `format`, or `size` for too many levels; the message holds no data
 */
export function readPythonJson(text: string, maxDepth: number): PyValue {
  return new JsonReader(text, maxDepth).read();
}

class JsonReader {
  readonly #text: string;
  readonly #maxDepth: number;
  #at = 0;
  #containers = 0;

  constructor(text: string, maxDepth: number) {
    this.#text = text;
    this.#maxDepth = maxDepth;
  }

  read(): PyValue {
    const value = this.#value(1);
    if (!Number.isNaN(this.#peek())) throw malformed();
    return value;
  }

  #value(depth: number): PyValue {
    const code = this.#peek();
    if (code === 0x22) return this.#string();
    if (code === 0x7b) return this.#object(depth);
    if (code === 0x5b) return this.#array(depth);
    NUMBER.lastIndex = this.#at;
    const number = NUMBER.exec(this.#text);
    return number === null ? this.#word() : this.#number(number);
  }

  #object(depth: number): PyDict {
    this.#enter(depth);
    const dict = new PyDict();
    if (this.#peek() === 0x7d) {
      this.#at++;
      return dict;
    }
    for (;;) {
      if (this.#peek() !== 0x22) throw malformed();
      const key = this.#string();
      if (this.#peek() !== 0x3a) throw malformed();
      this.#at++;
      dict.values.set(key, this.#value(depth + 1));
      if (this.#isEnd(0x7d)) return dict;
    }
  }

  #array(depth: number): PyValue[] {
    this.#enter(depth);
    const list: PyValue[] = [];
    if (this.#peek() === 0x5d) {
      this.#at++;
      return list;
    }
    for (;;) {
      list.push(this.#value(depth + 1));
      if (this.#isEnd(0x5d)) return list;
    }
  }

  #enter(depth: number): void {
    if (depth > this.#maxDepth) throw new CodecError("size", `The JSON has more than ${this.#maxDepth} levels of nesting`);
    if (++this.#containers > READ_CONTAINERS)
      throw new CodecError("size", "The JSON has more lists and objects than a session holds");
    this.#at++;
  }

  /** True behind the closing bracket, false behind a comma. */
  #isEnd(close: number): boolean {
    const code = this.#peek();
    this.#at++;
    if (code === close) return true;
    if (code !== 0x2c) throw malformed();
    return false;
  }

  #string(): string {
    const end = endOfString(this.#text, this.#at);
    const quoted = this.#text.slice(this.#at, end + 1);
    this.#at = end + 1;
    if (!quoted.includes("\\") && end < this.#text.length && !hasControl(quoted)) return quoted.slice(1, -1);
    try {
      return JSON.parse(quoted) as string;
    } catch {
      throw malformed();
    }
  }

  #number([text, whole = "", fraction, exponent]: RegExpExecArray): PyValue {
    this.#at += text.length;
    if (fraction !== undefined || exponent !== undefined) return new PyFloat(Number(text));
    const value = intOf(whole);
    if (value === undefined) throw new CodecError("size", "The JSON has an integer of more digits than Python reads");
    return value;
  }

  #word(): PyValue {
    const word = WORDS.find(([name]) => this.#text.startsWith(name, this.#at));
    if (word === undefined) throw malformed();
    this.#at += word[0].length;
    return word[1]();
  }

  /** The code of the next character that is not blank; NaN at the end. */
  #peek(): number {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return code;
      this.#at++;
    }
  }
}

function hasControl(text: string): boolean {
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) < 0x20) return true;
  return false;
}

function malformed(): CodecError {
  return new CodecError("format", "The text is not JSON as Python writes it");
}
