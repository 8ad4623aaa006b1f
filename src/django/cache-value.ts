import { inflateSync, deflateSync } from "node:zlib";
import { createHash } from "node:crypto";
import { CodecError } from "../codec/codec.ts";
import { MAX_PAYLOAD_BYTES } from "./payload.ts";
import { readPickle } from "./pickle-read.ts";
import { writePickle } from "./pickle-write.ts";
import { decodeBase64Leniently } from "./python/base64.ts";
import { PyFloat } from "./python/values.ts";

/** What the clients of Memcached that Django uses (pymemcache, pylibmc, python-memcached) note beside a value. */
export const MEMCACHED_FLAGS = Object.freeze({ pickle: 1, integer: 2, long: 4, compressed: 8, text: 16 });

/**
 * The pickle in a value of Memcached, one character for each byte. A session is always pickled; some clients compress what is long.
 *
 * @param flags the number that the client stored beside the value
 * @throws {CodecError} reason `format` for what is no pickle, `size` for what inflates too far
 */
export function fromMemcached(value: Uint8Array, flags: number): string {
  const { pickle, compressed } = MEMCACHED_FLAGS;
  if ((flags & ~compressed) !== pickle) throw new CodecError("format", "The cached value is not a pickle");
  return latin1((flags & compressed) === 0 ? value : inflated(value));
}

/** A value for Memcached, to be stored with the flag {@link MEMCACHED_FLAGS}`.pickle`. @param plain the pickle, as Latin-1 */
export function toMemcached(plain: string): { readonly value: Buffer; readonly flags: number } {
  return { value: Buffer.from(plain, "latin1"), flags: MEMCACHED_FLAGS.pickle };
}

/** The pickle in a row of Django's database cache: base64. @throws {CodecError} reason `format` */
export function fromDatabaseCache(value: string): string {
  const bytes = decodeBase64Leniently(value, "base64");
  if (bytes === undefined) throw new CodecError("format", "The cached value is not base64");
  return latin1(bytes);
}

/** The `value` column of Django's database cache. */
export function toDatabaseCache(plain: string): string {
  return Buffer.from(plain, "latin1").toString("base64");
}

/** What a file of Django's file cache holds. */
export interface FileCacheEntry {
  /** The pickle, one character for each byte. */
  readonly plain: string;
  /** When it expires, in milliseconds since 1970-01-01T00:00:00Z; null for never. */
  readonly expiresAt: number | null;
}

/** The name of a key's file in the file cache. */
export function fileCacheName(cacheKey: string): string {
  return `${createHash("md5").update(cacheKey).digest("hex")}.djcache`;
}

/** Reads a file of the file cache: the pickled moment of expiry, and the pickle, compressed. @throws {CodecError} */
export function fromFileCache(content: Uint8Array): FileCacheEntry {
  const { value, bytes } = readPickle(content);
  if (value !== null && !(value instanceof PyFloat) && typeof value !== "number") {
    throw new CodecError("format", "The cached file does not begin with its expiry");
  }
  const seconds = value instanceof PyFloat ? value.value : value;
  return { plain: latin1(inflated(content.subarray(bytes))), expiresAt: seconds === null ? null : seconds * 1000 };
}

/** The content of a file of the file cache. */
export function toFileCache({ plain, expiresAt }: FileCacheEntry): Buffer {
  const expiry = writePickle(expiresAt === null ? null : new PyFloat(expiresAt / 1000));
  return Buffer.concat([expiry, deflateSync(Buffer.from(plain, "latin1"))]);
}

function inflated(bytes: Uint8Array): Buffer {
  try {
    return inflateSync(bytes, { maxOutputLength: MAX_PAYLOAD_BYTES });
  } catch (error) {
    if (error instanceof RangeError) throw new CodecError("size", "The cached value inflates too far");
    throw new CodecError("format", "The cached value is not compressed as it says");
  }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}
