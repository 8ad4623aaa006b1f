import { type ChildProcess, type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { Agent, request as httpRequest } from "node:http";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { pause } from "../servers/process.ts";

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly setCookie: readonly string[];
  readonly retryAfter: string | undefined;
}

/** What one of the processes is started with. */
export interface ProcessSettings {
  /** More arguments of `node`. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface Cluster {
  /** Asks one of the processes, in turn, or the one given. */
  ask(path: string, cookie?: string, process?: number): Promise<Answer>;
  /** Lets them end by themselves. @throws {Error} when one does not, or printed something on its way */
  stop(): Promise<void>;
  /** Kills those that still run. */
  kill(): void;
}

/** For how long a process may take to close its store and end. */
const END_SECONDS = 10;
/** How long the news that a process has ended may take longer than that its connection was cut. */
const NEWS_MS = 500;

/**
 * Starts server processes over one store.
 *
 * @param processes how many, or what each is started with
 * @param options of `createSessions`
 */
export async function cluster(
  storeUrl: string,
  processes: number | readonly ProcessSettings[],
  options: object = {},
): Promise<Cluster> {
  const all = typeof processes === "number" ? Array.from({ length: processes }, (): ProcessSettings => ({})) : processes;
  const script = new URL("./server.ts", import.meta.url).pathname;
  const started = await Promise.all(
    all.map(async ({ args = [], env = {} }) => {
      const command = ["--conditions=sojourn:source", ...args, script, storeUrl, JSON.stringify(options)];
      const child = spawn(process.execPath, command, {
        stdio: ["pipe", "pipe", "pipe"],
        env: { ...process.env, ...env },
      });
      let said = "";
      child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
      return { child, port: Number(await firstLine(child, () => said)), said: () => said };
    }),
  );
  const agent = new Agent({ keepAlive: true, maxSockets: 100 });
  let turn = 0;
  return {
    async ask(path, cookie, index = turn++ % started.length) {
      const { child, port, said } = started[index]!;
      try {
        return await ask(agent, port, path, cookie);
      } catch (cause) {
        await Promise.race([exit(child), pause(NEWS_MS)]);
        const state = isRunning(child) ? "is running" : `has ended with ${child.signalCode ?? child.exitCode}`;
        throw new Error(`${path} was not answered; the server ${state}: ${said()}`, { cause });
      }
    },
    kill() {
      agent.destroy();
      for (const { child } of started) child.kill("SIGKILL");
    },
    async stop() {
      agent.destroy();
      await Promise.all(
        started.map(async ({ child, said }) => {
          child.stdin.end();
          const timer = setTimeout(() => child.kill("SIGKILL"), END_SECONDS * 1000);
          await exit(child);
          clearTimeout(timer);
          if (child.signalCode !== null) throw new Error(`The server did not end within ${END_SECONDS} seconds: ${said()}`);
          if (child.exitCode !== 0 || said() !== "") {
            throw new Error(`The server ended with ${String(child.exitCode)}: ${said()}`);
          }
        }),
      );
    },
  };
}

function isRunning({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null;
}

async function exit(child: ChildProcess): Promise<void> {
  if (isRunning(child)) await once(child, "exit");
}

async function firstLine(child: ChildProcessByStdio<Writable, Readable, Readable>, said: () => string): Promise<string> {
  const lines = createInterface({ input: child.stdout });
  const died = once(child, "exit").then(([code]) => {
    throw new Error(`The server ended with ${String(code)} before it listened: ${said()}`);
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
        resolve({
          status: response.statusCode ?? 0,
          body,
          setCookie: response.headers["set-cookie"] ?? [],
          retryAfter: response.headers["retry-after"],
        }),
      );
    });
    sent.on("error", reject).end();
  });
}

/** The cookie that an answer set, as a client sends it. */
export function cookieOf({ setCookie }: Answer): string {
  return setCookie[0]!.slice(0, setCookie[0]!.indexOf(";"));
}
