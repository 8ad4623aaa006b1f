import { type Codec, CodecError } from "./codec.ts";

/** A codec that says which version marks its texts begin with, so that another codec can choose it by the mark. */
export interface MarkedCodec extends Codec {
  /** What encoded texts begin with: a few letters and digits and a colon, as in `j1:`. */
  readonly marks: readonly string[];
}

/** The marks of a codec; none for one that does not say. */
export function marksOf(codec: Codec | MarkedCodec): readonly string[] {
  return "marks" in codec ? codec.marks : [];
}

/** The text behind its mark. @throws {CodecError} reason `format` for any other text, with a mark or without */
export function afterMark(text: string, mark: string, codec: string): string {
  if (text.startsWith(mark)) return text.slice(mark.length);
  throw wrongMark(text, codec);
}

/** The refusal of a text whose mark is not the codec's own. Names the mark only where it has the shape of one. */
export function wrongMark(text: string, codec: string): CodecError {
  const mark = /^[a-z]{1,4}[0-9]{1,3}:/.exec(text.slice(0, 8))?.[0];
  const what = mark === undefined ? "has no version mark" : `has the mark "${mark}"`;
  return new CodecError("format", `The stored text ${what}, which the codec ${codec} does not read`);
}
