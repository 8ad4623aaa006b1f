import type { Socket } from "node:net";
import type { ConnectionOptions } from "node:tls";
import type { Target } from "./addresses.ts";
import { LostReply, notStored } from "./failures.ts";
import { type Outlet, PlainOutlet, RecordOutlet } from "./outlet.ts";
import { type Reply, ProtocolError, ReplyReader } from "./replies.ts";
import { greet, isAnswer, type Request } from "./requests.ts";

/** How to reach a server. */
export interface ConnectionSettings {
  readonly target: Target;
  readonly tls: ConnectionOptions | undefined;
  /** How long to wait for the connection, and then for each reply. */
  readonly timeoutMs: number;
}

interface Pending {
  readonly request: Request;
  readonly replies: Reply[];
  readonly sentAt: number;
  resolve(replies: readonly Reply[]): void;
  reject(error: LostReply): void;
}

const MOST_PENDING = 10_000;
const MOST_UNSENT_BYTES = 64 * 1024 * 1024;
const KEEP_ALIVE_MS = 15_000;

/**
 * One connection, from its beginning to its end: it is never opened again. Requests are sent without waiting for the replies to those
 * before, which come in their order. It keeps the process running only while somebody waits for it.
 */
export class Connection {
  /** Resolves once the server has answered a greeting; rejects when it ended before. */
  readonly opened: Promise<void>;
  readonly #socket: Socket;
  readonly #outlet: Outlet;
  readonly #timeoutMs: number;
  readonly #onEnd: (wasOpen: boolean, cause: unknown) => void;
  readonly #pending: Pending[] = [];
  readonly #reader = new ReplyReader((reply) => this.#answered(reply));
  #state: "opening" | "open" | "ended" = "opening";
  #waiting = 0;
  #timer: NodeJS.Timeout | undefined;
  #drained: (() => void) | undefined;

