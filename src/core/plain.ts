/** An object of string keys, as session data is made of. */
export type PlainObject = Record<string, unknown>;

/** True for an object literal or a null-prototype object: what merges key by key. */
export function isPlainObject(value: unknown): value is PlainObject {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
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
  if (ArrayBuffer.isView(a)) return Buffer.from(bytesOf(a)).equals(bytesOf(b as ArrayBufferView));
  return String(a) === String(b);
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/**
 * Makes `target` hold what `source` holds, in place: nested plain objects and arrays that both have stay the objects they are, so
 * that a reference which a handler kept goes on being part of the session.
 */
export function syncInto(target: PlainObject, source: PlainObject): void {
  for (const key of Object.keys(target)) if (!Object.hasOwn(source, key)) delete target[key];
  for (const key of Object.keys(source)) setOwn(target, key, synced(getOwn(target, key), source[key]));
}

function synced(old: unknown, fresh: unknown): unknown {
  if (old === fresh) return fresh;
  if (Array.isArray(old) && Array.isArray(fresh)) {
    const items = fresh.map((item, index) => synced(old[index], item));
    old.splice(0, old.length, ...items);
    return old;
  }
  if (isPlainObject(old) && isPlainObject(fresh)) {
    syncInto(old, fresh);
    return old;
  }
  return fresh;
}
