import { ERROR_TABLE, isSessionError, type SessionErrorCode } from "../core/errors.ts";
import type { Context } from "./context.ts";
import { detailOf } from "./detail.ts";
import { CliError } from "./errors.ts";
import { escapeText } from "./escape.ts";
import { EXIT } from "./exit.ts";
import { wrap } from "./help.ts";
import { printJson } from "./json.ts";

const INDENT = " ".repeat("error  ".length);

/** An error as the program reports it. */
export interface Report {
  readonly code: string;
  readonly title: string;
  /** What exactly went wrong; absent where the title says it all. */
  readonly message?: string;
  /** The message of the error behind it. */
  readonly cause?: string;
  readonly fix: string;
  readonly exitCode: number;
}

const EXIT_OF: Partial<Record<SessionErrorCode, number>> = {
  ERR_SESSION_CONFIG: EXIT.configuration,
  ERR_SESSION_UNREADABLE: EXIT.unreadable,
  ERR_SESSION_USAGE: EXIT.usage,
};

/** An error as it is reported, free of what the user typed as a session's id. */
function reportOf(error: unknown, secrets: Iterable<string>): Report {
  const report = rawReport(error);
  const clean = (text: string): string => escapeText(withoutSecrets(text, secrets));
  const { message, cause } = report;
  return {
    code: report.code,
    title: report.title,
    ...(message === undefined || message === report.title ? {} : { message: clean(message) }),
    ...(cause === undefined ? {} : { cause: clean(cause) }),
    fix: clean(report.fix),
    exitCode: report.exitCode,
  };
}

function rawReport(error: unknown): Report {
  if (error instanceof CliError) {
    const { code, title, message, fix } = error;
    // The configuration's own error is the message already.
    return { code, title, message, fix, exitCode: error.exit };
  }
  if (isSessionError(error)) {
    const { code, fix } = error;
    const { title } = ERROR_TABLE[code];
    return { code, title, message: detailOf(error), ...causeOf(error), fix, exitCode: EXIT_OF[code] ?? EXIT.failed };
  }
  const { code, title, message, fix, exit } = new CliError("ERR_CLI_UNEXPECTED", messageOf(error));
  return { code, title, message, fix, exitCode: exit };
}

function causeOf(error: Error): { cause?: string } {
  return error.cause === undefined ? {} : { cause: messageOf(error.cause) };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : "It is no error object";
}

function withoutSecrets(text: string, secrets: Iterable<string>): string {
  let clean = text;
  // The longest first, as a whole cookie holds its value.
  for (const secret of [...secrets].sort((a, b) => b.length - a.length)) clean = clean.replaceAll(secret, "[not shown]");
  return clean;
}

/** Prints an error, for people or as JSON, and gives the exit code. */
export async function printError(error: unknown, ctx: Context, json: boolean): Promise<number> {
  const report = reportOf(error, ctx.secrets);
  if (json) {
    await printJson(ctx.err, { error: report });
    return report.exitCode;
  }
  const { style } = ctx.err;
  const details = [report.message, report.cause === undefined ? undefined : `Because: ${report.cause}`];
  await ctx.err.line(`${style.red(style.bold("error"))}  ${style.bold(report.title)} ${style.dim(`(${report.code})`)}`);
  // On a terminal in lines that it holds; elsewhere each in one, for those who search.
  const indented = (text: string): string =>
    ctx.err.isTerminal ? wrap(text, ctx.err, INDENT).join("\n").trimStart() : text;
  for (const detail of details) if (detail !== undefined) await ctx.err.line(INDENT + indented(detail));
  await ctx.err.line(`  ${style.green("fix")}  ${indented(report.fix)}`);
  return report.exitCode;
}
