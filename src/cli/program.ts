import { closest } from "./args.ts";
import { helpCommand, printCommandHelp } from "./commands/help.ts";
import { WORKING_COMMANDS } from "./commands/index.ts";
import { versionCommand } from "./commands/version.ts";
import type { Command, Context } from "./context.ts";
import { CliError } from "./errors.ts";
import { EXIT } from "./exit.ts";
import { printError } from "./report.ts";

const COMMANDS: readonly Command[] = [...WORKING_COMMANDS, helpCommand, versionCommand];

/** Runs a whole command line, without the program's own name. Prints every error itself. @returns the exit code */
export async function run(argv: readonly string[], ctx: Context): Promise<number> {
  const beforeTerminator = argv.includes("--") ? argv.slice(0, argv.indexOf("--")) : argv;
  const json = beforeTerminator.includes("--json");
  try {
    const code = await dispatch(argv, beforeTerminator, ctx, json);
    if (ctx.out.failure === undefined) return code;
    throw new CliError("ERR_CLI_UNEXPECTED", `The output cannot be written: ${ctx.out.failure.message}`);
  } catch (error) {
    return printError(error, ctx, json);
  }
}

async function dispatch(argv: readonly string[], options: readonly string[], ctx: Context, json: boolean): Promise<number> {
  const [first, ...rest] = argv;
  const wantsHelp = options.includes("--help") || options.includes("-h");
  if (first === undefined) {
    // Somebody who types the name alone wants to know; a script that does has made a mistake.
    await helpCommand.run([], ctx);
    return EXIT.usage;
  }
  if (first === "--version" || first === "-v" || first === "-V") return versionCommand.run(rest, ctx);
  if (first.startsWith("-")) {
    if (wantsHelp) return helpCommand.run(json ? ["--json"] : [], ctx);
    throw new CliError("ERR_CLI_ARGUMENTS", "The command comes first, its options after it", { fix: "See `sojourn help`." });
  }
  const command = COMMANDS.find(({ name }) => name === first);
  if (command === undefined) throw unknownCommand(first);
  return wantsHelp ? printCommandHelp(command, ctx, json) : command.run(rest, ctx);
}

function unknownCommand(name: string): CliError {
  // Anything longer could be an id.
  if (!/^[a-z][a-z-]{0,19}$/i.test(name)) {
    return new CliError("ERR_CLI_UNKNOWN_COMMAND", undefined, {
      fix: "To look at a session: `sojourn inspect ID`. See `sojourn help`.",
    });
  }
  const close = closest(
    name,
    COMMANDS.map((command) => command.name),
  );
  const hint = close === undefined ? {} : { fix: `Did you mean \`sojourn ${close}\`?` };
  return new CliError("ERR_CLI_UNKNOWN_COMMAND", `There is no command ${name}`, hint);
}
