import type { Command, OptionSpec, OptionTable } from "./context.ts";
import type { Output } from "./output.ts";
import type { Style } from "./style.ts";

const WIDEST = 100;

/** What `sojourn help` prints. */
export function programHelp(commands: readonly Command[], out: Output): string {
  const { style } = out;
  const widest = Math.max(...commands.map(({ name }) => name.length));
  const list = commands.map(({ name, summary }) => `  ${style.cyan(name.padEnd(widest))}  ${summary}`);
  return [
    `${style.bold("sojourn")}: look at sessions, end them, and keep their store in order.`,
    "",
    heading("Usage", style),
    "  sojourn COMMAND [OPTIONS]",
    "  sojourn COMMAND --help",
    "",
    heading("Commands", style),
    ...list,
    "",
    heading("Store", style),
    ...wrap(
      "Taken from --store, else SOJOURN_STORE, else sojourn.config.ts (.js, .mjs) in this folder, else sessions.db in this folder if it " +
        "is there. Looking never makes a database.",
      out,
    ),
    "",
    heading("Exit codes", style),
    ...wrap(
      "0 done; 1 failed, or doctor found what must be fixed; 2 the command line is wrong; 3 no such session; 4 the session cannot be " +
        "read; 5 no store, or no usable configuration; 130 stopped by Ctrl-C.",
      out,
    ),
  ].join("\n");
}

/** What a command's `--help` prints. */
export function commandHelp({ summary, usage, details, options }: Command, out: Output): string {
  const { style } = out;
  return [
    `${summary}.`,
    "",
    heading("Usage", style),
    ...usage.map((line) => `  ${line}`),
    ...details.flatMap((text) => ["", ...wrap(text, out, "")]),
    "",
    heading("Options", style),
    ...optionLines(options, out),
  ].join("\n");
}

function optionLines(options: OptionTable, out: Output): string[] {
  const names = Object.entries(options).map(([name, spec]) => [optionName(name, spec), spec.help] as const);
  const widest = Math.max(...names.map(([name]) => name.length));
  return names.flatMap(([name, help]) => {
    const [first = "", ...rest] = wrap(help, out, " ".repeat(widest + 4));
    return [`  ${out.style.cyan(name.padEnd(widest))}  ${first.trimStart()}`, ...rest];
  });
}

function optionName(name: string, spec: OptionSpec): string {
  const short = spec.short === undefined ? "    " : `-${spec.short}, `;
  return `${short}--${name}${spec.type === "string" ? ` ${spec.value}` : ""}`;
}

function heading(text: string, style: Style): string {
  return style.bold(text);
}

/** Text in lines that the output holds. */
export function wrap(text: string, out: Output, indent = "  "): string[] {
  const width = Math.min(out.width, WIDEST) - indent.length;
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(indent + line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, indent + line];
}
