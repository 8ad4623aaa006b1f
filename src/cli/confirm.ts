import { createInterface } from "node:readline/promises";
import type { Context } from "./context.ts";
import { CliError } from "./errors.ts";

/**
 * Asks before something that cannot be undone. Where nobody can answer (no terminal) it does not ask: a script means what it says.
 *
 * @param question made only when it is asked
 * @throws {CliError} ERR_CLI_CANCELLED for any answer but yes
 */
export async function confirm(ctx: Context, question: () => Promise<string> | string, yes: boolean): Promise<void> {
  if (yes || !ctx.input.isTTY || !ctx.err.isTerminal) return;
  await ctx.err.write(`${await question()} ${ctx.err.style.dim("[y/N]")} `);
  // Without an output of its own it echoes nothing: the terminal does.
  const reader = createInterface({ input: ctx.input });
  const answer = await new Promise<string>((resolve) => {
    reader.once("line", resolve);
    reader.once("close", () => resolve(""));
  });
  reader.close();
  if (!/^\s*y(?:es)?\s*$/i.test(answer)) throw new CliError("ERR_CLI_CANCELLED");
}
