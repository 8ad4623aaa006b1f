import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Hold, Task, WorkerArgs } from "./worker.ts";

const WORKER = fileURLToPath(new URL("worker.ts", import.meta.url));

/** A process with a store of its own. */
export interface WorkerProcess {
  /** Asks it for something; the answer may come later. */
  ask(verb: Task["verb"], ...args: readonly unknown[]): Promise<unknown>;
  /** Asks it for something, and waits until it has stopped there. */
  askUntilHeld(hold: Hold, verb: Task["verb"], ...args: readonly unknown[]): Promise<void>;
  /** Lets it go on, and gives the answer. */
  letGo(): Promise<unknown>;
  kill(): Promise<void>;
}

/** Starts a process; whoever does has to kill it. */
export async function startWorker(args: WorkerArgs): Promise<WorkerProcess> {
  const child = spawn(process.execPath, ["--conditions=sojourn:source", WORKER, JSON.stringify(args)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const line = async (): Promise<unknown> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error("The process ended before it answered");
    return JSON.parse(value);
  };
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await exited;
  };
  assert.equal(await line(), "ready");
  const ask = (task: Task): Promise<unknown> => {
    child.stdin.write(`${JSON.stringify(task)}\n`);
    return line();
  };
  return {
    ask: (verb, ...given) => ask({ verb, args: given }),
    async askUntilHeld(hold, verb, ...given) {
      assert.equal(await ask({ verb, args: given, hold }), "held");
    },
    letGo() {
      child.stdin.write("go\n");
      return line();
    },
    kill,
  };
}
