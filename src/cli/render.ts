import { stripVTControlCharacters } from "node:util";
import { isPlainObject, type PlainObject, setOwn } from "../core/plain.ts";
import { escapeText } from "./escape.ts";
import { classNameOf, Shape, sized } from "./shape.ts";
import type { Style } from "./style.ts";

const INDENT = "  ";
const LINE = 76;
const DEEPEST = 200;

/** Data for a terminal: laid out like JSON, richer values by their names, and nothing in it that a terminal would obey. */
export function renderValue(value: unknown, style: Style, depth = 0): string {
  if (value instanceof Shape) return style.dim(value.text);
  if (typeof value === "string") return style.green(quoted(value));
  if (typeof value === "number") return style.yellow(Object.is(value, -0) ? "-0" : String(value));
  if (typeof value === "bigint") return style.yellow(`${value}n`);
  if (typeof value !== "object" || value === null) return style.blue(String(value));
  if (depth >= DEEPEST) return style.dim("nested deeper");
  const inner = (item: unknown): string => renderValue(item, style, depth + 1);
  if (Array.isArray(value))
    return value.every(isSmall) ? oneLine(value, style, depth) : block("[", value.map(inner), "]", depth);
  if (isPlainObject(value)) {
    const entries = Object.entries(value).map(([key, item]) => `${style.cyan(quoted(key))}: ${inner(item)}`);
    return block("{", entries, "}", depth);
  }
  const name = style.dim(sized(value));
  if (value instanceof Map) {
    return `${name} ${block(
      "{",
      Array.from(value, ([key, item]) => `${inner(key)} => ${inner(item)}`),
      "}",
      depth,
    )}`;
  }
  if (value instanceof Set) return `${name} ${block("{", Array.from(value, inner), "}", depth)}`;
  return `${style.dim(classNameOf(value))} ${style.green(escapeText(textOf(value)))}`;
}

/** Data in one line, without colours. */
export function renderLine(value: unknown): string {
  if (value instanceof Shape) return value.text;
  return escapeText(JSON.stringify(plainJson(value)) ?? "undefined");
}

/** Data as JSON can carry it: what JSON lacks becomes `{ "$type": …, "value": … }`. */
export function plainJson(value: unknown, depth = 0): unknown {
  if (value instanceof Shape) return value.text;
  if (typeof value === "number" && !Number.isFinite(value)) return { $type: "number", value: String(value) };
  if (typeof value === "bigint") return { $type: "bigint", value: String(value) };
  if (value === undefined) return { $type: "undefined" };
  if (typeof value !== "object" || value === null) return value;
  if (depth >= DEEPEST) return { $type: "nested deeper" };
  const inner = (item: unknown): unknown => plainJson(item, depth + 1);
  if (Array.isArray(value)) return value.map(inner);
  if (isPlainObject(value)) {
    const copy: PlainObject = {};
    for (const [key, item] of Object.entries(value)) setOwn(copy, key, inner(item));
    return copy;
  }
  const $type = classNameOf(value);
  if (value instanceof Map) return { $type, value: Array.from(value, ([key, item]) => [inner(key), inner(item)]) };
  if (value instanceof Set) return { $type, value: Array.from(value, inner) };
  return { $type, value: textOf(value) };
}

function textOf(value: object): string {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "invalid" : value.toISOString();
  if (ArrayBuffer.isView(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("hex");
  return value instanceof ArrayBuffer ? Buffer.from(value).toString("hex") : Reflect.apply(value.toString, value, []);
}

function quoted(text: string): string {
  return escapeText(JSON.stringify(text));
}

function isSmall(value: unknown): boolean {
  return typeof value !== "object" || value === null || value instanceof Shape;
}

/** Small items on one line where they fit, else one a line. */
function oneLine(items: readonly unknown[], style: Style, depth: number): string {
  const rendered = items.map((item) => renderValue(item, style, depth + 1));
  const line = `[${rendered.join(", ")}]`;
  return stripVTControlCharacters(line).length <= LINE - depth * INDENT.length ? line : block("[", rendered, "]", depth);
}

function block(open: string, items: readonly string[], close: string, depth: number): string {
  if (items.length === 0) return open + close;
  const pad = INDENT.repeat(depth + 1);
  return `${open}\n${items.map((item) => pad + item).join(",\n")}\n${INDENT.repeat(depth)}${close}`;
}
