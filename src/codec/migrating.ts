import { type CodecContext, CodecError } from "./codec.ts";
import { type MarkedCodec, wrongMark } from "./mark.ts";

// The colon at the end only: then no mark can be the beginning of another.
const MARK = /^[a-z]{1,8}[0-9]{1,3}:$/;

/** Options of {@link migratingCodec}. */
export interface MigratingCodecOptions {
  /** What writes, and reads what it wrote. */
  readonly write: MarkedCodec;
  /** What else is read. The codecs are told apart by their marks, so no two may have the same one. */
  readonly read: readonly MarkedCodec[];
}

/**
 * Reads what several codecs wrote and writes with one: for the time in which stored sessions move from one codec to another.
 * Which codec reads a text is decided by its mark alone; a text that one codec refuses is never tried with the next.
 *
 * While a codec without keys is among the readers, whoever can write to the store can plant sessions that read as genuine,
 * sealed writer or not: the protection begins when the migration ends. Drop the old reader as soon as the sessions it wrote
 * have expired.
 *
 * A text of another codec comes out as the writer's plain text, so it counts as unchanged, and is stored anew with the next
 * change.
 *
 * @throws {TypeError} when two codecs have the same mark: give one codec both keys instead; or for a mark of another shape
 */
export function migratingCodec({ write, read }: MigratingCodecOptions): MarkedCodec {
  const byMark = new Map<string, MarkedCodec>();
  for (const codec of [write, ...read]) {
    for (const mark of codec.marks) {
      if (!MARK.test(mark)) throw new TypeError("migratingCodec: a mark must be letters, digits and a colon, as in `j1:`.");
      if (byMark.has(mark))
        throw new TypeError(`migratingCodec: two codecs have the mark "${mark}". Merge their keys or options.`);
      byMark.set(mark, codec);
    }
  }
  const name = `migrating(${[write, ...read].map((codec) => codec.name).join(", ")})`;
  return Object.freeze({
    name,
    marks: Object.freeze([...byMark.keys()]),
    stringify: (value: Readonly<Record<string, unknown>>) => write.stringify(value),
    parse: (plain: string) => write.parse(plain),
    encode: (plain: string, context: CodecContext) => write.encode(plain, context),
    decode(text: string, context: CodecContext): string {
      for (const [mark, codec] of byMark) {
        if (!text.startsWith(mark)) continue;
        const plain = codec.decode(text, context);
        return codec === write ? plain : rewritten(write, codec.parse(plain));
      }
      throw wrongMark(text, name);
    },
  });
}

function rewritten(write: MarkedCodec, value: Record<string, unknown>): string {
  try {
    return write.stringify(value);
  } catch (error) {
    if (!(error instanceof CodecError)) throw error;
    throw new CodecError("format", `The stored text has a value that the codec ${write.name} cannot carry`, {
      cause: error,
    });
  }
}
