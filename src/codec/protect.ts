import type { Refusal } from "../crypto/hmac.ts";
import { type Codec, type CodecContext, CodecError } from "./codec.ts";
import { afterMark, type MarkedCodec } from "./mark.ts";

/** What a protecting codec does to its inner codec's encoded text, behind the mark. */
export interface Protection {
  protect(text: string, place: string): string;
  /** The text, or why it is refused. */
  unprotect(body: string, place: string): { readonly text: string } | { readonly refusal: Refusal };
}

/** A codec that protects what another one encodes, under its own mark only. */
export function protectingCodec(kind: string, mark: string, inner: Codec, protection: Protection): MarkedCodec {
  const name = `${kind}(${inner.name})`;
  return Object.freeze({
    name,
    marks: Object.freeze([mark]),
    stringify: (value: Readonly<Record<string, unknown>>) => inner.stringify(value),
    parse: (plain: string) => inner.parse(plain),
    encode(plain: string, context: CodecContext): string {
      const text = inner.encode(plain, context);
      // A lone surrogate has no UTF-8: it would come back as another character, and two texts would have one signature.
      if (!text.isWellFormed()) throw new CodecError("value", `The codec ${name} cannot protect text with a lone surrogate`);
      return mark + protection.protect(text, context.place);
    },
    decode(text: string, context: CodecContext): string {
      const outcome = protection.unprotect(afterMark(text, mark, name), context.place);
      if ("refusal" in outcome) throw refused(outcome.refusal, name);
      return inner.decode(outcome.text, context);
    },
  });
}

function refused(refusal: Refusal, codec: string): CodecError {
  switch (refusal) {
    case "key":
      return new CodecError("key", `The stored text was made with a key that the codec ${codec} does not have in its ring`);
    case "format":
      return new CodecError("format", `The stored text is of a newer format than the codec ${codec} reads`);
    case "tampered":
      return new CodecError("tampered", `The stored text does not verify with the codec ${codec}`);
  }
}
