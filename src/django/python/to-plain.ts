import { CodecError } from "../../codec/codec.ts";
import { setOwn } from "../../core/plain.ts";
import { callText } from "./calls.ts";
import { isHashable, PyCall, PyDict, PyFloat, type PyGlobal, PySet, PyTuple, type PyValue } from "./values.ts";

/** The most values that one session may show, parts that are shared counted wherever they are. */
const MAX_VALUES = 2_000_000;

/**
 * What an application sees of a Python dict: a plain object. Ints are numbers up to 2^53 - 1 and BigInts beyond, floats numbers, lists
 * and tuples arrays, sets `Set`s, bytes `Uint8Array`s, and dates, times, durations, Decimals and UUIDs their text.
 *
 * @throws {CodecError} reason `format` when it is no dict, or holds what is no plain data; `size` when it is too large or too deep, or
 *   holds itself
 */
export function plainOf(value: PyValue, maxDepth: number): Record<string, unknown> {
  if (!(value instanceof PyDict)) throw new CodecError("format", "The session is not a dictionary");
  return new Plain(maxDepth).object(value, 1);
}

class Plain {
  readonly #maxDepth: number;
  #values = 0;

  constructor(maxDepth: number) {
    this.#maxDepth = maxDepth;
  }

  object(dict: PyDict, depth: number): Record<string, unknown> {
    this.#count(depth, dict.values.size);
    const object: Record<string, unknown> = {};
    for (const [key, item] of dict.values) setOwn(object, key, this.#of(item, depth + 1));
    return object;
  }

  #of(value: PyValue, depth: number): unknown {
    // A long text or int may stand in many places, and be written out in each.
    if (typeof value === "string") this.#count(depth, value.length >> 4);
    if (typeof value === "bigint") this.#count(depth, value.toString(16).length >> 4);
    if (typeof value !== "object" || value === null) return value;
    if (value instanceof PyFloat) return value.value;
    if (value instanceof PyDict) return this.object(value, depth);
    if (Array.isArray(value)) return this.#array(value, depth);
    if (value instanceof PyTuple) return this.#array(value.items, depth);
    if (value instanceof PySet) return this.#set(value, depth);
    this.#count(depth, value instanceof Uint8Array ? value.byteLength >> 4 : 0);
    // A copy: what the application writes into it must not change what was read.
    if (value instanceof Uint8Array) return Uint8Array.from(value);
    return this.#text(value);
  }

  #array(items: readonly PyValue[], depth: number): unknown[] {
    this.#count(depth, items.length);
    return items.map((item) => this.#of(item, depth + 1));
  }

  #set({ items }: PySet, depth: number): Set<unknown> {
    // Counted first: tuples that share their parts may be more than can ever be looked at.
    const shown = this.#array(items, depth);
    if (!items.every((item) => isHashable(item)))
      throw new CodecError("format", "The session holds a set that Python could not have");
    return new Set(shown);
  }

  #text(value: PyCall | PyGlobal): string {
    const text = value instanceof PyCall ? callText(value) : undefined;
    if (text === undefined) throw new CodecError("format", "The session holds an object of Python's that is no plain data");
    return text;
  }

  #count(depth: number, items: number): void {
    this.#values += 1 + items;
    if (depth > this.#maxDepth) {
      throw new CodecError("size", `The session has more than ${this.#maxDepth} levels of nesting, or holds itself`);
    }
    if (this.#values > MAX_VALUES) throw new CodecError("size", `The session has more than ${MAX_VALUES} values`);
  }
}
