/** Text as Python pickles it: UTF-8, with a lone surrogate as the three bytes that it would have. */
export function encodeWtf8(text: string): Buffer {
  if (text.isWellFormed()) return Buffer.from(text);
  const parts: Buffer[] = [];
  let start = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code < 0xd800 || code > 0xdfff) continue;
    const next = text.charCodeAt(index + 1);
    if (code < 0xdc00 && next >= 0xdc00 && next <= 0xdfff) {
      index++;
      continue;
    }
    parts.push(Buffer.from(text.slice(start, index)));
    parts.push(Buffer.of(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)));
    start = index + 1;
  }
  return Buffer.concat([...parts, Buffer.from(text.slice(start))]);
}

const STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text of {@link encodeWtf8}; undefined for bytes that are not such text. */
export function decodeWtf8(bytes: Uint8Array): string | undefined {
  const pieces: string[] = [];
  let start = 0;
  for (let index = bytes.indexOf(0xed); index !== -1; index = bytes.indexOf(0xed, index + 1)) {
    const [second = 0, third = 0] = bytes.subarray(index + 1, index + 3);
    if (second < 0xa0 || second > 0xbf || third < 0x80 || third > 0xbf) continue;
    const before = strict(bytes.subarray(start, index));
    if (before === undefined) return undefined;
    pieces.push(before, String.fromCharCode(0xd000 | ((second & 0x3f) << 6) | (third & 0x3f)));
    start = index + 3;
  }
  const rest = strict(bytes.subarray(start));
  return rest === undefined ? undefined : pieces.join("") + rest;
}

function strict(bytes: Uint8Array): string | undefined {
  try {
    return STRICT.decode(bytes);
  } catch {
    return undefined;
  }
}
