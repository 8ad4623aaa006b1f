import { isUtf8 } from "node:buffer";
import { readArguments, refusePositionals } from "../args.ts";
import type { Command, OptionTable } from "../context.ts";
import { djangoCodec } from "../../django/session-codec.ts";
import { asciiJson, FORMAT_OPTIONS, isSessionJson, keysOf, requireFormat } from "../django-format.ts";
import { EXIT } from "../exit.ts";
import { answerLines } from "../lines.ts";
import { counted } from "../moments.ts";

const OPTIONS = {
  legacy: { type: "boolean", help: "Write the format of Django before 3.1." },
  ...FORMAT_OPTIONS,
} as const satisfies OptionTable;

/** `sojourn encode`: JSON as Django stores it, line by line. */
export const encodeCommand: Command = {
  name: "encode",
  summary: "Encode JSON as Django's session_data, line by line",
  usage: ["sojourn encode --format django [--salt SALT] [--legacy]"],
  details: [
    "The inverse of decode: reads one JSON object a line from the standard input, and prints a line for each: its text as it is, signed now " +
      "with SECRET_KEY from the environment. What is not ASCII is escaped, as Python does. A line that is no JSON object gives an empty " +
      "line, and exit code 1 in the end.",
  ],
  options: OPTIONS,

  async run(argv, ctx) {
    const { options, positionals } = readArguments(argv, OPTIONS);
    refusePositionals(positionals, "encode");
    requireFormat(options.format);
    const codec = djangoCodec({ keys: keysOf(ctx), salt: options.salt, legacy: options.legacy ? "write" : "refuse" });
    const { lines, refused } = await answerLines(ctx.input, ctx.out, encoded, "");
    if (refused === 0) return EXIT.ok;
    if (!options.json) await ctx.err.line(`No JSON object: ${refused} of ${counted(lines, "line")}.`);
    return EXIT.failed;

    function encoded(line: Buffer): string | undefined {
      const json = isUtf8(line) ? line.toString() : "";
      return isSessionJson(json) ? codec.encode(asciiJson(json), { place: "" }) : undefined;
    }
  },
};
