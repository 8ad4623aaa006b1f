import { CodecError } from "../../codec/codec.ts";
import { callText } from "./calls.ts";
import { jsonFloatText } from "./numbers.ts";
import { PyCall, PyDict, PyFloat, PyTuple, type PyValue } from "./values.ts";

/** What stands between items, and between a key and its value. */
export interface JsonSeparators {
  readonly item: string;
  readonly key: string;
}

/** `separators=(",", ":")`: what Django's sessions have. */
const COMPACT: JsonSeparators = Object.freeze({ item: ",", key: ":" });

/** The separators of `json.dumps` by default. */
export const SPACED: JsonSeparators = Object.freeze({ item: ", ", key: ": " });

const ABOVE_ASCII = /[\u007f-\uffff]/g;

/** A string as Python's `json` writes it: ASCII only, every other character escaped. */
function jsonString(text: string): string {
  return JSON.stringify(text).replace(
    ABOVE_ASCII,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/**
 * A value as Python's `json.dumps` writes it. Tuples become lists, as there; dates and their like the text that they have here.
 *
 * @throws {CodecError} reason `value` for bytes and sets
 */
export function writePythonJson(value: PyValue, separators: JsonSeparators = COMPACT): string {
  if (typeof value === "string") return jsonString(value);
  if (typeof value !== "object" || value === null) return String(value);
  if (value instanceof PyFloat) return jsonFloatText(value.value);
  if (value instanceof PyDict) {
    const entries: string[] = [];
    for (const [key, item] of value.values) {
      entries.push(jsonString(key) + separators.key + writePythonJson(item, separators));
    }
    return `{${entries.join(separators.item)}}`;
  }
  const items = value instanceof PyTuple ? value.items : value;
  if (Array.isArray(items)) {
    return `[${items.map((item: PyValue) => writePythonJson(item, separators)).join(separators.item)}]`;
  }
  if (value instanceof PyCall) return jsonString(callText(value) ?? "");
  throw new CodecError("value", "Bytes or a set cannot be carried by JSON");
}
