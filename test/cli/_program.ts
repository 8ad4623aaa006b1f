import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const MAIN = join(ROOT, "src/cli/main.ts");

/** The program of util-linux that runs another one on a terminal of its own. */
const RECORDER = "script";

/** How the program ended, and what it said. */
export interface Ending {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where and how to run the program. */
export interface Running {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What comes in on the standard input; none by default. */
  readonly input?: string;
}

/** The command line that starts the program from its source. */
export function commandLine(args: readonly string[]): readonly [string, ...string[]] {
  return [process.execPath, "--conditions=sojourn:source", MAIN, ...args];
}

// Without it most of a run's time goes into stripping types, again and again.
const compileCache = mkdtempSync(join(tmpdir(), "sojourn-cli-cache-"));
after(() => rmSync(compileCache, { recursive: true, force: true }));

/** An environment without what the test runner, or the user, has in theirs. */
export function environment(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  return {
    PATH: process.env["PATH"] ?? "",
    HOME: tmpdir(),
    TERM: "xterm-256color",
    NODE_COMPILE_CACHE: compileCache,
    ...extra,
  };
}

/** Starts the program. */
export function start(args: readonly string[], { cwd, env }: Running): ReturnType<typeof spawn> {
  const [program, ...rest] = commandLine(args);
  return spawn(program, rest, { cwd, env: environment(env), stdio: ["pipe", "pipe", "pipe"] });
}

/** Runs the program to its end. */
export async function sojourn(args: readonly string[], running: Running): Promise<Ending> {
  const child = start(args, running);
  child.stdin?.end(running.input ?? "");
  return ended(child);
}

/** Waits for a program to end, and collects what it says. */
export async function ended(child: ReturnType<typeof spawn>): Promise<Ending> {
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (chunk: string) => (stdout += chunk));
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => (stderr += chunk));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  return { code, stdout, stderr };
}

/** A folder of the test's own, removed in the end. With `sojourn` in its `node_modules`, as an application has it. */
export function workFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-cli-"));
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(ROOT, join(folder, "node_modules", "sojourn"), "dir");
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Runs the program on a terminal of its own, with these keys typed; gives what the terminal showed. */
export async function onTerminal(args: readonly string[], running: Running): Promise<Ending> {
  const line = commandLine(args).map(shellQuoted).join(" ");
  const child = spawn(RECORDER, ["-qec", `stty cols 100; ${line}`, "/dev/null"], {
    cwd: running.cwd,
    env: environment(running.env),
    stdio: ["pipe", "pipe", "pipe"],
  });
  child.stdin.write(running.input ?? "");
  const ending = await ended(child);
  child.stdin.end();
  return ending;
}

/** Why tests on a terminal cannot run here; undefined where they can. */
export function whyNoTerminal(): string | undefined {
  if (process.platform !== "linux") return "it needs util-linux's `script`";
  const found = spawnSync(RECORDER, ["--version"]).error === undefined;
  if (!found && process.env["CI"] === "true") throw new Error("`script` is not installed, and CI must have it");
  return found ? undefined : "`script` is not installed";
}

function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** The one value that a command printed as JSON. */
export function json(text: string): Record<string, unknown> {
  return JSON.parse(text) as Record<string, unknown>;
}

/** The error that a command printed as JSON. */
export function errorOf(ending: Ending): Record<string, unknown> {
  return json(ending.stderr)["error"] as Record<string, unknown>;
}
