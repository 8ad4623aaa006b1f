import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  readonly scripts: Record<string, string>;
};

/** A process of the counter, as `npm start` starts it. */
export interface Launched {
  readonly child: ChildProcess;
  /** What it printed so far, on both streams. */
  said(): string;
}

/** A counter that listens. */
export interface Counter extends Launched {
  readonly url: string;
  /** Ends it, by default as Ctrl+C does, and gives its exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

const running = new Set<ChildProcess>();

/** Kills what a test left running. */
export function killCounters(): void {
  for (const child of running) child.kill("SIGKILL");
}

/** Starts the counter in a folder. */
export function launch(folder: string, env: Readonly<Record<string, string>>): Launched {
  const [program, ...args] = manifest.scripts["start"]!.split(" ").map((word) =>
    word.endsWith(".ts") ? join(root, word) : word,
  );
  assert.equal(program, "node");
  const child = spawn(process.execPath, args, { cwd: folder, env: { ...process.env, ...env } });
  running.add(child);
  let text = "";
  child.stdout.on("data", (data: Buffer) => (text += data.toString()));
  child.stderr.on("data", (data: Buffer) => (text += data.toString()));
  child.on("exit", () => running.delete(child));
  return { child, said: () => text };
}

/** Starts the counter on a free port, and waits until it listens. */
export async function start(folder: string, env: Readonly<Record<string, string>> = {}): Promise<Counter> {
  const launched = launch(folder, { PORT: "0", ...env });
  const { child, said } = launched;
  while (!said().includes("http://")) {
    await Promise.race([once(child.stdout!, "data"), once(child, "exit")]);
    assert.equal(child.exitCode, null, said());
  }
  return {
    ...launched,
    url: /http:\/\/127\.0\.0\.1:\d+/.exec(said())![0],
    async stop(signal = "SIGINT") {
      const exit = once(child, "exit");
      child.kill(signal);
      const [code] = (await exit) as [number | null];
      return code;
    },
  };
}

/** A visitor with a cookie jar of one cookie. */
export function visitor(): { readonly cookie: () => string; get(url: string, init?: RequestInit): Promise<Response> } {
  let cookie = "";
  return {
    cookie: () => cookie,
    async get(url, init = {}) {
      const response = await fetch(url, {
        redirect: "manual",
        ...init,
        headers: { ...init.headers, ...(cookie && { cookie }) },
      });
      const [set] = response.headers.getSetCookie();
      if (set !== undefined) cookie = set.includes("Max-Age=0") ? "" : set.split(";")[0]!;
      return response;
    },
  };
}

export async function textOf(response: Promise<Response>): Promise<string> {
  return (await response).text();
}
