import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from "node:crypto";
import { equalInConstantTime } from "./constant-time.ts";
import { framed } from "./framing.ts";
import type { Refusal } from "./hmac.ts";
import { KID_BYTES, type PurposeKey, type PurposeKeys } from "./key-ring.ts";
import { randomText } from "./random.ts";

const VERSION = 1;
const VERSION_BYTE = Buffer.of(VERSION);
/** HKDF numbers its blocks from one. */
const COUNTER = Buffer.of(1);
const LABEL = "sojourn seal 1";
const SALT_LABEL = "sojourn salt 1";
const SALT_BYTES = 24;
const COMMITMENT_BYTES = 16;
const TAG_BYTES = 16;
const HEADER_BYTES = 1 + KID_BYTES + SALT_BYTES;
const BODY_AT = HEADER_BYTES + COMMITMENT_BYTES;

/** The bytes that sealing adds: version, key id, salt, commitment and tag. */
export const SEAL_BYTES = BODY_AT + TAG_BYTES;

/** The opened bytes, or why they stay shut. */
export type Opened =
  | { readonly plain: Buffer; readonly refusal?: never }
  | { readonly plain?: never; readonly refusal: Refusal };

/**
 * Seals bytes for one place with AES-256-GCM: `version(1) kid(4) salt(24) commitment(16) ciphertext tag(16)`.
 *
 * Every message has a key and an initialization vector of its own, one block of HKDF-Expand with SHA-512 (RFC 5869) over the
 * place and a random salt of 192 bits: there is no counter to keep and no practical number of messages after which a key is
 * used up. The same block gives a commitment to the key, because GCM alone lets one ciphertext open under two keys. Version,
 * key id and place are authenticated with it.
 */
export function seal(keys: PurposeKeys, place: string, plain: Uint8Array): Buffer {
  return sealWith(keys, place, plain, newSalt(keys.current, place, plain));
}

/** {@link seal} with a given salt, for fixed vectors only: a salt that is used twice gives the plain text away. */
export function sealWith(keys: PurposeKeys, place: string, plain: Uint8Array, salt: Uint8Array): Buffer {
  if (salt.byteLength !== SALT_BYTES) throw new RangeError(`A salt must have ${SALT_BYTES} bytes.`);
  const { kid } = keys.current;
  const message = messageKeys(keys.current, place, salt);
  const cipher = createCipheriv("aes-256-gcm", message.key, message.iv, { authTagLength: TAG_BYTES });
  cipher.setAAD(associated(kid, place));
  const sealed = Buffer.allocUnsafe(SEAL_BYTES + plain.byteLength);
  sealed[0] = VERSION;
  sealed.set(kid, 1);
  sealed.set(salt, 1 + KID_BYTES);
  sealed.set(message.commitment, HEADER_BYTES);
  const body = cipher.update(plain);
  // GCM holds nothing back for `final`; what is not filled here would be whatever was in memory.
  if (body.byteLength !== plain.byteLength)
    throw new RangeError("The cipher gave another number of bytes than it was given.");
  sealed.set(body, BODY_AT);
  cipher.final();
  sealed.set(cipher.getAuthTag(), BODY_AT + plain.byteLength);
  return sealed;
}

/**
 * Opens what {@link seal} made for the same place. `format`: a newer version; `key`: made with a key that is not in the
 * ring; `tampered`: everything else. The key is chosen by its id, never by trying, and the commitment is compared first.
 */
export function open(keys: PurposeKeys, place: string, sealed: Uint8Array): Opened {
  if (sealed.byteLength < SEAL_BYTES) return { refusal: "tampered" };
  if (sealed[0] !== VERSION) return { refusal: "format" };
  const kid = sealed.subarray(1, 1 + KID_BYTES);
  const key = keys.find(kid);
  if (key === undefined) return { refusal: "key" };
  const message = messageKeys(key, place, sealed.subarray(1 + KID_BYTES, HEADER_BYTES));
  if (!equalInConstantTime(message.commitment, sealed.subarray(HEADER_BYTES, BODY_AT))) return { refusal: "tampered" };
  const decipher = createDecipheriv("aes-256-gcm", message.key, message.iv, { authTagLength: TAG_BYTES });
  decipher.setAAD(associated(kid, place));
  decipher.setAuthTag(sealed.subarray(sealed.byteLength - TAG_BYTES));
  const plain = decipher.update(sealed.subarray(BODY_AT, sealed.byteLength - TAG_BYTES));
  try {
    decipher.final();
    return { plain };
  } catch {
    return { refusal: "tampered" };
  }
}

interface MessageKeys {
  readonly key: KeyObject;
  readonly iv: Buffer;
  readonly commitment: Buffer;
}

/**
 * Random, and of what is sealed as well: in two copies of one machine's memory the random bytes may be the same, and a salt that is
 * used for two texts gives both away.
 */
function newSalt({ hmac }: PurposeKey, place: string, plain: Uint8Array): Buffer {
  return hmac(framed([SALT_LABEL, place, randomText(SALT_BYTES), plain])).subarray(0, SALT_BYTES);
}

function messageKeys({ hmac }: PurposeKey, place: string, salt: Uint8Array): MessageKeys {
  const block = hmac(Buffer.concat([framed([LABEL, place, salt]), COUNTER]));
  // A KeyObject, because a raw key makes the cipher several times slower on Node 24.
  const message = {
    key: createSecretKey(block.subarray(0, 32)),
    iv: Buffer.from(block.subarray(32, 44)),
    commitment: Buffer.from(block.subarray(44, 60)),
  };
  block.fill(0);
  return message;
}

function associated(kid: Uint8Array, place: string): Buffer {
  return framed([VERSION_BYTE, kid, place]);
}
