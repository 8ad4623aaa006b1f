import type { WriteStream } from "node:tty";
import { type Style, styleOf, wantsColour } from "./style.ts";

/** As much of a stream as {@link Output} uses; `isTTY` and `columns` are those of a terminal. */
export type OutputStream = NodeJS.WritableStream & Partial<Pick<WriteStream, "isTTY" | "columns">>;

const WIDTH_WITHOUT_TERMINAL = 100;

/** One of the program's two outputs. A reader that went away (`sojourn list | head`) is no error: the rest goes nowhere. */
export class Output {
  readonly isTerminal: boolean;
  readonly style: Style;
  readonly #stream: OutputStream;
  #closed = false;
  #failure: Error | undefined;

  constructor(stream: OutputStream, env: Readonly<Record<string, string | undefined>>) {
    this.#stream = stream;
    this.isTerminal = stream.isTTY === true;
    this.style = styleOf(wantsColour(this.isTerminal, env));
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE" && error.code !== "ERR_STREAM_DESTROYED") this.#failure ??= error;
      this.#closed = true;
    });
  }

  /** True once nobody reads any more. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Why writing failed, other than that nobody reads any more: a full disk, for instance. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Columns of the terminal; 100 where there is none. */
  get width(): number {
    return Math.max(40, this.#stream.columns ?? WIDTH_WITHOUT_TERMINAL);
  }

  /** Writes, and waits while the reader is slower. */
  async write(text: string): Promise<void> {
    if (this.#closed || text === "") return;
    await new Promise<void>((resolve) => {
      this.#stream.write(text, () => resolve());
    });
  }

  /** Writes a line, or several. */
  line(text = ""): Promise<void> {
    return this.write(`${text}\n`);
  }
}
