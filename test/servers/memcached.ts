import { exchange } from "./exchange.ts";
import { freePort, ServerProcess } from "./process.ts";
import { requireProgram } from "./programs.ts";

/** A Memcached that the tests started. */
export interface MemcachedServer extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  readonly process: ServerProcess;
  stop(): Promise<void>;
}

/** Starts a Memcached on a free port of 127.0.0.1. @param options `megabytes`: its memory, default 64; `args`: more settings */
export async function startMemcached(
  options: { readonly megabytes?: number; readonly args?: readonly string[] } = {},
): Promise<MemcachedServer> {
  const port = await freePort();
  // It refuses to run as root unless it is told to.
  const user = process.getuid?.() === 0 ? ["-u", "root"] : [];
  const args = [...user, "-p", String(port), "-U", "0", "-l", "127.0.0.1", "-m", String(options.megabytes ?? 64)];
  const server = await ServerProcess.start({
    program: requireProgram("memcached"),
    args: [...args, ...(options.args ?? [])],
    async ready() {
      await exchange(port, "version\r\n", (reply) => reply.startsWith("VERSION ") && reply.endsWith("\r\n"));
    },
  });
  return { host: "127.0.0.1", port, process: server, stop: () => server.stop(), [Symbol.asyncDispose]: () => server.stop() };
}
