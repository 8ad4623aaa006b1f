import { CodecError } from "../../codec/codec.ts";
import { hasSymbols, isPlain } from "../../codec/json-check.ts";
import { getOwn } from "../../core/plain.ts";
import { callFromText } from "./call-from-text.ts";
import { callText } from "./calls.ts";
import { isHashable, PyCall, PyDict, PyFloat, pyInt, PySet, PyTuple, type PyValue } from "./values.ts";

/** How new values are written. */
export interface WritingRules {
  /** True where Python's own types are carried, bytes and sets among them: in pickles. */
  readonly rich: boolean;
  /** The most levels of nesting of what was changed. */
  readonly maxDepth: number;
}

/**
 * The Python value of what an application made of a session. What equals what `old` shows at the same place is the very value that stands
 * there; so nothing is lost of what was not touched. What was changed keeps its kind where it can: a float that is given a whole number
 * stays a float, a tuple that is given other items a tuple. `docs/django/values.md` has the rules as a table.
 *
 * @throws {CodecError} reason `value` for what Python has no value for
 */
export function pythonOf(value: Readonly<Record<string, unknown>>, old: PyValue | undefined, rules: WritingRules): PyValue {
  if (!isPlainObject(value)) throw new CodecError("value", "The session's data is not a plain object");
  return new Writer(rules).value(value, old, 1);
}

class Writer {
  readonly #rules: WritingRules;

  constructor(rules: WritingRules) {
    this.#rules = rules;
  }

  value(value: unknown, old: PyValue | undefined, depth: number): PyValue {
    switch (typeof value) {
      case "string":
        return textOf(value, old);
      case "boolean":
        return value;
      case "number":
        return numberOf(value, old);
      case "bigint":
        return pyInt(value);
      case "object":
        return value === null ? null : this.#object(value, old, depth);
      default:
        throw unfit(value === undefined ? "undefined in an array" : `a ${typeof value}`);
    }
  }

  #object(value: object, old: PyValue | undefined, depth: number): PyValue {
    if (Array.isArray(value)) return this.#array(value, old, depth);
    if (isPlainObject(value)) return this.#dict(value, old instanceof PyDict ? old : undefined, depth);
    const prototype: unknown = Object.getPrototypeOf(value);
    if (this.#rules.rich && prototype === Uint8Array.prototype) return bytesOf(value as Uint8Array, old);
    if (this.#rules.rich && prototype === Set.prototype) return this.#set(value as ReadonlySet<unknown>, old, depth);
    throw unfit(value instanceof Date ? "a Date (write its ISO text)" : "an instance of a class");
  }

  #array(value: readonly unknown[], old: PyValue | undefined, depth: number): PyValue {
    const before = old instanceof PyTuple || Array.isArray(old) ? old : undefined;
    const known = before instanceof PyTuple ? before.items : (before ?? []);
    if (before === undefined) this.#requireRoom(depth);
    const { items, kept } = this.#items(value, known, depth);
    if (before !== undefined && kept && items.length === known.length) return before;
    return before instanceof PyTuple ? new PyTuple(items) : items;
  }

  /**
   * The items of a list, each beside the old one that it most likely was: what is equal at both ends stays beside its own, so that an
   * item that is added or removed does not move the others away from theirs.
   */
  #items(value: readonly unknown[], old: readonly PyValue[], depth: number): { items: PyValue[]; kept: boolean } {
    if (Object.keys(value).length !== value.length) throw unfit("an array with holes or named properties");
    const shared = Math.min(value.length, old.length);
    const items: PyValue[] = Array.from({ length: value.length });
    const take = (index: number, oldIndex: number): boolean => {
      const before = old[oldIndex];
      const item = this.value(value[index], before, depth + 1);
      items[index] = item;
      return item === before;
    };
    let first = 0;
    while (first < shared && take(first, first)) first++;
    if (first === value.length) return { items, kept: true };
    // No item is put beside the same old one twice: in lists within lists that would double the work with every level.
    const beside = first < shared ? items[first] : undefined;
    const shift = old.length - value.length;
    const end = shift === 0 ? first + 1 : first;
    let last = value.length - 1;
    while (last >= end && last + shift >= first && take(last, last + shift)) last--;
    for (let index = first; index <= last; index++) {
      if (index === first && beside !== undefined) items[index] = beside;
      else if (shift !== 0 || index !== last) take(index, index);
    }
    return { items, kept: false };
  }

  #dict(value: Readonly<Record<string, unknown>>, old: PyDict | undefined, depth: number): PyDict {
    if (hasSymbols(value)) throw unfit("a symbol as a key");
    if (old === undefined) this.#requireRoom(depth);
    const dict = new PyDict();
    let same = 0;
    // Keys keep their places; new ones stand behind them, as in Python.
    for (const [key, before] of old?.values ?? []) {
      const item = getOwn(value, key);
      if (item === undefined) continue;
      const written = this.value(item, before, depth + 1);
      if (written === before) same++;
      dict.values.set(key, written);
      const other = old?.otherKeys?.get(key);
      if (other !== undefined) (dict.otherKeys ??= new Map()).set(key, other);
    }
    for (const key of Object.keys(value)) {
      const item = value[key];
      if (item !== undefined && !dict.values.has(key)) dict.values.set(key, this.value(item, undefined, depth + 1));
    }
    return old !== undefined && same === old.values.size && same === dict.values.size ? old : dict;
  }

  #set(value: ReadonlySet<unknown>, old: PyValue | undefined, depth: number): PyValue {
    const before = old instanceof PySet ? old : undefined;
    if (before === undefined) this.#requireRoom(depth);
    const known = before === undefined ? [] : distinct(before.items);
    const { items, kept } = this.#items([...value], known, depth);
    if (before !== undefined && kept && items.length === known.length) return before;
    if (!items.every((item) => isHashable(item))) throw unfit("a Set with something in it that Python cannot hash");
    return new PySet(items, before?.frozen ?? false);
  }

  /** What is new is bounded, and so is a cycle; what was read goes back however deep it is. */
  #requireRoom(depth: number): void {
    const { maxDepth } = this.#rules;
    if (depth > maxDepth) throw unfit(`more than ${maxDepth} levels of nesting, or a cycle`);
  }
}

function textOf(value: string, old: PyValue | undefined): PyValue {
  if (!(old instanceof PyCall)) return value;
  return callText(old) === value ? old : (callFromText(value, old) ?? value);
}

function numberOf(value: number, old: PyValue | undefined): PyValue {
  if (old instanceof PyFloat) return Object.is(old.value, value) ? old : new PyFloat(value);
  // What is whole and larger is no int: those are BigInts.
  return Number.isSafeInteger(value) && !Object.is(value, -0) ? value : new PyFloat(value);
}

/** The items of a set without those that JavaScript cannot tell from an earlier one: a date and its text, for instance. */
function distinct(items: readonly PyValue[]): PyValue[] {
  const seen = new Set<unknown>();
  return items.filter((item) => {
    const shown = item instanceof PyFloat ? item.value : item instanceof PyCall ? callText(item) : item;
    const isNew = !seen.has(shown);
    seen.add(shown);
    return isNew;
  });
}

function bytesOf(value: Uint8Array, old: PyValue | undefined): Uint8Array {
  const same = old instanceof Uint8Array && Buffer.compare(old, value) === 0;
  return same ? old : Uint8Array.from(value);
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && isPlain(value);
}

function unfit(what: string): CodecError {
  return new CodecError("value", `The session's data has ${what}, which Django's format cannot carry`);
}
