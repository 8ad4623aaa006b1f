import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What a server process is started with. */
export interface ProcessOptions {
  readonly program: string;
  readonly args: readonly string[];
  /** Resolves when the server answers; rejects or throws while it does not yet. Tried again every few milliseconds. */
  readonly ready: () => Promise<void>;
  /** Default 20. */
  readonly readySeconds?: number;
  readonly env?: Readonly<Record<string, string>>;
}

const TAIL = 4000;
const running = new Set<ServerProcess>();
const folders = new Set<string>();

/** A server that the tests started: stopped, killed and paused by its process id, and gone when this process ends. */
export class ServerProcess implements AsyncDisposable {
  readonly #options: ProcessOptions;
  #child: ChildProcess | undefined;
  #output = "";

  private constructor(options: ProcessOptions) {
    this.#options = options;
  }

  /** Starts a server and waits until it is ready. @throws {Error} with its last output, when it ends or never answers */
  static async start(options: ProcessOptions): Promise<ServerProcess> {
    const server = new ServerProcess(options);
    await server.restart();
    return server;
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error(`${this.#options.program} is not running`);
    return pid;
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The last lines that it printed. */
  get output(): string {
    return this.#output;
  }

  /** Starts it again, with the same command line, after {@link stop} or {@link kill}. */
  async restart(): Promise<void> {
    if (this.isRunning) throw new Error(`${this.#options.program} is running already`);
    const { program, args, env } = this.#options;
    this.#output = "";
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });
    this.#child = child;
    const collect = (chunk: Buffer): void => {
      this.#output = (this.#output + chunk.toString()).slice(-TAIL);
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    let failure: Error | undefined;
    child.once("error", (error) => (failure = error));
    running.add(this);
    child.once("exit", () => running.delete(this));
    // A test that forgot its server still ends: the server is killed when this process exits.
    child.unref();
    for (const stream of [child.stdout, child.stderr]) (stream as unknown as { unref(): void }).unref();
    await this.#untilReady(() => failure);
  }

  /** Ends it in the way it likes best, and by force after ten seconds. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    if (!this.isRunning) return;
    // A paused process does not see a signal to end.
    this.resume();
    const timer = setTimeout(() => this.#signal("SIGKILL"), 10_000);
    await this.#end(signal);
    clearTimeout(timer);
  }

  /** `kill -9`: as if the machine had lost its power, except for what the kernel still writes. */
  async kill(): Promise<void> {
    if (this.isRunning) await this.#end("SIGKILL");
  }

  /** Stops it from running (`SIGSTOP`): its connections stay open, and nothing answers. */
  pause(): void {
    this.#signal("SIGSTOP");
  }

  /** Lets it run on (`SIGCONT`). */
  resume(): void {
    this.#signal("SIGCONT");
  }

  /** @internal Kills it now, for the end of this process. */
  killNow(): void {
    this.#signal("SIGKILL");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    child.ref();
    const ended = once(child, "exit");
    this.#signal(signal);
    await ended;
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.isRunning) this.#child?.kill(signal);
  }

  async #untilReady(failure: () => Error | undefined): Promise<void> {
    const { program, ready, readySeconds = 20 } = this.#options;
    const deadline = performance.now() + readySeconds * 1000;
    let last: unknown;
    while (performance.now() < deadline) {
      const error = failure();
      if (error !== undefined) throw error;
      if (!this.isRunning) throw new Error(`${program} ended before it was ready:\n${this.#output}`);
      try {
        await ready();
        return;
      } catch (cause) {
        last = cause;
      }
      await pause(10);
    }
    await this.kill();
    throw new Error(`${program} was not ready after ${readySeconds} seconds:\n${this.#output}`, { cause: last });
  }
}

function endEverything(): void {
  for (const server of running) server.killNow();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
}

process.once("exit", endEverything);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => {
    endEverything();
    process.kill(process.pid, signal);
  });
}

/** A new folder for a server's files, removed when this process ends; open to the user that the server runs as. */
export function serverFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `sojourn-${name}-`));
  chmodSync(folder, 0o755);
  folders.add(folder);
  return folder;
}

/** Removes a folder of {@link serverFolder} before this process ends. */
export function removeServerFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  folders.delete(folder);
}

const given = new Set<number>();

/**
 * A port that nobody listens on, below the range that the kernel hands out for outgoing connections, so that it stays free until
 * the server has it. This process never gets the same one twice.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 200; tries += 1) {
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
  throw new Error("No free port was found");
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}

/** Runs a program to its end, and kills it when it takes longer. @throws {Error} with its output, unless it ended with 0 */
export async function runProgram(program: string, args: readonly string[], seconds = 60): Promise<string> {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], timeout: seconds * 1000, killSignal: "SIGKILL" });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (code === 0) return output;
  const how =
    child.signalCode === "SIGKILL" ? `was killed, the latest after ${seconds} seconds` : `ended with ${String(code)}`;
  throw new Error(`${program} ${how}:\n${output}`);
}

/** Real time, for waiting until another process is ready. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Tries until `probe` gives true. @throws {Error} naming `what`, when it does not within `seconds` */
export async function until(what: string, probe: () => Promise<boolean>, seconds = 20): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  let last: unknown;
  while (performance.now() < deadline) {
    try {
      if (await probe()) return;
    } catch (error) {
      last = error;
    }
    await pause(20);
  }
  throw new Error(`Waited ${seconds} seconds in vain until ${what}`, { cause: last });
}
