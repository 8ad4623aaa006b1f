/** The most containers of one value; beyond it, shared references are growing into an endless tree. */
const MAX_CONTAINERS = 5_000_000;

/** One pass over a value, looking for what JSON would lose or change. */
export interface JsonCheck {
  /** The most levels of nesting, the outermost object being the first. */
  readonly maxDepth: number;
  containers: number;
  /** Set when `JSON.stringify` would not write the value as it is: for a negative zero, or with a foreign prototype. */
  needsWriter: boolean;
}

/**
 * What in `value` JSON cannot carry, in words for a message, or undefined when it can carry all of it.
 *
 * @param depth the level at which `value` stands
 */
export function jsonObstacle(value: unknown, depth: number, check: JsonCheck): string | undefined {
  switch (typeof value) {
    case "string":
    case "boolean":
      return undefined;
    case "number":
      if (value === 0 && 1 / value < 0) check.needsWriter = true;
      return Number.isFinite(value) ? undefined : Number.isNaN(value) ? "NaN" : "an infinite number";
    case "undefined":
      return "undefined in an array";
    case "bigint":
      return "a BigInt";
    case "function":
    case "symbol":
      return `a ${typeof value}`;
    default:
      return value === null ? undefined : containerObstacle(value as object, depth, check);
  }
}

function containerObstacle(value: object, depth: number, check: JsonCheck): string | undefined {
  if (depth > check.maxDepth) return `more than ${check.maxDepth} levels of nesting, or a cycle`;
  if (++check.containers > MAX_CONTAINERS) return `more than ${MAX_CONTAINERS} objects and arrays`;
  if (Array.isArray(value)) return arrayObstacle(value, depth, check);
  if (!isPlain(value)) return kindOf(value);
  if (Object.getPrototypeOf(value) !== Object.prototype) check.needsWriter = true;
  return objectObstacle(value, depth, check);
}

function arrayObstacle(value: readonly unknown[], depth: number, check: JsonCheck): string | undefined {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Array.prototype) {
    // The prototype of an array of another realm is itself an array; that of a class built on arrays is not.
    if (!Array.isArray(prototype)) return "an array of a class of its own";
    check.needsWriter = true;
  }
  for (let index = 0; index < value.length; index++) {
    const item = value[index];
    // Most values are text: not worth a call.
    if (typeof item === "string") continue;
    const obstacle = jsonObstacle(item, depth + 1, check);
    if (obstacle !== undefined) return index in value ? obstacle : "an array with holes";
  }
  return Object.keys(value).length === value.length ? undefined : "an array with named properties";
}

/**
 * The obstacle in the values of a plain object. An undefined value counts as an absent key.
 *
 * @param depth the level at which the object stands
 */
export function objectObstacle(value: object, depth: number, check: JsonCheck): string | undefined {
  const object = value as Readonly<Record<string, unknown>>;
  if (hasSymbols(object)) return "a symbol as a key";
  // Without a list of the keys, which is half of the time that this takes.
  for (const key in object) {
    const item = object[key];
    if (typeof item === "string" || item === undefined || !Object.hasOwn(object, key)) continue;
    const obstacle = jsonObstacle(item, depth + 1, check);
    if (obstacle !== undefined) return obstacle;
  }
  return undefined;
}

/** True when the object has enumerable symbol keys, which JSON drops. */
export function hasSymbols(value: object): boolean {
  const symbols = Object.getOwnPropertySymbols(value);
  return symbols.some((symbol) => Object.prototype.propertyIsEnumerable.call(value, symbol));
}

/** True for what an object literal or `Object.create(null)` makes, of another realm too; not for a replaced prototype. */
export function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || isForeignObjectPrototype(prototype as object);
}

/**
 * Data alone, such as a parsed request body assigned to a prototype, cannot look like another realm's `Object.prototype`.
 */
function isForeignObjectPrototype(prototype: object): boolean {
  return (
    Object.getPrototypeOf(prototype) === null &&
    Object.hasOwn(prototype, "isPrototypeOf") &&
    typeof prototype.isPrototypeOf === "function"
  );
}

const KINDS: readonly (readonly [new (...args: never[]) => object, string])[] = [
  [Date, "a Date"],
  [Map, "a Map"],
  [Set, "a Set"],
  [URL, "a URL"],
  [RegExp, "a RegExp"],
  [Error, "an Error"],
  [Promise, "a promise (await it first)"],
  [ArrayBuffer, "an ArrayBuffer"],
];

/** The kind of an object that is not plain. Never its class's name, which could be data where a prototype was replaced. */
function kindOf(value: object): string {
  if (ArrayBuffer.isView(value)) return "a typed array";
  return (
    KINDS.find(([constructor]) => value instanceof constructor)?.[1] ?? "an instance of a class, or a replaced prototype"
  );
}
