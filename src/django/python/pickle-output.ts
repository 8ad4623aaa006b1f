/** Frames are closed when they have so many bytes; what is at least as long stands outside of them. */
const FRAME_BYTES = 65_536;
/** Fewer bytes than these are written without a frame. */
const LEAST_FRAME = 4;
const FRAME_OP = 0x95;

/** The bytes of a pickle, in frames as the C pickler of CPython cuts them. */
export class PickleOutput {
  readonly #done: Buffer[] = [];
  #frame: Buffer[] = [];
  #length = 0;

  /** @param head what stands in front of the first frame */
  constructor(head: Buffer) {
    this.#done.push(head);
  }

  /** To be called before each value: a frame ends here if it is long enough. */
  boundary(): void {
    if (this.#length >= FRAME_BYTES) this.#endFrame();
  }

  write(bytes: Buffer): void {
    this.#frame.push(bytes);
    this.#length += bytes.byteLength;
  }

  byte(value: number): void {
    this.write(BYTES[value] ?? Buffer.of(value));
  }

  /** An opcode with its length, and the bytes that it is about. */
  payload(header: Buffer, bytes: Buffer): void {
    if (bytes.byteLength < FRAME_BYTES) {
      this.write(header);
      this.write(bytes);
      return;
    }
    this.#endFrame();
    this.#done.push(header, bytes);
  }

  end(): Buffer {
    this.#endFrame();
    return Buffer.concat(this.#done);
  }

  #endFrame(): void {
    if (this.#length >= LEAST_FRAME) {
      const header = Buffer.alloc(9);
      header[0] = FRAME_OP;
      header.writeBigUInt64LE(BigInt(this.#length), 1);
      this.#done.push(header);
    }
    this.#done.push(...this.#frame);
    this.#frame = [];
    this.#length = 0;
  }
}

const BYTES: readonly Buffer[] = Array.from({ length: 256 }, (_, value) => Buffer.of(value));
