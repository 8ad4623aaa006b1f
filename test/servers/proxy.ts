import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

/**
 * What a {@link FaultProxy} does with what the server says:
 * - `pass`: hands it on
 * - `delay`: hands it on later
 * - `hold`: keeps it from the first reply that `matches` on, and hands it on once something else is set
 * - `blackhole`: drops it, and what the client says as well; connections stay open
 * - `drop-reply`: lets the next request that `matches` through to the server, then drops the reply and ends the connection
 * - `cut`: hands on the first `bytes` of the reply to it, then ends the connection
 * - `last-words`: hands on the next reply that `matches` with more behind it, in one piece, then ends the connection
 * - `reset`: resets every connection, open or new
 */
export type Fault =
  | { readonly kind: "pass" }
  | { readonly kind: "delay"; readonly milliseconds: number }
  | { readonly kind: "hold"; readonly matches?: (reply: Buffer) => boolean }
  | { readonly kind: "blackhole" }
  | { readonly kind: "drop-reply"; readonly matches?: (request: Buffer) => boolean; readonly times?: number }
  | {
      readonly kind: "cut";
      readonly matches?: (request: Buffer) => boolean;
      readonly bytes: number;
      readonly times?: number;
    }
  | {
      readonly kind: "last-words";
      readonly matches: (reply: Buffer) => boolean;
      readonly words: Buffer;
      readonly times?: number;
    }
  | { readonly kind: "reset" };

/** A TCP proxy in front of a server on 127.0.0.1, which misbehaves as it is told. */
export interface FaultProxy extends AsyncDisposable {
  readonly port: number;
  /** How many replies were dropped, cut or the last so far. */
  readonly hits: number;
  /** How many pieces of replies are held at the moment. */
  readonly held: number;
  /** How many connections were accepted so far. */
  readonly connections: number;
  /** How many bytes clients have sent so far. */
  readonly received: number;
  set(fault: Fault): void;
  /** Points it at another port; open connections are ended. */
  retarget(port: number): void;
  stop(): Promise<void>;
}

/** Starts a proxy on a free port of 127.0.0.1 in front of `target`. */
export async function startProxy(target: number): Promise<FaultProxy> {
  const state = new ProxyState(target);
  const server = createServer((client) => state.accept(client));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  const stop = (): Promise<void> => close(server, state);
  return {
    port,
    get hits() {
      return state.hits;
    },
    get held() {
      return state.held;
    },
    get connections() {
      return state.accepted;
    },
    get received() {
      return state.received;
    },
    set: (fault) => state.set(fault),
    retarget(next) {
      state.target = next;
      state.endAll();
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function close(server: Server, state: ProxyState): Promise<void> {
  state.endAll();
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  /** How many more bytes of the reply the client gets before the connection ends; undefined: all. */
  allowed: number | undefined;
  /** True once something of the reply is held, so that the rest comes behind it. */
  isHeld: boolean;
  /** What is held back: nothing that comes later overtakes it. */
  readonly late: { readonly chunk: Buffer; readonly due: number }[];
}

class ProxyState {
  target: number;
  hits = 0;
  accepted = 0;
  received = 0;
  readonly #pairs = new Set<Pair>();
  #fault: Fault = { kind: "pass" };
  #left = 0;
  readonly #held: (() => void)[] = [];

  constructor(target: number) {
    this.target = target;
  }

  get held(): number {
    return this.#held.length;
  }

  set(fault: Fault): void {
    this.#fault = fault;
    if (fault.kind === "hold") return;
    for (const pair of this.#pairs) pair.isHeld = false;
    for (const release of this.#held.splice(0)) release();
    this.#left = "times" in fault ? (fault.times ?? 1) : 1;
    if (fault.kind === "reset") for (const { client } of this.#pairs) client.resetAndDestroy();
  }

  endAll(): void {
    for (const { client, server } of this.#pairs) {
      client.destroy();
      server.destroy();
    }
  }

  accept(client: Socket): void {
    this.accepted += 1;
    client.on("error", () => client.destroy());
    if (this.#fault.kind === "reset") {
      client.resetAndDestroy();
      return;
    }
    const server = connect({ host: "127.0.0.1", port: this.target });
    const pair: Pair = { client, server, allowed: undefined, isHeld: false, late: [] };
    this.#pairs.add(pair);
    client.setNoDelay(true);
    server.setNoDelay(true);
    client.on("data", (chunk) => this.#asked(pair, chunk));
    server.on("data", (chunk) => this.#answered(pair, chunk));
    server.on("error", () => client.destroy());
    client.on("close", () => server.destroy());
    server.on("close", () => {
      this.#pairs.delete(pair);
      client.destroy();
    });
  }

  #asked(pair: Pair, chunk: Buffer): void {
    this.received += chunk.length;
    const fault = this.#fault;
    if (fault.kind === "blackhole") return;
    if ((fault.kind === "drop-reply" || fault.kind === "cut") && this.#left > 0 && (fault.matches?.(chunk) ?? true)) {
      this.#left -= 1;
      pair.allowed = fault.kind === "cut" ? fault.bytes : 0;
    }
    pair.server.write(chunk);
  }

  #answered(pair: Pair, chunk: Buffer): void {
    const fault = this.#fault;
    if (fault.kind === "blackhole") return;
    if (pair.allowed !== undefined) {
      this.#cut(pair, pair.allowed, chunk);
    } else if (fault.kind === "hold" && (pair.isHeld || (fault.matches?.(chunk) ?? true))) {
      pair.isHeld = true;
      this.#held.push(() => pair.client.write(chunk));
    } else if (fault.kind === "last-words" && this.#left > 0 && fault.matches(chunk)) {
      this.#left -= 1;
      this.hits += 1;
      pair.client.end(Buffer.concat([chunk, fault.words]));
      pair.server.destroy();
    } else if (fault.kind === "delay" || pair.late.length > 0) {
      const milliseconds = fault.kind === "delay" ? fault.milliseconds : 0;
      const due = Math.max(performance.now() + milliseconds, pair.late.at(-1)?.due ?? 0);
      pair.late.push({ chunk, due });
      if (pair.late.length === 1) this.#release(pair);
    } else {
      pair.client.write(chunk);
    }
  }

  /** Hands on what is due, and comes back for the rest; a timer may come a little early. */
  #release(pair: Pair): void {
    const { late, client } = pair;
    for (let [next] = late; next !== undefined; [next] = late) {
      const left = next.due - performance.now();
      if (left > 0) {
        setTimeout(() => this.#release(pair), left);
        return;
      }
      client.write(next.chunk);
      late.shift();
    }
  }

  #cut(pair: Pair, allowed: number, chunk: Buffer): void {
    if (chunk.length <= allowed) {
      pair.allowed = allowed - chunk.length;
      pair.client.write(chunk);
      if (pair.allowed > 0) return;
    } else {
      pair.client.write(chunk.subarray(0, allowed));
    }
    this.hits += 1;
    pair.allowed = 0;
    // Only now, with the server's answer in hand, is it sure that the request was carried out.
    pair.client.end();
    pair.server.destroy();
  }
}
