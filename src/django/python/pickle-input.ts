import { CodecError } from "../../codec/codec.ts";
import { decodeWtf8 } from "./wtf8.ts";

/** The refusal of what no pickler writes. Never says what it found: that is data. */
export function malformed(): CodecError {
  return new CodecError("format", "The text is not a pickle of plain data");
}

/** The bytes of a pickle, read from front to back. Every read is bounded by what is there. */
export class PickleInput {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** How many bytes were read. */
  get position(): number {
    return this.#at;
  }

  /** How many bytes are left. */
  get left(): number {
    return this.#bytes.byteLength - this.#at;
  }

  take(count: number): Buffer {
    // A length beyond 2^53 is beyond every input, too.
    if (!(count >= 0 && count <= this.left)) throw malformed();
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  byte(): number {
    return this.take(1).readUInt8();
  }

  uint16(): number {
    return this.take(2).readUInt16LE();
  }

  int32(): number {
    return this.take(4).readInt32LE();
  }

  uint32(): number {
    return this.take(4).readUInt32LE();
  }

  uint64(): number {
    return Number(this.take(8).readBigUInt64LE());
  }

  double(): number {
    return this.take(8).readDoubleBE();
  }

  /** The text up to the end of the line, each byte one character. */
  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end === -1) throw malformed();
    const text = this.#bytes.toString("latin1", this.#at, end);
    this.#at = end + 1;
    return text;
  }

  text(length: number): string {
    const text = decodeWtf8(this.take(length));
    if (text === undefined) throw malformed();
    return text;
  }

  /** A text of Python 2, which Python 3 takes for ASCII. */
  ascii(length: number): string {
    return asciiOf(this.take(length).toString("latin1"));
  }
}

function asciiOf(text: string): string {
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) > 0x7f) throw malformed();
  return text;
}

const ESCAPES: Readonly<Record<string, string>> = {
  "\\": "\\",
  "'": "'",
  '"': '"',
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

/** A quoted string of protocol 0, as `repr` of Python 2 writes one. */
export function unquoted(line: string): string {
  const quote = line[0];
  if ((quote !== "'" && quote !== '"') || line.length < 2 || !line.endsWith(quote)) throw malformed();
  const text = line.slice(1, -1).replace(/\\(?:x([0-9a-fA-F]{2})|([^x]|x|$))/g, (_, hex?: string, other?: string) => {
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
    const plain = ESCAPES[other ?? ""];
    if (plain === undefined) throw malformed();
    return plain;
  });
  return asciiOf(text);
}

/** A text of protocol 0, in Python's raw-unicode-escape. */
export function rawUnicode(line: string): string {
  return line.replace(
    /\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([^]?))/g,
    (all, four?: string, eight?: string, other?: string) => {
      if (four !== undefined) return String.fromCharCode(Number.parseInt(four, 16));
      if (eight === undefined) {
        if (other === "u" || other === "U") throw malformed();
        return all;
      }
      const point = Number.parseInt(eight, 16);
      if (point > 0x10ffff) throw malformed();
      return String.fromCodePoint(point);
    },
  );
}
