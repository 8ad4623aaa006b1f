import { pyInt } from "./values.ts";

/** The most digits of an int in text: Python's own bound since 3.11. */
const MAX_DIGITS = 4300;

/** A float as Python's `repr` has it: shortest digits, always with a point or an exponent, the exponent from 1e16 and below 1e-4. */
function floatText(value: number): string {
  if (Object.is(value, -0)) return "-0.0";
  const [mantissa = "", exponentText = ""] = value.toExponential().split("e");
  const exponent = Number(exponentText);
  if (exponent < -4 || exponent >= 16) {
    return `${mantissa}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
  }
  const text = value.toString();
  // JavaScript writes these as digits too, from 1e-6 on and up to 1e21.
  return text.includes(".") ? text : `${text}.0`;
}

/** A float as Python's `json` writes it. */
export function jsonFloatText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "Infinity" : "-Infinity";
  return floatText(value);
}

/** The int of a decimal text, digits with an optional minus; undefined when it has more digits than Python reads. */
export function intOf(text: string): number | bigint | undefined {
  // A minus and fifteen digits are below 2^53; `| 0` cannot be used for the zero, which has no sign in Python.
  if (text.length <= 15) return Number(text) + 0;
  if (text.length > MAX_DIGITS + 1 || text.replace("-", "").length > MAX_DIGITS) return undefined;
  return pyInt(BigInt(text));
}
