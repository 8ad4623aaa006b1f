import type { Socket } from "node:net";

/** Where requests leave. */
export interface Outlet {
  send(chunks: readonly (string | Buffer)[]): void;
  /** How many bytes have not left yet. */
  readonly waiting: number;
}

/** Sends what is asked in one turn of the event loop in one piece. */
export class PlainOutlet implements Outlet {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  get waiting(): number {
    return this.#socket.writableLength;
  }

  send(chunks: readonly (string | Buffer)[]): void {
    if (this.#socket.writableCorked === 0) {
      this.#socket.cork();
      process.nextTick(() => this.#socket.uncork());
    }
    for (const chunk of chunks) this.#socket.write(chunk);
  }
}

// Less than the server's buffer, with room for what it may still hold of the record before.
const LARGEST_RECORD = 8192;

/**
 * The same over TLS. A server before 1.6.39 leaves what stands behind a value, in the same TLS record, lying until something else
 * comes: the next request would wait for ever. So a record ends where a value ends, and small ones stay within the server's buffer.
 */
export class RecordOutlet implements Outlet {
  readonly #socket: Socket;
  readonly #records: Buffer[] = [];
  #commands: string[] = [];
  #commandBytes = 0;
  #waiting = 0;
  #busy = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** @param chunks commands are texts, and values, with the end of their line, are buffers */
  send(chunks: readonly (string | Buffer)[]): void {
    for (const chunk of chunks) {
      if (typeof chunk === "string") this.#command(chunk);
      else this.#value(chunk);
    }
    if (this.#busy) return;
    this.#busy = true;
    process.nextTick(() => this.#next());
  }

  #command(text: string): void {
    if (this.#commandBytes + text.length > LARGEST_RECORD) this.#cut();
    this.#commands.push(text);
    this.#commandBytes += text.length;
    this.#waiting += text.length;
  }

  #value(value: Buffer): void {
    this.#records.push(Buffer.concat([Buffer.from(this.#commands.join("")), value]));
    this.#commands = [];
    this.#commandBytes = 0;
    this.#waiting += value.length;
  }

  #cut(): void {
    if (this.#commands.length > 0) this.#value(Buffer.alloc(0));
  }

  /** One write is one or more records of its own; two that wait for the socket together would become one. */
  #next(): void {
    if (this.#records.length === 0) this.#cut();
    const record = this.#records.shift();
    if (record === undefined || this.#socket.destroyed) {
      this.#busy = false;
      return;
    }
    this.#socket.write(record, () => {
      this.#waiting -= record.length;
      this.#next();
    });
  }
}
