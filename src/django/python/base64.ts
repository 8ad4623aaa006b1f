const STRICT = { base64: /^[A-Za-z0-9+/]*$/, base64url: /^[A-Za-z0-9_-]*$/ };

/**
 * Base64 as Python's `b64decode` reads it: characters of no alphabet are passed over, padding may be there and ends it. For `base64url`
 * the padding is put there first, as Django does. Undefined where Python refuses.
 */
export function decodeBase64Leniently(text: string, alphabet: "base64" | "base64url"): Buffer | undefined {
  const isUrl = alphabet === "base64url";
  // Nearly every text is as it should be.
  if (STRICT[alphabet].test(text) && text.length % 4 === (isUrl ? text.length % 4 : 0) && text.length % 4 !== 1) {
    return Buffer.from(text, alphabet);
  }
  const padded = isUrl ? urlPadded(text) : text;
  let kept = "";
  let pads = 0;
  for (const character of padded) {
    const inQuad = kept.length % 4;
    if (character === "=") {
      pads++;
      if (inQuad >= 2 && inQuad + pads >= 4) return Buffer.from(kept, "base64");
    } else if (STRICT.base64.test(character)) {
      kept += character;
      pads = 0;
    }
  }
  return kept.length % 4 === 0 ? Buffer.from(kept, "base64") : undefined;
}

/** The text in the standard alphabet, padded as Django pads it: by its length in bytes of UTF-8, whatever they are. */
function urlPadded(text: string): string {
  return text.replaceAll("-", "+").replaceAll("_", "/") + "=".repeat(-Buffer.byteLength(text) & 3);
}
