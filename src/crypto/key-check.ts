import { decodeBase64url } from "./base64url.ts";

/**
 * A key: at least 32 random bytes, as they are or as the text that `sojourn generate-key` prints (base64url, or
 * hexadecimal).
 */
export type KeyInput = string | Uint8Array;

/** The fewest bytes of a key. */
export const KEY_BYTES = 32;

const MAX_KEY_BYTES = 1024;
const MAKE_ONE = "Make one with `npx sojourn generate-key` and keep it out of the source code.";
// Long enough that a random key hardly ever spells one: six letters, either case, about once in 25 million keys.
const PLACEHOLDER =
  /secret|password|passphrase|passw0rd|change.?me|replace.?me|placeholder|example|default|sojourn|session/i;

/**
 * The bytes of a key, checked: what people type instead of a key is refused, as are keys that are too short.
 *
 * The text is judged by how it looks: random text mixes capitals, small letters and digits, so long runs of one kind, few
 * different characters, or the words of placeholders give a typed key away. A random key is refused about once in a million.
 *
 * @throws {TypeError} saying why and what to do; never holds the key
 */
export function keyBytes(input: KeyInput): Buffer {
  if (typeof input === "string") return checkBytes(decodeKeyText(input));
  if (input instanceof Uint8Array) return checkBytes(Buffer.from(input));
  throw new TypeError(`A key is missing or is neither text nor bytes. ${MAKE_ONE}`);
}

function decodeKeyText(text: string): Buffer {
  if (PLACEHOLDER.test(text))
    throw new TypeError(`A key looks like a placeholder or a phrase, not a random key. ${MAKE_ONE}`);
  const isHex = /^(?:[0-9a-f]{2})+$/.test(text) || /^(?:[0-9A-F]{2})+$/.test(text);
  if (isHex && text.length >= KEY_BYTES * 2) return Buffer.from(text, "hex");
  const bytes = decodeBase64url(text);
  if (bytes === undefined) {
    throw new TypeError(`A key is not base64url text (letters, digits, "-" and "_", without "=" and blanks). ${MAKE_ONE}`);
  }
  if (bytes.byteLength >= KEY_BYTES && looksTyped(text)) {
    throw new TypeError(`A key looks like a phrase or a pattern, not like random text. ${MAKE_ONE}`);
  }
  return bytes;
}

function checkBytes(bytes: Buffer): Buffer {
  if (bytes.byteLength < KEY_BYTES) throw new TypeError(`A key is shorter than ${KEY_BYTES} bytes. ${MAKE_ONE}`);
  if (bytes.byteLength > MAX_KEY_BYTES) throw new TypeError(`A key is longer than ${MAX_KEY_BYTES} bytes. ${MAKE_ONE}`);
  if (isMonotonous(bytes) || isPrintable(bytes)) {
    throw new TypeError(`A key's bytes are a pattern or readable text, not random bytes. ${MAKE_ONE}`);
  }
  return bytes;
}

/** True for text that is nearly of one case, text whose characters come in runs of one kind, and text of few characters. */
function looksTyped(text: string): boolean {
  const count = { lower: 0, upper: 0, digit: 0, other: 0 };
  const pairs = { lower: 0, upper: 0, digit: 0, other: 0 };
  let before: keyof typeof count | undefined;
  for (let index = 0; index < text.length; index++) {
    const kind = kindOf(text.charCodeAt(index));
    count[kind]++;
    if (kind === before) pairs[kind]++;
    before = kind;
  }
  const all = text.length - 1;
  const same = pairs.lower + pairs.upper + pairs.digit + pairs.other;
  // Of the 42 neighbours in a random key of 43 characters, 7 are expected to be both small letters, and 15 of one kind.
  const inRuns = Math.max(pairs.lower, pairs.upper) > all * 0.64 || same > all * 0.75;
  const minority = Math.min(count.lower, count.upper);
  const inWords = minority === 0 || (count.digit + count.other === 0 && minority < text.length * 0.26);
  return inRuns || inWords || new Set(text).size < 16;
}

function kindOf(code: number): "lower" | "upper" | "digit" | "other" {
  if (code >= 0x61 && code <= 0x7a) return "lower";
  if (code >= 0x41 && code <= 0x5a) return "upper";
  return code >= 0x30 && code <= 0x39 ? "digit" : "other";
}

/** True for few different bytes, and for bytes that count up or down. */
function isMonotonous(bytes: Uint8Array): boolean {
  const steps = new Set<number>();
  for (let index = 1; index < bytes.length; index++) steps.add(((bytes[index] ?? 0) - (bytes[index - 1] ?? 0)) & 0xff);
  return new Set(bytes).size < 16 || steps.size < 12;
}

function isPrintable(bytes: Uint8Array): boolean {
  return bytes.every((byte) => (byte >= 0x20 && byte <= 0x7e) || byte === 0x0a || byte === 0x0d || byte === 0x09);
}
