import { escapeJson } from "./escape.ts";
import type { Output } from "./output.ts";
import { plainJson } from "./render.ts";

/** Prints one JSON value, laid out, that a terminal can show as it is. */
export function printJson(output: Output, value: unknown): Promise<void> {
  return output.line(escapeJson(JSON.stringify(plainJson(value), null, 2)));
}

/** Prints one JSON value on a line of its own. */
export function printJsonLine(output: Output, value: unknown): Promise<void> {
  return output.line(escapeJson(JSON.stringify(plainJson(value))));
}
