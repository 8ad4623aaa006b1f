import { CodecError } from "./codec.ts";

/** The sentinels of devalue's flat format that stand where an index could stand. */
const HOLE = -2;
const LOWEST_SENTINEL = -6;
const SPARSE = -7;

const TYPED_ARRAY = /^(?:(?:Int|Uint)(?:8|16|32)|Uint8Clamped|Float(?:16|32|64)|Big(?:Int|Uint)64)Array$|^DataView$/;
/** The most values that a tree may have once shared parts are counted wherever they are referred to. */
const MAX_VALUES = 2_000_000;

const TEXT_TYPE = /^(?:Date|URL|URLSearchParams|BigInt|ArrayBuffer|Temporal\.[A-Za-z]{1,20})$/;

/** What bounds a rich value. */
export interface RichBounds {
  readonly maxDepth: number;
  readonly maxArrayLength: number;
}

/**
 * Checks devalue's flat format before anything is built from it: an outermost object, no cycle, bounded depth, a bounded
 * number of values when shared parts are counted as often as they are referred to, and no array that claims to be far longer
 * than what the text holds of it.
 *
 * @throws {CodecError} reason `format` or `size`
 */
export function checkFlat(flat: unknown, bounds: RichBounds): void {
  if (!Array.isArray(flat) || !isObjectEntry(flat[0]))
    throw new CodecError("format", "The stored text is not a rich object");
  new FlatCheck(flat, bounds).measure(0, 1);
}

function isObjectEntry(entry: unknown): boolean {
  return typeof entry === "object" && entry !== null && (!Array.isArray(entry) || entry[0] === "null");
}

/** The levels of nesting and the number of values of an entry, itself included. */
interface Extent {
  readonly height: number;
  readonly values: number;
}

const PRIMITIVE: Extent = { height: 0, values: 1 };

class FlatCheck {
  readonly #flat: readonly unknown[];
  readonly #bounds: RichBounds;
  /** What was measured; null while it is being measured. */
  readonly #extents = new Map<number, Extent | null>();

  constructor(flat: readonly unknown[], bounds: RichBounds) {
    this.#flat = flat;
    this.#bounds = bounds;
  }

  measure(index: number, depth: number): Extent {
    const entry = this.#flat[index];
    if (typeof entry !== "object" || entry === null) return PRIMITIVE;
    const known = this.#extents.get(index);
    if (known === null) throw new CodecError("format", "The value refers to itself");
    if (depth + (known?.height ?? 1) - 1 > this.#bounds.maxDepth) {
      throw new CodecError("size", `The value has more than ${this.#bounds.maxDepth} levels of nesting`);
    }
    if (known !== undefined) return known;
    this.#extents.set(index, null);
    const extent = this.#measureChildren(entry, depth);
    this.#extents.set(index, extent);
    return extent;
  }

  #measureChildren(entry: object, depth: number): Extent {
    let height = 0;
    let values = 1;
    for (const child of this.#children(entry)) {
      if (isSentinel(child)) continue;
      if (typeof child !== "number" || !Number.isInteger(child) || child < 0 || child >= this.#flat.length)
        throw malformed();
      const extent = this.measure(child, depth + 1);
      height = Math.max(height, extent.height);
      values += extent.values;
    }
    if (values > MAX_VALUES) throw new CodecError("size", "The value refers to its own parts too often");
    return { height: height + 1, values };
  }

  /** What an entry refers to. */
  #children(entry: object): readonly unknown[] {
    if (!Array.isArray(entry)) return Object.values(entry);
    const items: readonly unknown[] = entry;
    const [type, first] = items;
    if (typeof type === "number" || type === undefined) return this.#arrayChildren(items);
    if (type === "Map" || type === "Set") return items.slice(1);
    if (type === "null") return items.filter((_, index) => index > 0 && index % 2 === 0);
    if (typeof type === "string" && TEXT_TYPE.test(type) && typeof first === "string") return [];
    if (typeof type === "string" && TYPED_ARRAY.test(type)) return [first];
    throw malformed();
  }

  #arrayChildren(items: readonly unknown[]): readonly unknown[] {
    if (items[0] !== SPARSE) return items.filter((item) => item !== HOLE);
    const length = items[1];
    if (typeof length !== "number" || !Number.isInteger(length) || length < 0) throw malformed();
    if (length > this.#bounds.maxArrayLength) {
      throw new CodecError("size", `An array with holes is longer than ${this.#bounds.maxArrayLength}`);
    }
    return items.filter((_, index) => index > 1 && index % 2 === 1);
  }
}

/** Undefined, NaN, the infinities and negative zero. */
function isSentinel(child: unknown): boolean {
  return typeof child === "number" && child < 0 && child >= LOWEST_SENTINEL && child !== HOLE;
}

function malformed(): CodecError {
  return new CodecError("format", "The stored text is not what the rich codec writes");
}
