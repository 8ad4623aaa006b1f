import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { Agent, request as httpRequest } from "node:http";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly setCookie: readonly string[];
}

export interface Cluster {
  /** Asks one of the processes, in turn, or the one given. */
  ask(path: string, cookie?: string, process?: number): Promise<Answer>;
  stop(): Promise<void>;
}

/** Starts server processes over one store. */
export async function cluster(storeUrl: string, processes: number): Promise<Cluster> {
  const script = new URL("./server.ts", import.meta.url).pathname;
  const started = await Promise.all(
    Array.from({ length: processes }, async () => {
      const child = spawn(process.execPath, ["--conditions=sojourn:source", script, storeUrl], {
        stdio: ["pipe", "pipe", "inherit"],
      });
      return { child, port: Number(await firstLine(child)) };
    }),
  );
  const agent = new Agent({ keepAlive: true, maxSockets: 100 });
  let turn = 0;
  return {
    ask: (path, cookie, index = turn++ % started.length) => ask(agent, started[index]!.port, path, cookie),
    async stop() {
      agent.destroy();
      await Promise.all(
        started.map(async ({ child }) => {
          const exited = once(child, "exit");
          child.stdin.end();
          await exited;
        }),
      );
    },
  };
}

async function firstLine(child: ChildProcessByStdio<Writable, Readable, null>): Promise<string> {
  const lines = createInterface({ input: child.stdout });
  const died = once(child, "exit").then(([code]) => {
    throw new Error(`The server ended with ${String(code)} before it listened`);
  });
  const [line] = (await Promise.race([once(lines, "line"), died])) as [string];
  died.catch(() => undefined);
  return line;
}

function ask(agent: Agent, port: number, path: string, cookie?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = cookie === undefined ? {} : { cookie };
    const sent = httpRequest({ agent, host: "127.0.0.1", port, path, headers }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (body += chunk));
      response.on("error", reject);
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, body, setCookie: response.headers["set-cookie"] ?? [] }),
      );
    });
    sent.on("error", reject).end();
  });
}

/** The cookie that an answer set, as a client sends it. */
export function cookieOf({ setCookie }: Answer): string {
  return setCookie[0]!.slice(0, setCookie[0]!.indexOf(";"));
}
