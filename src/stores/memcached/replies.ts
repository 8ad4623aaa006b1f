/** One reply of the server: a line, and for `VA` the value behind it. */
export interface Reply {
  /** The line's first word: `VA`, `HD`, `EN`, `STORED`, `SERVER_ERROR` … */
  readonly code: string;
  /** The words after it; of `VA` without the length. */
  readonly words: readonly string[];
  /** With `VA` only. */
  readonly value?: Buffer;
}

/** What came is not the protocol: nobody knows which reply belongs to which request any more. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
}

// A meta reply repeats the flags that were asked for: a few dozen characters.
const LONGEST_LINE = 2048;
const LARGEST_VALUE = 128 * 1024 * 1024;
const LF = 0x0a;
const CR = 0x0d;
const END_BYTES = 2;

/** Cuts a stream of bytes into replies, however it arrives. What is kept of an unfinished reply is bounded. */
export class ReplyReader {
  readonly #deliver: (reply: Reply) => void;
  #line: Buffer = Buffer.alloc(0);
  #value: { readonly words: readonly string[]; readonly chunks: Buffer[]; missing: number } | undefined;

  constructor(deliver: (reply: Reply) => void) {
    this.#deliver = deliver;
  }

  /** @throws {ProtocolError} after which nothing more can be read */
  push(chunk: Buffer): void {
    let rest = chunk;
    while (rest.length > 0) rest = this.#value === undefined ? this.#takeLine(rest) : this.#takeValue(rest, this.#value);
  }

  #takeLine(chunk: Buffer): Buffer {
    const end = chunk.indexOf(LF);
    const part = end === -1 ? chunk : chunk.subarray(0, end + 1);
    if (this.#line.length + part.length > LONGEST_LINE) throw new ProtocolError("A line is too long");
    const line = this.#line.length === 0 ? part : Buffer.concat([this.#line, part]);
    if (end === -1) {
      this.#line = line;
      return chunk.subarray(chunk.length);
    }
    this.#line = Buffer.alloc(0);
    if (line.at(-END_BYTES) !== CR) throw new ProtocolError("A line does not end as lines do");
    const [code = "", ...words] = line.toString("latin1", 0, line.length - END_BYTES).split(" ");
    if (code === "VA") this.#begin(words);
    else this.#deliver({ code, words });
    return chunk.subarray(part.length);
  }

  #begin([length = "", ...words]: readonly string[]): void {
    const bytes = /^\d{1,10}$/.test(length) ? Number(length) : Number.POSITIVE_INFINITY;
    if (bytes > LARGEST_VALUE) throw new ProtocolError("A value has no length, or one beyond all bounds");
    this.#value = { words, chunks: [], missing: bytes + END_BYTES };
  }

  #takeValue(chunk: Buffer, value: { words: readonly string[]; chunks: Buffer[]; missing: number }): Buffer {
    const part = chunk.subarray(0, value.missing);
    value.chunks.push(part);
    value.missing -= part.length;
    if (value.missing === 0) {
      const whole = Buffer.concat(value.chunks);
      if (whole.at(-2) !== CR || whole.at(-1) !== LF) throw new ProtocolError("A value does not end where it should");
      this.#value = undefined;
      this.#deliver({ code: "VA", words: value.words, value: whole.subarray(0, whole.length - END_BYTES) });
    }
    return chunk.subarray(part.length);
  }
}
