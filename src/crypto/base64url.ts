/** Bytes as base64url without padding (RFC 4648 5). */
export function encodeBase64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64url");
}

/**
 * The bytes of base64url text, or undefined when the text is not the one spelling of any bytes: a character of another
 * alphabet, padding, white space, an impossible length, or bits left over that are not zero.
 */
export function decodeBase64url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64url");
  // Node's decoder skips what it does not know; only the canonical spelling comes back as it was.
  return bytes.toString("base64url") === text ? bytes : undefined;
}
