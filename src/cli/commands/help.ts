import { COMMON_OPTIONS, readArguments } from "../args.ts";
import type { Command, Context } from "../context.ts";
import { CliError } from "../errors.ts";
import { EXIT } from "../exit.ts";
import { commandHelp, programHelp } from "../help.ts";
import { printJson } from "../json.ts";
import { WORKING_COMMANDS } from "./index.ts";

/** `sojourn help`: the commands, or one of them. */
export const helpCommand: Command = {
  name: "help",
  summary: "Say what a command does",
  usage: ["sojourn help [COMMAND]"],
  details: [],
  options: COMMON_OPTIONS,

  async run(argv, ctx) {
    const { options, positionals } = readArguments(argv, COMMON_OPTIONS);
    const [name] = positionals;
    const all = [...WORKING_COMMANDS, helpCommand];
    if (name !== undefined) {
      const command = all.find((one) => one.name === name);
      if (command === undefined || positionals.length > 1) throw new CliError("ERR_CLI_UNKNOWN_COMMAND");
      return printCommandHelp(command, ctx, options.json);
    }
    if (options.json) await printJson(ctx.out, { commands: all.map(describe) });
    else await ctx.out.line(programHelp(all, ctx.out));
    return EXIT.ok;
  },
};

/** Prints one command's help. */
export async function printCommandHelp(command: Command, ctx: Context, json: boolean): Promise<number> {
  if (json) await printJson(ctx.out, describe(command));
  else await ctx.out.line(commandHelp(command, ctx.out));
  return EXIT.ok;
}

function describe({ name, summary, usage, details, options }: Command): object {
  return { name, summary, usage: [...usage], details: [...details], options: { ...options } };
}
