import { readArguments, refusePositionals } from "../args.ts";
import { CodecError } from "../../codec/codec.ts";
import type { Command, OptionTable } from "../context.ts";
import { djangoCodec } from "../../django/session-codec.ts";
import { asciiJson, FORMAT_OPTIONS, isSessionJson, keysOf, MAX_JSON_BYTES, requireFormat } from "../django-format.ts";
import { EXIT } from "../exit.ts";
import { answerLines } from "../lines.ts";
import { counted } from "../moments.ts";

const OPTIONS = {
  legacy: { type: "boolean", help: "Read also what Django wrote before 3.1, and signatures of SHA-1, as 3.1 and 3.2 do." },
  ...FORMAT_OPTIONS,
} as const satisfies OptionTable;

/** `sojourn decode`: Django's stored values as JSON, line by line. */
export const decodeCommand: Command = {
  name: "decode",
  summary: "Decode Django's session_data, line by line",
  usage: ["sojourn decode --format django [--salt SALT] [--legacy]"],
  details: [
    "Reads one session_data a line from the standard input and prints a line of JSON for each: the text exactly as it was signed, or {} " +
      "where the value is not valid, as Django has it. As long as the input may be, it takes no more memory.",
    "SECRET_KEY and SECRET_KEY_FALLBACKS (with commas between them) come from the environment. The values of Django's signed_cookies have " +
      "the salt django.contrib.sessions.backends.signed_cookies; their age is not looked at.",
  ],
  options: OPTIONS,

  async run(argv, ctx) {
    const { options, positionals } = readArguments(argv, OPTIONS);
    refusePositionals(positionals, "decode");
    requireFormat(options.format);
    const legacy = options.legacy ? "read" : "refuse";
    const codec = djangoCodec({ keys: keysOf(ctx), salt: options.salt, legacy, maxBytes: MAX_JSON_BYTES });
    const { lines, refused } = await answerLines(ctx.input, ctx.out, decoded, "{}");
    if (refused > 0 && !options.json) {
      await ctx.err.line(ctx.err.style.dim(`Not valid: ${refused} of ${counted(lines, "value")}.`));
    }
    return EXIT.ok;

    function decoded(line: Buffer): string | undefined {
      try {
        const json = codec.decode(line.toString(), { place: "" });
        // Line breaks can only stand between the parts of JSON.
        return isSessionJson(json) ? asciiJson(json.replace(/[\r\n]/g, " ")) : undefined;
      } catch (error) {
        if (error instanceof CodecError) return undefined;
        throw error;
      }
    }
  },
};
