import crypto, { createHmac, type KeyObject } from "node:crypto";

const BLOCK_BYTES = 128;

/** HMAC-SHA-512 (RFC 2104) under one key. */
export type HmacSha512 = (message: Uint8Array) => Buffer;

/** {@link HmacSha512} under a key of at most 128 bytes. */
export function hmacSha512(key: KeyObject): HmacSha512 {
  if (typeof crypto.hash !== "function") return (message) => createHmac("sha512", key).update(message).digest();
  // By its definition: an object for each message costs little to make, and much to collect.
  const [inner, outer] = [padded(key, 0x36), padded(key, 0x5c)];
  return (message) => sha512(outer, sha512(inner, message));
}

function sha512(block: Uint8Array, bytes: Uint8Array): Buffer {
  const all = Buffer.concat([block, bytes]);
  try {
    return crypto.hash("sha512", all, "buffer");
  } finally {
    // It is of a pool that everybody is given parts of, and begins with the key.
    all.fill(0, 0, BLOCK_BYTES);
  }
}

function padded(key: KeyObject, pad: number): Buffer {
  const bytes = key.export();
  if (bytes.byteLength > BLOCK_BYTES) throw new RangeError(`The key is longer than ${BLOCK_BYTES} bytes.`);
  const block = Buffer.alloc(BLOCK_BYTES, pad);
  for (const [index, byte] of bytes.entries()) block[index] = byte ^ pad;
  bytes.fill(0);
  return block;
}
