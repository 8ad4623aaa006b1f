import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** What a server process did so far. */
export interface Done {
  /** Calls of its store. */
  readonly calls: number;
  /** Statements that it gave to SQLite. */
  readonly statements: number;
}

/** A process that serves the workloads, and counts. */
export interface CountingProcess {
  readonly url: string;
  count(): Promise<Done>;
  stop(): Promise<void>;
}

/** Starts a server process for a library and an engine. @throws {Error} when it ends instead */
export async function startCounting(library: string, engine: string, urls: object): Promise<CountingProcess> {
  const child = fork(fileURLToPath(new URL("serve.mjs", import.meta.url)), [library, engine, JSON.stringify(urls)], {
    env: { ...process.env, NODE_ENV: "production" },
  });
  const ended = once(child, "exit").then(async ([code]) => {
    throw new Error(`${library} on ${engine} ended with ${code}`);
  });
  ended.catch(() => undefined);
  const answer = async <T>(): Promise<T> => {
    const [message] = (await Promise.race([once(child, "message"), ended])) as [T];
    return message;
  };
  const { port } = await answer<{ port: number }>();
  return {
    url: `http://127.0.0.1:${port}`,
    async count() {
      child.send("count");
      return answer<Done>();
    },
    async stop() {
      child.disconnect();
      await once(child, "exit");
    },
  };
}
