import { spawn } from "node:child_process";
import { join } from "node:path";

/** What a program said and how it ended. */
export interface Ended {
  readonly code: number;
  /** Both of its outputs, in the order in which they came. */
  readonly output: string;
}

/** Where and with what a program runs. */
export interface RunOptions {
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Seconds after which it is ended. Default 180. */
  readonly seconds?: number;
}

/** Runs a program to its end. A program that cannot be started ends with 127. */
export function run(program: string, args: readonly string[], { cwd, env, seconds = 180 }: RunOptions): Promise<Ended> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(seconds * 1000);
    const child = spawn(program, args, { cwd, env: env ?? process.env, stdio: ["ignore", "pipe", "pipe"], signal });
    let output = "";
    const take = (piece: string): void => {
      output += piece;
    };
    child.stdout.setEncoding("utf8").on("data", take);
    child.stderr.setEncoding("utf8").on("data", take);
    child.on("error", (error) => {
      resolve({ code: signal.aborted ? 124 : 127, output: `${output}${program}: ${error.message}\n` });
    });
    child.on("close", (code) => {
      resolve({ code: code ?? 1, output });
    });
  });
}

/** Runs npm as from a fresh shell: what `npm run` leaves in the environment speaks of this project, not of the folder that is meant. */
export function runNpm(args: readonly string[], cwd: string): Promise<Ended> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.toLowerCase().startsWith("npm_")));
  return run("npm", args, { cwd, env });
}

/** Runs one of the project's own tools. */
export function runTool(root: string, tool: string, args: readonly string[], cwd = root): Promise<Ended> {
  return run(join(root, "node_modules", ".bin", tool), args, { cwd });
}

/** A tool's words as problems: none when it ended well. */
export function problemsOf({ code, output }: Ended, tool: string): string[] {
  if (code === 0) return [];
  const said = output.trimEnd();
  return [said === "" ? `${tool} ended with ${code} and said nothing` : said];
}
