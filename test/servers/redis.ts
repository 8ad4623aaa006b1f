import { redisExchange } from "./exchange.ts";
import { freePort, removeServerFolder, serverFolder, ServerProcess } from "./process.ts";
import { requireProgram } from "./programs.ts";

/** A Redis that the tests started. */
export interface RedisServer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  readonly folder: string;
  readonly process: ServerProcess;
  /** Sends one command by itself, and gives the reply in Redis's protocol. */
  command(...words: readonly string[]): Promise<string>;
  stop(): Promise<void>;
}

/** What a Redis is started with. */
export interface RedisServerOptions {
  /** Default: a free one. */
  readonly port?: number;
  /** Settings as on the command line, `["--appendonly", "yes"]`. Default: nothing is kept on disk. */
  readonly args?: readonly string[];
}

/** Starts a Redis on a free port of 127.0.0.1, with its files in a folder of its own. */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const port = options.port ?? (await freePort());
  const folder = serverFolder("redis");
  const common = ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--daemonize", "no"];
  const server = await ServerProcess.start({
    program: requireProgram("redis-server"),
    args: [...common, ...(options.args ?? [])],
    async ready() {
      const reply = await redisExchange(port, "PING");
      if (!reply.startsWith("+PONG")) throw new Error(reply);
    },
  });
  const stop = async (): Promise<void> => {
    await server.stop();
    removeServerFolder(folder);
  };
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    folder,
    process: server,
    async command(...words) {
      return redisExchange(port, ...words);
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** The value of one line of `INFO` or `CLUSTER INFO`. */
export function infoField(reply: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(reply)?.[1];
}
