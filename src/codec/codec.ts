/** Where an encoded value belongs; a signed or sealed value opens only where it was made. */
export interface CodecContext {
  /** The record's handle, or the cookie's name for a stateless store. */
  readonly place: string;
}

/**
 * Data ↔ text, in two steps: `stringify` and `parse` turn the value into plain text that is the same for the same value (so that
 * a change can be seen), `encode` and `decode` give that text its version mark and its protection. Synchronous.
 */
export interface Codec {
  /** The codec's name, for messages: `json`, `sealed(json)` … */
  readonly name: string;
  /**
   * @param base the plain text that the value was read from, for a codec that keeps more than the value shows: what was not changed
   *   is written as it stands there
   * @throws {CodecError} reason `value` when the value cannot be carried without loss
   */
  stringify(value: Readonly<Record<string, unknown>>, base?: string): string;
  /** @throws {CodecError} reason `format` when the text is not an object of this codec */
  parse(plain: string): Record<string, unknown>;
  encode(plain: string, context: CodecContext): string;
  /** @throws {CodecError} reason `format`, `key`, `tampered` or `size`; never tries a weaker reader */
  decode(text: string, context: CodecContext): string;
}

/**
 * Why a codec refused: `value` cannot be carried; `format` is not of this codec or newer; `key` was made with a key that is not
 * in the ring; `tampered` does not verify; `size` is beyond the bound.
 */
export type CodecErrorReason = "value" | "format" | "key" | "tampered" | "size";

/** A codec's refusal. Its message never holds data. */
export class CodecError extends Error {
  override readonly name = "CodecError";
  readonly reason: CodecErrorReason;

  constructor(reason: CodecErrorReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}
