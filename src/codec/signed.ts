import { decodeBase64url, encodeBase64url } from "../crypto/base64url.ts";
import { sign, verify } from "../crypto/hmac.ts";
import { keyRing, type KeyInput, type KeyRing } from "../crypto/key-ring.ts";
import type { Codec } from "./codec.ts";
import { jsonCodec } from "./json.ts";
import type { MarkedCodec } from "./mark.ts";
import { protectingCodec } from "./protect.ts";

/** Options of {@link signedCodec}. */
export interface SignedCodecOptions {
  /** The keys: the first signs, all verify. Each 32 random bytes, or the text that `sojourn generate-key` prints. */
  readonly keys: KeyInput | readonly KeyInput[] | KeyRing;
  /** What makes the text that is signed. Default `jsonCodec()`. */
  readonly codec?: Codec | undefined;
}

/** The length of key id and tag (36 bytes) in base64url. */
const SIGNATURE_CHARACTERS = 48;

/**
 * Signs what another codec encodes: readable in the store, and refused when anybody without the key wrote or changed it.
 * Text: `s1:`, key id and tag as 48 base64url characters, a colon, and the inner codec's text.
 *
 * HMAC-SHA-256 over the purpose, the place and the text, so that a value copied to another session's record does not verify.
 * An older copy of the same record does: signing does not tell old from new. Reading fails with {@link CodecError} `key` for
 * a key that is not in the ring, `tampered` for what does not verify, and `format` for everything without the mark: unsigned
 * text is never read.
 *
 * @throws {TypeError} for keys that are missing, short or not random
 */
export function signedCodec(options: SignedCodecOptions): MarkedCodec {
  const keys = keyRing(options.keys).forPurpose("codec sign");
  return protectingCodec("signed", "s1:", options.codec ?? jsonCodec(), {
    protect: (text, place) => `${encodeBase64url(sign(keys, { purpose: "codec", place }, text))}:${text}`,
    unprotect(body, place) {
      const signature = decodeBase64url(body.slice(0, SIGNATURE_CHARACTERS));
      const text = body.slice(SIGNATURE_CHARACTERS + 1);
      if (signature === undefined || body[SIGNATURE_CHARACTERS] !== ":" || !text.isWellFormed()) {
        return { refusal: "tampered" };
      }
      const refusal = verify(keys, { purpose: "codec", place }, text, signature);
      return refusal === undefined ? { text } : { refusal };
    },
  });
}
