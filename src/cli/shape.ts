import { isPlainObject, type PlainObject, setOwn } from "../core/plain.ts";

const ITEMS_SHOWN = 3;
const DEEPEST = 100;

/** What stands for a hidden value: what it is and how large, and nothing of what it says. */
export class Shape {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toJSON(): string {
    return this.text;
  }
}

/** Data with every value hidden: its keys stay, and for each value what it is. */
export function shapeOf(value: unknown, depth = 0): unknown {
  if (value instanceof Shape) return value;
  if (typeof value === "string") return new Shape(`string(${value.length})`);
  if (typeof value !== "object" || value === null) return new Shape(value === null ? "null" : typeof value);
  if (depth >= DEEPEST) return new Shape("nested deeper");
  if (Array.isArray(value)) {
    const shown: unknown[] = value.slice(0, ITEMS_SHOWN).map((item) => shapeOf(item, depth + 1));
    return value.length > ITEMS_SHOWN ? [...shown, new Shape(`${value.length - ITEMS_SHOWN} more`)] : shown;
  }
  if (isPlainObject(value)) {
    const shapes: PlainObject = {};
    for (const [key, item] of Object.entries(value)) setOwn(shapes, key, shapeOf(item, depth + 1));
    return shapes;
  }
  return new Shape(sized(value));
}

/** The name of what a value is an instance of, and how much it holds. */
export function sized(value: object): string {
  const name = classNameOf(value);
  if (value instanceof Map || value instanceof Set) return `${name}(${value.size})`;
  return ArrayBuffer.isView(value) || value instanceof ArrayBuffer ? `${name}(${value.byteLength} bytes)` : name;
}

/** The name of the class of a value. */
export function classNameOf(value: object): string {
  return Object.prototype.toString.call(value).slice("[object ".length, -1);
}
