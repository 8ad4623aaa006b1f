import { fork } from "node:child_process";
import { once } from "node:events";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import type { Asked, WorkerArgs } from "./worker.ts";

const WORKER = fileURLToPath(new URL("worker.ts", import.meta.url));

/** Another node, in a process of its own. */
export interface Node {
  ask(...asked: Asked): Promise<unknown>;
  /** Stops it from running (`SIGSTOP`). */
  pause(): void;
  resume(): void;
  /** Resolves with its exit code once it has ended by itself. */
  ended(): Promise<unknown>;
}

/** Starts a node; it is killed when the test ends, if it has not ended by itself. */
export async function startNode(t: TestContext, args: WorkerArgs): Promise<Node> {
  const child = fork(WORKER, [JSON.stringify(args)], { execArgv: ["--conditions=sojourn:source"] });
  t.after(() => child.kill("SIGKILL"));
  const exit = once(child, "exit");
  const answers: ((answer: { value?: unknown; error?: string }) => void)[] = [];
  child.on("message", (answer: { value?: unknown; error?: string }) => answers.shift()?.(answer));
  const answered = (): Promise<unknown> =>
    new Promise((resolve, reject) => {
      answers.push(({ value, error }) => (error === undefined ? resolve(value) : reject(new Error(error))));
    });
  await answered();
  return {
    async ask(...asked) {
      const answer = answered();
      child.send(asked);
      return answer;
    },
    pause: () => void child.kill("SIGSTOP"),
    resume: () => void child.kill("SIGCONT"),
    async ended() {
      const [code] = await exit;
      return code;
    },
  };
}
