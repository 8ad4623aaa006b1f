import { open, seal } from "../crypto/aead.ts";
import { decodeBase64url, encodeBase64url } from "../crypto/base64url.ts";
import { keyRing, type KeyInput, type KeyRing } from "../crypto/key-ring.ts";
import type { Codec } from "./codec.ts";
import { jsonCodec } from "./json.ts";
import type { MarkedCodec } from "./mark.ts";
import { protectingCodec } from "./protect.ts";

/** Options of {@link sealedCodec}. */
export interface SealedCodecOptions {
  /** The keys: the first seals, all open. Each 32 random bytes, or the text that `sojourn generate-key` prints. */
  readonly keys: KeyInput | readonly KeyInput[] | KeyRing;
  /** What makes the text that is sealed. Default `jsonCodec()`. */
  readonly codec?: Codec | undefined;
}

/**
 * Encrypts and authenticates what another codec encodes, so that who reads the store learns only its length. Text: `e1:` and
 * base64url of the sealed bytes (AES-256-GCM with a key of its own for every message; 61 bytes more than the text, and a
 * third on top).
 *
 * A value opens only at the place where it was sealed. Reading fails with {@link CodecError} `key` for a key that is not in
 * the ring, `tampered` for what does not verify, and `format` for everything without the mark: plain text is never read.
 *
 * Sealing `compressedCodec()` is allowed and saves space, but then the length depends on the content: who sees lengths and
 * can have text of their own stored next to a secret may find the secret out, as in the attacks called CRIME and BREACH.
 *
 * @throws {TypeError} for keys that are missing, short or not random
 */
export function sealedCodec(options: SealedCodecOptions): MarkedCodec {
  const keys = keyRing(options.keys).forPurpose("codec seal");
  return protectingCodec("sealed", "e1:", options.codec ?? jsonCodec(), {
    protect: (text, place) => encodeBase64url(seal(keys, place, Buffer.from(text))),
    unprotect(body, place) {
      const sealed = decodeBase64url(body);
      if (sealed === undefined) return { refusal: "tampered" };
      const { plain, refusal } = open(keys, place, sealed);
      return refusal === undefined ? { text: plain.toString() } : { refusal };
    },
  });
}
