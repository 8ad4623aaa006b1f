import { connect } from "node:net";
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

/** What a Memcached is started with. */
export interface MemcachedServerOptions {
  /** Default: a free one. */
  readonly port?: number;
  /** Its memory. Default 64. */
  readonly megabytes?: number;
  /** More settings, as on the command line. */
  readonly args?: readonly string[];
  /** The files of a key and a certificate, for a server that speaks TLS. */
  readonly tls?: { readonly key: string; readonly cert: string };
}

/** Starts a Memcached on a free port of 127.0.0.1. */
export async function startMemcached(options: MemcachedServerOptions = {}): Promise<MemcachedServer> {
  const port = options.port ?? (await freePort());
  // It refuses to run as root unless it is told to.
  const user = process.getuid?.() === 0 ? ["-u", "root"] : [];
  const args = [...user, "-p", String(port), "-U", "0", "-l", "127.0.0.1", "-m", String(options.megabytes ?? 64)];
  const { tls } = options;
  const secure = tls === undefined ? [] : ["-Z", "-o", `ssl_chain_cert=${tls.cert},ssl_key=${tls.key}`];
  const server = await ServerProcess.start({
    program: requireProgram("memcached"),
    args: [...args, ...secure, ...(options.args ?? [])],
    async ready() {
      // What it answers to those who do not speak TLS is not to be read: that it listens is enough.
      if (tls !== undefined) await listens(port);
      else await exchange(port, "version\r\n", (reply) => reply.startsWith("VERSION ") && reply.endsWith("\r\n"));
    },
  });
  return { host: "127.0.0.1", port, process: server, stop: () => server.stop(), [Symbol.asyncDispose]: () => server.stop() };
}

function listens(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.destroy();
      resolve();
    });
  });
}
