import { deflateSync, inflateSync } from "node:zlib";
import { decodeBase64Leniently } from "./python/base64.ts";

/** What marks a compressed payload. */
const COMPRESSED = ".";

/** The most bytes of a payload, unless said otherwise. */
export const MAX_PAYLOAD_BYTES = 8 * 1024 * 1024;

/** Bytes as Django signs them: zlib where that saves more than a byte, then base64url without padding. */
export function packPayload(payload: string | Uint8Array): string {
  const bytes = typeof payload === "string" ? Buffer.from(payload, "latin1") : Buffer.from(payload);
  const compressed = deflateSync(bytes);
  const isShorter = compressed.byteLength < bytes.byteLength - 1;
  return isShorter ? COMPRESSED + compressed.toString("base64url") : bytes.toString("base64url");
}

/** The bytes of a payload, or why there are none. */
export function unpackPayload(text: string, maxBytes = MAX_PAYLOAD_BYTES): Buffer | "format" | "size" {
  const isCompressed = text.startsWith(COMPRESSED);
  const bytes = decodeBase64Leniently(isCompressed ? text.slice(1) : text, "base64url");
  if (bytes === undefined) return "format";
  if (!isCompressed) return bytes.byteLength > maxBytes ? "size" : bytes;
  try {
    return inflateSync(bytes, { maxOutputLength: maxBytes });
  } catch (error) {
    return error instanceof RangeError ? "size" : "format";
  }
}
