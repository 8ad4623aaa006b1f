import { parseArgs } from "node:util";
import { isSessionId } from "../core/id.ts";
import type { OptionSpec, OptionTable } from "./context.ts";
import { CliError } from "./errors.ts";

/** The options of every command. */
export const COMMON_OPTIONS = {
  json: { type: "boolean", help: "Print JSON; errors too, on the error output." },
  help: { type: "boolean", short: "h", help: "Say what the command does." },
} as const satisfies OptionTable;

/** The options of every command that has to do with a store. */
export const STORE_OPTIONS = {
  store: {
    type: "string",
    value: "URL",
    help: "The store: sqlite:FILE, file:FOLDER, redis://HOST, postgres://HOST/DB … Before SOJOURN_STORE.",
  },
  config: {
    type: "string",
    value: "FILE",
    help: "The configuration. Default: sojourn.config.ts, .js or .mjs, in this folder.",
  },
  ...COMMON_OPTIONS,
} as const satisfies OptionTable;

/** What was given for each option: undefined for one that takes a value and has none, false for a switch that was not set. */
export type OptionValues<O extends OptionTable> = {
  readonly [K in keyof O]: O[K] extends { type: "boolean" } ? boolean : string | undefined;
};

/** A command line, taken apart. */
export interface Arguments<O extends OptionTable> {
  readonly options: OptionValues<O>;
  readonly positionals: readonly string[];
}

/**
 * Takes a command's arguments apart. An argument of an id's shape is never an option, though one id in 64 begins with a hyphen; and
 * what cannot be understood is not repeated unless it surely is no id.
 *
 * @throws {CliError} ERR_CLI_UNKNOWN_OPTION, ERR_CLI_OPTION_VALUE
 */
export function readArguments<O extends OptionTable>(argv: readonly string[], table: O): Arguments<O> {
  const { args, ids } = shieldIds(argv, table);
  const config = Object.fromEntries(
    Object.entries(table).map(([name, { type, short }]) => [name, { type, ...(short === undefined ? {} : { short }) }]),
  );
  const { tokens } = parseArgs({ args, options: config, strict: false, allowPositionals: true, tokens: true });
  const options: Record<string, boolean | string | undefined> = {};
  for (const [name, { type }] of Object.entries(table)) options[name] = type === "boolean" ? false : undefined;
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const spec = Object.hasOwn(table, token.name) ? table[token.name] : undefined;
    if (spec === undefined) throw unknownOption(token.rawName, table);
    options[token.name] = valueOf(spec, token);
  }
  return { options: options as OptionValues<O>, positionals: [...positionals, ...ids] };
}

interface OptionToken {
  readonly name: string;
  readonly value?: string | undefined;
  readonly inlineValue?: boolean | undefined;
}

function valueOf(spec: OptionSpec, { name, value, inlineValue }: OptionToken): boolean | string {
  if (spec.type === "boolean") {
    if (value !== undefined) throw new CliError("ERR_CLI_OPTION_VALUE", `--${name} takes no value`);
    return true;
  }
  const swallowed =
    inlineValue !== true && value !== undefined && value.startsWith("-") && value !== "-" && !isSessionId(value);
  if (value === undefined || value === "" || swallowed) {
    throw new CliError("ERR_CLI_OPTION_VALUE", `--${name} needs its value: --${name} ${spec.value}`);
  }
  return value;
}

function shieldIds(argv: readonly string[], table: OptionTable): { args: string[]; ids: string[] } {
  const args: string[] = [];
  const ids: string[] = [];
  for (const [index, arg] of argv.entries()) {
    const before = argv[index - 1] ?? "";
    const takesIt = before.startsWith("--") && table[before.slice(2)]?.type === "string";
    const terminated = argv.slice(0, index).includes("--");
    if (arg.startsWith("-") && isSessionId(arg) && !takesIt && !terminated) ids.push(arg);
    else args.push(arg);
  }
  return { args, ids };
}

function unknownOption(rawName: string, table: OptionTable): CliError {
  // Longer ones could be an id, or a value pasted without its quotes.
  if (!/^--?[a-z][a-z-]{0,19}$/i.test(rawName)) return new CliError("ERR_CLI_UNKNOWN_OPTION");
  const close = closest(rawName.replace(/^--?/, ""), Object.keys(table));
  const hint = close === undefined ? {} : { fix: `Did you mean \`--${close}\`?` };
  return new CliError("ERR_CLI_UNKNOWN_OPTION", `There is no option ${rawName} here`, hint);
}

/** A whole number of at least `least`. @throws {CliError} ERR_CLI_OPTION_VALUE */
export function wholeNumber(name: string, text: string, least: number): number {
  const value = /^[0-9]{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least)) throw new CliError("ERR_CLI_OPTION_VALUE", `--${name} must be a whole number, ${least} or more`);
  return value;
}

/** A number above 0 and at most 1. @throws {CliError} ERR_CLI_OPTION_VALUE */
export function share(name: string, text: string): number {
  const value = /^[0-9]*\.?[0-9]{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value > 0 && value <= 1)) {
    throw new CliError("ERR_CLI_OPTION_VALUE", `--${name} must be a number above 0 and at most 1`);
  }
  return value;
}

/** Refuses arguments where a command takes none. @throws {CliError} ERR_CLI_ARGUMENTS */
export function refusePositionals(positionals: readonly string[], command: string): void {
  if (positionals.length > 0) throw new CliError("ERR_CLI_ARGUMENTS", `\`sojourn ${command}\` takes options only`);
}

/** The name that was probably meant: at most two letters away. */
export function closest(typed: string, names: readonly string[]): string | undefined {
  const ranked = names.map((name) => ({ name, distance: editDistance(typed.toLowerCase(), name) }));
  const [best] = ranked.sort((a, b) => a.distance - b.distance);
  return best !== undefined && best.distance <= 2 && best.distance < best.name.length - 1 ? best.name : undefined;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
