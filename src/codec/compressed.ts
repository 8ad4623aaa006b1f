import { deflateSync, inflateSync } from "node:zlib";
import { decodeBase64url, encodeBase64url } from "../crypto/base64url.ts";
import { type Codec, type CodecContext, CodecError } from "./codec.ts";
import { jsonCodec } from "./json.ts";
import { marksOf, type MarkedCodec } from "./mark.ts";

/** Options of {@link compressedCodec}. */
export interface CompressedCodecOptions {
  /** The bytes of encoded text above which compression is tried. Default 1024. */
  readonly above?: number | undefined;
  /** What makes the text that is compressed. Default `jsonCodec()`. */
  readonly codec?: Codec | undefined;
  /**
   * The most bytes of text before compression, both ways: what would inflate further is refused. Default 8,388,608 (8 MiB).
   */
  readonly maxBytes?: number | undefined;
}

const MARK = "z1:";

/**
 * Compresses what another codec encodes, when it is long and gets shorter. Text: `z1:` and base64url of the zlib stream
 * (RFC 1950), or else the inner codec's text as it is, under its own mark.
 *
 * It protects nothing. To compress and seal, seal the compressed: `sealedCodec({ keys, codec: compressedCodec() })`, and
 * read there what that lets an onlooker find out; the other way round there is nothing left to compress.
 *
 * @throws {TypeError} for numbers that are not whole or out of range
 */
export function compressedCodec(options: CompressedCodecOptions = {}): MarkedCodec {
  const { above = 1024, codec: inner = jsonCodec(), maxBytes = 8 * 1024 * 1024 } = options;
  if (!Number.isSafeInteger(above) || above < 0)
    throw new TypeError("compressedCodec: above must be a number of bytes, from 0.");
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 1024 || maxBytes > 2 ** 28) {
    throw new TypeError("compressedCodec: maxBytes must be a number of bytes from 1,024 to 268,435,456.");
  }
  const name = `compressed(${inner.name})`;
  return Object.freeze({
    name,
    marks: Object.freeze([MARK, ...marksOf(inner)]),
    stringify: (value: Readonly<Record<string, unknown>>) => inner.stringify(value),
    parse: (plain: string) => inner.parse(plain),
    encode(plain: string, context: CodecContext): string {
      const text = inner.encode(plain, context);
      const size = Buffer.byteLength(text);
      if (size > maxBytes)
        throw new CodecError("size", `The encoded text has more than ${maxBytes} bytes, the bound of ${name}`);
      // Text that has no UTF-8, or that would be taken for compressed, travels as it is or not at all.
      if (text.startsWith(MARK)) throw new CodecError("value", `The codec ${inner.name} uses the mark of ${name}`);
      if (size <= above || !text.isWellFormed()) return text;
      const compressed = MARK + encodeBase64url(deflateSync(text));
      return compressed.length < size ? compressed : text;
    },
    decode(text: string, context: CodecContext): string {
      if (!text.startsWith(MARK)) return inner.decode(text, context);
      return inner.decode(inflate(text.slice(MARK.length), maxBytes, name), context);
    },
  });
}

function inflate(body: string, maxBytes: number, name: string): string {
  const compressed = decodeBase64url(body);
  if (compressed === undefined) throw new CodecError("format", `The stored text is not what ${name} writes`);
  try {
    return inflateSync(compressed, { maxOutputLength: maxBytes }).toString();
  } catch (error) {
    if (error instanceof RangeError) {
      throw new CodecError("size", `The stored text inflates to more than ${maxBytes} bytes, the bound of ${name}`);
    }
    throw new CodecError("format", `The stored text is not what ${name} writes`);
  }
}
