import { createHmac, type KeyObject } from "node:crypto";
import { equalInConstantTime } from "./constant-time.ts";
import { framed } from "./framing.ts";
import { KID_BYTES, type PurposeKeys } from "./key-ring.ts";

const VERSION = "1";
const TAG_BYTES = 32;

/** The length of a signature: the key's id and the tag. */
export const SIGNATURE_BYTES = KID_BYTES + TAG_BYTES;

/** What a signed text is signed for. */
export interface SignScope {
  /** What kind of value it is; the same text for another purpose has another tag. */
  readonly purpose: string;
  /** Where it belongs: a record's handle, a cookie's name. */
  readonly place: string;
}

/** What `verify` and `open` say: `key` for a key that is not in the ring, `tampered` for what does not verify. */
export type Refusal = "format" | "key" | "tampered";

/** HMAC-SHA-256 (RFC 2104) over version, purpose, place and text, each with its length; the full tag behind the key's id. */
export function sign(keys: PurposeKeys, scope: SignScope, text: string | Uint8Array): Buffer {
  return Buffer.concat([keys.current.kid, tag(keys.current.key, scope, text)]);
}

/** Undefined when the signature is good; else why not. */
export function verify(
  keys: PurposeKeys,
  scope: SignScope,
  text: string | Uint8Array,
  signature: Uint8Array,
): Refusal | undefined {
  if (signature.byteLength !== SIGNATURE_BYTES) return "tampered";
  const found = keys.find(signature.subarray(0, KID_BYTES));
  if (found === undefined) return "key";
  return equalInConstantTime(tag(found.key, scope, text), signature.subarray(KID_BYTES)) ? undefined : "tampered";
}

function tag(key: KeyObject, { purpose, place }: SignScope, text: string | Uint8Array): Buffer {
  return createHmac("sha256", key)
    .update(framed([VERSION, purpose, place, text]))
    .digest();
}