  /** @param onEnd called once, with what ended it */
  constructor({ target, tls, timeoutMs }: ConnectionSettings, onEnd: (wasOpen: boolean, cause: unknown) => void) {
    this.#timeoutMs = timeoutMs;
    this.#onEnd = onEnd;
    this.#socket = connect(target, tls);
    this.#outlet = tls === undefined ? new PlainOutlet(this.#socket) : new RecordOutlet(this.#socket);
    this.#socket.unref();
    this.#socket.setNoDelay(true);
    this.#socket.setKeepAlive(true, KEEP_ALIVE_MS);
    this.#socket.on("data", (chunk: Buffer) => this.#read(chunk));
    this.#socket.on("error", (error) => this.#end(error));
    this.#socket.on("end", () => this.#end(undefined));
    this.#socket.on("close", () => this.#end(undefined));
    this.opened = this.#open(tls === undefined ? "connect" : "secureConnect");
    // Whoever does not wait for it need not hear of it.
    this.opened.catch(() => undefined);
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  get pending(): number {
    return this.#pending.length;
  }

  /** Waits until it is open, keeping the process running meanwhile. @throws {Error} when it ended before */
  async untilOpen(): Promise<void> {
    this.#hold();
    try {
      await this.opened;
    } finally {
      this.#release();
    }
  }

  /**
   * Sends a request, and gives its replies; at least the first one, should the connection end in the middle.
   *
   * @throws {SessionError} `ERR_SESSION_STORE` with `applied: "no"` when it was not sent
   * @throws {LostReply} when it was sent, and the connection ended
   */
  ask(request: Request): Promise<readonly Reply[]> {
    if (!this.isOpen) return Promise.reject(notStored("There is no connection to Memcached"));
    if (this.#pending.length >= MOST_PENDING || this.#outlet.waiting > MOST_UNSENT_BYTES) {
      return Promise.reject(notStored("Too many requests wait for Memcached's replies"));
    }
    return this.#send(request);
  }

  /** Ends it once every request was answered. */
  async close(): Promise<void> {
    if (this.isOpen && this.#pending.length > 0) await new Promise<void>((resolve) => (this.#drained = resolve));
    this.#end(undefined);
  }

  async #open(event: "connect" | "secureConnect"): Promise<void> {
    const timer = setTimeout(() => this.#end(new Error("Nobody answered in time")), this.#timeoutMs);
    timer.unref();
    try {
      await new Promise<void>((resolve, reject) => {
        this.#socket.once(event, resolve);
        this.#socket.once("error", reject);
        this.#socket.once("close", () => reject(new Error("The connection ended at once")));
      });
      // A name with several addresses may have been tried on more sockets than the one that was told.
      if (this.#waiting === 0) this.#socket.unref();
      const [reply] = await this.#send(greet());
      if (reply?.code !== "MN") this.#end(new ProtocolError("The server refused the connection"));
      // It may have ended since the reply came.
      if (this.#state === "ended") throw new Error("The connection ended at once");
      this.#state = "open";
    } finally {
      clearTimeout(timer);
    }
  }

  #send(request: Request): Promise<readonly Reply[]> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ request, replies: [], sentAt: performance.now(), resolve, reject });
      this.#hold();
      this.#watch();
      this.#outlet.send(request.chunks);
    });
  }

  #read(chunk: Buffer): void {
    if (this.#state === "ended") return;
    try {
      this.#reader.push(chunk);
    } catch (error) {
      this.#end(error as Error);
    }
  }

  #answered(reply: Reply): void {
    const pending = this.#pending[0];
    const answer = pending?.request.answers[pending.replies.length];
    // After a reply that nobody expects, or of a server that did not understand, the next one could be anybody's.
    if (pending === undefined || answer === undefined || !isAnswer(reply, answer)) {
      throw new ProtocolError("The server gave a reply that is none to what it was asked");
    }
    pending.replies.push(reply);
    if (pending.replies.length < pending.request.answers.length) return;
    this.#pending.shift();
    this.#release();
    pending.resolve(pending.replies);
    if (this.#pending.length === 0) this.#drained?.();
  }

  /** Gives the connection up when the oldest request waits too long, however much is sent after it. */
  #watch(): void {
    if (this.#timer !== undefined) return;
    const oldest = this.#pending[0]?.sentAt;
    if (oldest === undefined) return;
    const left = Math.max(0, oldest + this.#timeoutMs - performance.now());
    this.#timer = setTimeout(() => {
      // A process that was busy for so long has not yet read what came meanwhile.
      setImmediate(() => {
        this.#timer = undefined;
        if (this.#isLate()) this.#end(undefined, true);
        else this.#watch();
      });
    }, left);
    this.#timer.unref();
  }

  #isLate(): boolean {
    const waiting = this.#pending[0];
    return waiting !== undefined && performance.now() - waiting.sentAt >= this.#timeoutMs - 1;
  }

  #end(cause: Error | undefined, late = false): void {
    if (this.#state === "ended") return;
    const wasOpen = this.isOpen;
    this.#state = "ended";
    clearTimeout(this.#timer);
    this.#socket.destroy();
    for (const { replies, resolve, reject } of this.#pending.splice(0)) {
      // The first reply tells what was done; without those behind it, something less is known, and nothing wrong.
      if (replies.length > 0) resolve(replies);
      else reject(new LostReply(cause, late));
    }
    this.#drained?.();
    this.#onEnd(wasOpen, cause);
  }

  #hold(): void {
    if (this.#waiting++ === 0) this.#socket.ref();
  }

  #release(): void {
    if (--this.#waiting === 0) this.#socket.unref();
  }
}

/** The modules are asked for at run time: as static imports they cost every program that imports the package, whatever its store is. */
function connect(target: Target, tls: ConnectionOptions | undefined): Socket {
  if (tls === undefined) return process.getBuiltinModule("node:net").connect(target);
  return process.getBuiltinModule("node:tls").connect({ ...serverName(target), ...tls, ...target });
}

/** A certificate is for a name; an address has none to send along. */
function serverName(target: Target): { servername?: string } {
  return "host" in target && !/^[\d.]+$|:/.test(target.host) ? { servername: target.host } : {};
}
