/** An object of string keys, as session data is made of. */
export type PlainObject = Record<string, unknown>;

/** True for an object literal or a null-prototype object: what merges key by key. */
export function isPlainObject(value: unknown): value is PlainObject {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** True when an object has no key of its own that counts. */
export function isEmptyObject(object: object): boolean {
  for (const key in object) if (Object.hasOwn(object, key)) return false;
  return true;
}

/** True for a promise and whatever acts like one. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

/** The own value of `key`, or undefined: a key such as `constructor` never reads the prototype. */
export function getOwn(object: PlainObject, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** Sets an own value; a key such as `__proto__` becomes data and never the prototype. */
export function setOwn(object: PlainObject, key: string, value: unknown): void {
  if (key === "__proto__") {
    Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
  } else {
    object[key] = value;
  }
}

/**
 * Equality of data as a codec sees it: plain objects by their keys in any order (an undefined value counts as an absent key),
 * arrays by their items, and what else codecs carry by its type and contents.
 */
export function sameValue(a: unknown, b: unknown): boolean {
  if (Object.is(a, b) || a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => sameValue(item, b[index]));
  }
  if (isPlainObject(a)) {
    if (!isPlainObject(b)) return false;
    const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
    for (const key of keys) if (!sameValue(getOwn(a, key), getOwn(b, key))) return false;
    return true;
  }
  if (isPlainObject(b) || Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (a instanceof Date) return a.getTime() === (b as Date).getTime();
  if (a instanceof Map || a instanceof Set) {
    return sameValue([...a.entries()], [...(b as typeof a).entries()]);
  }
  if (ArrayBuffer.isView(a)) return sameBytes(bytesOf(a), bytesOf(b as ArrayBufferView));
  if (a instanceof ArrayBuffer) return sameBytes(new Uint8Array(a), new Uint8Array(b as ArrayBuffer));
  const text = textOf(a);
  // Two things whose text says no more than their class may differ in everything.
  return !text.startsWith("[object ") && text === textOf(b);
}

function textOf(value: { toString(): string }): string {
  return value.toString();
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(b);
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** A copy that shares no plain object and no array with `value`. */
export function deepCopy<V>(value: V): V {
  if (Array.isArray(value)) return value.map(deepCopy) as V;
  if (!isPlainObject(value)) return value;
  const copy: PlainObject = {};
  for (const key of Object.keys(value)) setOwn(copy, key, deepCopy(value[key]));
  return copy as V;
}

/**
 * Makes `target` hold what `source` holds, in place and in its order: nested plain objects and arrays that both have stay the objects
 * they are, so that a reference which a handler kept goes on being part of the session. `source` must share none of them with
 * `target`, but for what is to stay as it is.
 */
export function syncInto(target: PlainObject, source: PlainObject): void {
  if (!isEmptyObject(target)) return syncObject(target, source, new Set());
  for (const key of Object.keys(source)) setOwn(target, key, source[key]);
}

function syncObject(target: PlainObject, source: PlainObject, used: Set<unknown>): void {
  used.add(target);
  const old = new Map(Object.keys(target).map((key) => [key, target[key]]));
  const keys = Object.keys(source);
  const inOrder = keys.length === old.size && [...old.keys()].every((key, index) => key === keys[index]);
  if (!inOrder) for (const key of old.keys()) delete target[key];
  for (const key of keys) {
    const value = synced(old.get(key), source[key], used);
    if (!inOrder || value !== old.get(key)) setOwn(target, key, value);
  }
}

function synced(old: unknown, fresh: unknown, used: Set<unknown>): unknown {
  // What a handler froze, or refers to twice, cannot be changed in place.
  if (old === fresh || used.has(old) || Object.isFrozen(old) || Object.isSealed(old)) return fresh;
  if (Array.isArray(old) && Array.isArray(fresh)) {
    used.add(old);
    old.length = fresh.length;
    for (const [index, item] of fresh.entries()) old[index] = synced(old[index], item, used);
    return old;
  }
  if (isPlainObject(old) && isPlainObject(fresh) && isWritable(old)) {
    syncObject(old, fresh, used);
    return old;
  }
  return fresh;
}

function isWritable(object: PlainObject): boolean {
  return Object.values(Object.getOwnPropertyDescriptors(object)).every(
    ({ writable, configurable }) => writable && configurable,
  );
}
