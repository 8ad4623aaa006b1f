const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** A whole number in Django's base 62: capital letters before small ones, a minus before negative ones. */
export function encodeBase62(value: number): string {
  if (!Number.isSafeInteger(value)) throw new TypeError("encodeBase62: the value must be a whole number below 2^53.");
  if (value === 0) return "0";
  let text = "";
  for (let rest = Math.abs(value); rest > 0; rest = Math.floor(rest / 62)) text = DIGITS.charAt(rest % 62) + text;
  return value < 0 ? `-${text}` : text;
}

/** The number of a base-62 text; undefined for a text that is none. Beyond 2^53 it is only near. */
export function decodeBase62(text: string): number | undefined {
  const isNegative = text.startsWith("-");
  if (text === "") return undefined;
  let value = 0;
  for (const character of isNegative ? text.slice(1) : text) {
    const digit = DIGITS.indexOf(character);
    if (digit === -1) return undefined;
    value = value * 62 + digit;
  }
  return isNegative ? 0 - value : value;
}
