import { createServer, type AddressInfo, type Socket } from "node:net";

/** A server that answers each line in its own way. */
export interface OddServer extends AsyncDisposable {
  readonly port: number;
  /** How many connections were made so far. */
  readonly connections: number;
}

/**
 * Starts one on a free port of 127.0.0.1.
 *
 * @param answer what it says to a line; nothing, when it is empty
 * @param ends whether it hangs up then
 */
export async function startOddServer(answer: (line: string) => string, ends = false): Promise<OddServer> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
    let rest = "";
    socket.on("data", (chunk: Buffer) => {
      const lines = (rest + chunk.toString("latin1")).split("\r\n");
      rest = lines.pop() ?? "";
      for (const line of lines) socket.write(Buffer.from(answer(line), "latin1"));
      if (ends) socket.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
