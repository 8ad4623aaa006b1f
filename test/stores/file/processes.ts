import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Job } from "./child.ts";

const PROGRAM = fileURLToPath(new URL("child.ts", import.meta.url));

// Most of what these processes do is starting: what the first has compiled, the others need not.
const compiled = mkdtempSync(join(tmpdir(), "sojourn-compiled-"));
const children = new Set<ChildProcess>();
process.on("exit", () => {
  // A test that failed may have left one asleep.
  for (const child of children) child.kill("SIGKILL");
  rmSync(compiled, { recursive: true, force: true });
});

/** A process at work on a folder. */
export interface Worker {
  readonly process: ChildProcess;
  /** What it has said so far. */
  readonly said: Record<string, unknown>[];
  /** Resolves when it has said something with this key. */
  heard(key: string): Promise<unknown>;
  /** Resolves when it is over: with the signal that ended it, or its exit code. */
  readonly over: Promise<number | string>;
}

/** Starts a process. */
export function start(job: Job): Worker {
  const child = spawn(process.execPath, ["--conditions=sojourn:source", PROGRAM, JSON.stringify(job)], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, NODE_COMPILE_CACHE: compiled },
  });
  children.add(child);
  const said: Record<string, unknown>[] = [];
  const lines = createInterface({ input: child.stdout });
  lines.on("line", (line) => said.push(JSON.parse(line) as Record<string, unknown>));
  const closed = once(lines, "close");
  const over = once(child, "exit").then(async ([code, signal]: readonly (number | NodeJS.Signals | null)[]) => {
    children.delete(child);
    await closed;
    return signal ?? code ?? 0;
  });
  const heard = async (key: string): Promise<unknown> => {
    for (;;) {
      const line = said.find((each) => key in each);
      if (line !== undefined) return line[key];
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the process is over and said no ${key}`);
      await Promise.race([once(lines, "line"), over]);
    }
  };
  return { process: child, said, heard, over };
}
