import type { Output } from "./output.ts";

/** Environment variables. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Where a command runs: everything that it may touch outside the store. */
export interface Context {
  /** The working directory. */
  readonly cwd: string;
  readonly env: Environment;
  readonly out: Output;
  readonly err: Output;
  readonly input: NodeJS.ReadStream;
  /** What the user typed that may be a session's id or cookie: whatever is printed about an error leaves it out. */
  readonly secrets: Set<string>;
  /** Calls back when the user wants to stop, instead of ending at once; the second time ends. Gives what undoes it. */
  onInterrupt(listener: (signal: "SIGINT" | "SIGTERM") => void): () => void;
}

/** A command, with what its help says. */
export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** How it is called, one line each. */
  readonly usage: readonly string[];
  /** Paragraphs for its own help. */
  readonly details: readonly string[];
  readonly options: OptionTable;
  /** Runs it. @returns the exit code @throws {CliError | SessionError} */
  run(argv: readonly string[], ctx: Context): Promise<number>;
}

/** One option: a switch, or one that takes a value, which the help calls `value`. */
export type OptionSpec =
  | { readonly type: "boolean"; readonly short?: string; readonly help: string }
  | { readonly type: "string"; readonly short?: string; readonly value: string; readonly help: string };

/** Options by their long names. */
export type OptionTable = Readonly<Record<string, OptionSpec>>;
