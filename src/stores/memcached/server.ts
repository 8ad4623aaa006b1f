import type { Address } from "./addresses.ts";
import { Connection, type ConnectionSettings } from "./connection.ts";
import { notStored } from "./failures.ts";

const FIRST_BACKOFF_MS = 50;
const LONGEST_BACKOFF_MS = 2000;
// A server that ends connections as soon as they stand is not asked again at once.
const SOONEST_AGAIN_MS = 100;

/** A server, over one or more connections that are opened again by themselves. */
export class Server {
  readonly name: string;
  readonly #lines: readonly Line[];

  constructor({ name, target }: Address, settings: Omit<ConnectionSettings, "target">, connections: number) {
    this.name = name;
    this.#lines = Array.from({ length: connections }, () => new Line({ ...settings, target }));
  }

  /**
   * The open connection with the fewest requests under way; the first call opens them.
   *
   * @throws {SessionError} `ERR_SESSION_STORE` with `applied: "no"` while there is none
   */
  async ready(): Promise<Connection> {
    let best: Connection | undefined;
    for (const line of this.#lines) {
      const open = line.begin();
      if (open !== undefined && (best === undefined || open.pending < best.pending)) best = open;
    }
    return best ?? (this.#lines[0] as Line).ready();
  }

  async close(): Promise<void> {
    await Promise.all(this.#lines.map((line) => line.close()));
  }
}

/** One connection after another. */
class Line {
  readonly #settings: ConnectionSettings;
  #current: Connection | undefined;
  #timer: NodeJS.Timeout | undefined;
  #begunAt = 0;
  #failures = 0;
  #lastError: unknown;
  #closed = false;
  /** Who waits for the next connection to begin. */
  readonly #waiting: (() => void)[] = [];

  constructor(settings: ConnectionSettings) {
    this.#settings = settings;
  }

  /** Begins, if this is the first call; gives the connection if it is open. */
  begin(): Connection | undefined {
    if (this.#current === undefined && this.#timer === undefined) this.#connect();
    return this.#current?.isOpen === true ? this.#current : undefined;
  }

  /** Waits for a connection that is on its way; for a server that could not be reached, there is no waiting. */
  async ready(): Promise<Connection> {
    if (this.#failures > 0) {
      throw notStored("There is no connection to Memcached; the store tries again by itself", this.#lastError);
    }
    if (this.#current === undefined) {
      this.#timer?.ref();
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    const connection = this.#current;
    try {
      await connection?.untilOpen();
    } catch (error) {
      throw notStored("Memcached could not be reached", this.#lastError ?? error);
    }
    if (connection?.isOpen !== true) throw notStored("The connection to Memcached ended at once", this.#lastError);
    return connection;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#letGo();
    await this.#current?.close();
  }

  #connect(): void {
    if (this.#closed) return;
    this.#timer = undefined;
    this.#begunAt = performance.now();
    const connection = new Connection(this.#settings, (wasOpen, cause) => this.#ended(wasOpen, cause));
    this.#current = connection;
    connection.opened.then(
      () => {
        this.#failures = 0;
        this.#lastError = undefined;
      },
      () => undefined,
    );
    this.#letGo();
  }

  #ended(wasOpen: boolean, cause: unknown): void {
    this.#current = undefined;
    this.#lastError = cause;
    if (!wasOpen) this.#failures += 1;
    if (this.#closed) return;
    const pause = this.#pause();
    if (pause <= 0) {
      this.#connect();
      return;
    }
    this.#timer = setTimeout(() => this.#connect(), pause);
    this.#timer.unref();
  }

  #letGo(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #pause(): number {
    if (this.#failures === 0) return this.#begunAt + SOONEST_AGAIN_MS - performance.now();
    const longest = Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (this.#failures - 1));
    // Not all processes at the same moment.
    return longest * (0.5 + Math.random() / 2);
  }
}
