import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { findProgram, SERVERS } from "../servers/programs.ts";

const SCRIPT = fileURLToPath(new URL("./real_django.py", import.meta.url));

/** The secret of the Django that the tests start. */
export const SECRET = "the tests' secret";

/** A value with its Python type, as `real_django.py` describes it. */
export type Described = null | boolean | { readonly [kind: string]: unknown };

/** One request to `real_django.py`. */
export interface Request {
  readonly command: string;
  readonly [field: string]: unknown;
}

interface Version {
  readonly django: readonly [number, number];
  readonly pytz: boolean;
  readonly zoneinfo: boolean;
}

/** A real Django, running: ended by `stop`, and with this process. */
export class RealDjango implements AsyncDisposable {
  readonly version: Version;
  readonly #child: ReturnType<typeof spawnDjango>;
  readonly #lines: AsyncIterator<string>;
  readonly #stderr: string[];

  private constructor(
    child: ReturnType<typeof spawnDjango>,
    lines: AsyncIterator<string>,
    stderr: string[],
    version: Version,
  ) {
    this.#child = child;
    this.#lines = lines;
    this.#stderr = stderr;
    this.version = version;
  }

  static async start(): Promise<RealDjango> {
    const child = spawnDjango();
    const stderr: string[] = [];
    child.stderr.setEncoding("utf8").on("data", (text: string) => stderr.push(text));
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const version = { django: [0, 0], pytz: false, zoneinfo: false } as const;
    const django = new RealDjango(child, lines, stderr, version);
    const [answer] = await django.ask<Version>([{ command: "version" }]);
    return new RealDjango(child, lines, stderr, answer ?? version);
  }

  /** Sends requests and gives their answers, in order. @throws {Error} for what failed in Python */
  async ask<A>(requests: readonly Request[]): Promise<A[]> {
    const sent = this.#send(requests);
    const answers: A[] = [];
    while (answers.length < requests.length) {
      const line = await this.#lines.next();
      if (line.done === true) throw new Error(`Django ended: ${this.#stderr.join("").slice(-2000)}`);
      const answer = JSON.parse(line.value) as { readonly ok: A; readonly error?: string };
      if (answer.error !== undefined) throw new Error(`Django, request ${answers.length}: ${answer.error}`);
      answers.push(answer.ok);
    }
    await sent;
    return answers;
  }

  async #send(requests: readonly Request[]): Promise<void> {
    for (const request of requests) {
      if (!this.#child.stdin.write(`${JSON.stringify(request)}\n`)) await once(this.#child.stdin, "drain");
    }
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.stdin.end();
    await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function spawnDjango() {
  return spawn(pythonOfDjango(), [SCRIPT], { stdio: ["pipe", "pipe", "pipe"] });
}

/** The Python that has Django: the one that its own program runs with. */
function pythonOfDjango(): string {
  const program = findProgram(SERVERS.django.program);
  if (program === undefined) throw new Error("Django is not installed; `npm run servers` installs it");
  const [, python = "/usr/bin/python3"] = /^#!\s*(\S+)\n/.exec(readFileSync(program, "utf8")) ?? [];
  return python;
}
