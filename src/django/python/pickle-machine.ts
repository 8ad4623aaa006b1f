import { CodecError } from "../../codec/codec.ts";
import { READ_COST } from "./limits.ts";
import { jsonFloatText } from "./numbers.ts";
import { malformed } from "./pickle-input.ts";
import { PyDict, PyFloat, type PyKey, PySet, PyTuple, type PyValue } from "./values.ts";

/** What an object costs; about its bytes in memory. */
const OBJECT = 32;

/** What a digit of a key's int costs. */
const DIGIT = 16;

/** What a place in the memo costs. */
const PLACE = 16;

/** The stack, marks and memo of a pickle that is being read. They hold values of this library's own and nothing that acts. */
export class PickleMachine {
  #stack: PyValue[] = [];
  readonly #below: PyValue[][] = [];
  readonly #memo = new Map<number, PyValue>();
  #left = READ_COST;

  /** Takes from what the whole pickle may cost. @throws {CodecError} reason `size` once that is spent */
  spend(cost: number): void {
    this.#left -= cost;
    if (this.#left < 0) throw new CodecError("size", "The pickle makes more of its bytes than a session holds");
  }

  push(value: PyValue): void {
    if (typeof value === "object" && value !== null) this.spend(OBJECT);
    this.#stack.push(value);
  }

  pop(): PyValue {
    const value = this.#stack.pop();
    if (value === undefined) throw malformed();
    return value;
  }

  top(): PyValue {
    const value = this.#stack.at(-1);
    if (value === undefined) throw malformed();
    return value;
  }

  mark(): void {
    this.spend(OBJECT);
    this.#below.push(this.#stack);
    this.#stack = [];
  }

  /** What was pushed since the last mark. */
  popMark(): PyValue[] {
    const items = this.#stack;
    const below = this.#below.pop();
    if (below === undefined) throw malformed();
    this.#stack = below;
    return items;
  }

  /** Drops the top value, or the mark if nothing stands above it. */
  drop(): void {
    if (this.#stack.length > 0) this.#stack.pop();
    else this.popMark();
  }

  /** The only value left. */
  result(): PyValue {
    const value = this.pop();
    if (this.#stack.length > 0 || this.#below.length > 0) throw malformed();
    return value;
  }

  remember(index = this.#memo.size): void {
    this.spend(PLACE);
    this.#memo.set(index, this.top());
  }

  recall(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw malformed();
    this.push(value);
  }

  tuple(count: number): void {
    const items: PyValue[] = [];
    for (let index = 0; index < count; index++) items.unshift(this.pop());
    this.push(new PyTuple(items));
  }

  append(items: readonly PyValue[]): void {
    const list = this.top();
    if (!Array.isArray(list)) throw malformed();
    for (const item of items) list.push(item);
  }

  add(items: readonly PyValue[]): void {
    const set = this.top();
    if (!(set instanceof PySet) || set.frozen) throw malformed();
    for (const item of items) set.items.push(item);
  }

  /** Sets keys and values, one after the other. */
  setItems(items: readonly PyValue[]): void {
    const dict = this.top();
    if (!(dict instanceof PyDict)) throw malformed();
    this.#fill(dict, items);
  }

  /** Makes a dict of what was pushed since the last mark. */
  dict(): void {
    const items = this.popMark();
    const dict = new PyDict();
    this.push(dict);
    this.#fill(dict, items);
  }

  #fill(dict: PyDict, items: readonly PyValue[]): void {
    if (items.length % 2 !== 0) throw malformed();
    for (let index = 0; index < items.length; index += 2) {
      const key = items[index];
      if (key === undefined || !isKey(key))
        throw new CodecError("format", "The pickle has a key that JavaScript has no word for");
      // An int of the memo may be long, slow to write out, and a key everywhere.
      if (typeof key !== "string") this.spend(OBJECT + (typeof key === "bigint" ? key.toString(16).length * DIGIT : 0));
      const text = keyText(key);
      if (dict.values.has(text) && keyKind(knownKey(dict, text)) !== keyKind(key)) {
        throw new CodecError("format", "The pickle has two keys that are one in JavaScript");
      }
      dict.values.set(text, items[index + 1] ?? null);
      if (typeof key !== "string") (dict.otherKeys ??= new Map<string, PyKey>()).set(text, key);
    }
  }
}

/** The key that a dict has under a text. */
function knownKey({ otherKeys }: PyDict, text: string): PyKey {
  const other = otherKeys?.get(text);
  return other === undefined ? text : other;
}

function isKey(value: PyValue): value is PyKey {
  return typeof value !== "object" || value === null || value instanceof PyFloat;
}

/** The text under which JavaScript sees a key: what Python's `json` makes of it. */
function keyText(key: PyKey): string {
  return key instanceof PyFloat ? jsonFloatText(key.value) : String(key);
}

function keyKind(key: PyKey): string {
  return key instanceof PyFloat ? "float" : key === null ? "none" : typeof key;
}
