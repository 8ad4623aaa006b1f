import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** What stands between a store and its server: it sees what leaves in one piece, and may hold a part of it back. */
export interface Relay extends AsyncDisposable {
  readonly port: number;
  /** What the store sent before the server answered it, as text: each piece is a round trip. */
  readonly pieces: string[];
  /**
   * The next piece that has `mark` in it is cut in front of `mark`: what comes before it goes to the server, and the rest when the server
   * has answered that and `between` is done.
   */
  cut(mark: string, between: () => Promise<void>): void;
}

/** Starts a relay in front of a server on 127.0.0.1. @param path a socket to listen on; default: a free port */
export async function startRelay(target: number, path?: string): Promise<Relay> {
  const pieces: string[] = [];
  const sockets = new Set<Socket>();
  let pending: { mark: string; between: () => Promise<void> } | undefined;
  const server = createServer((client) => {
    const upstream = connect({ host: "127.0.0.1", port: target });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => sockets.delete(socket));
    }
    client.on("close", () => upstream.destroy());
    upstream.on("close", () => client.destroy());
    let answered = true;
    upstream.on("data", (chunk: Buffer) => {
      answered = true;
      client.write(chunk);
    });
    let before = Promise.resolve();
    client.on("data", (chunk: Buffer) => {
      const piece = chunk.toString("latin1");
      if (answered || pieces.length === 0) pieces.push(piece);
      else pieces.push(String(pieces.pop()) + piece);
      answered = false;
      const at = pending === undefined ? -1 : piece.indexOf(pending.mark);
      const between = at === -1 ? undefined : pending?.between;
      if (at !== -1) pending = undefined;
      before = before.then(async () => {
        if (between === undefined) {
          upstream.write(chunk);
          return;
        }
        const reply = once(upstream, "data");
        upstream.write(chunk.subarray(0, at));
        await reply;
        await between();
        upstream.write(chunk.subarray(at));
      });
    });
  });
  await new Promise<void>((resolve) => {
    if (path === undefined) server.listen(0, "127.0.0.1", resolve);
    else server.listen(path, resolve);
  });
  return {
    port: path === undefined ? (server.address() as AddressInfo).port : 0,
    pieces,
    cut: (mark, between) => (pending = { mark, between }),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
