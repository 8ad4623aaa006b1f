import { COMMON_OPTIONS, readArguments, refusePositionals } from "../args.ts";
import type { Command } from "../context.ts";
import { generateKey } from "../../crypto/key-ring.ts";
import { EXIT } from "../exit.ts";
import { printJson } from "../json.ts";

/** `sojourn generate-key`: a new key for sealing and signing. */
export const generateKeyCommand: Command = {
  name: "generate-key",
  summary: "Make a key for a cookie store, a sealed or a signed codec",
  usage: ["sojourn generate-key"],
  details: [
    "Prints 32 random bytes as base64url, and stores nothing. Keep the key out of the source code, for instance in SOJOURN_KEYS. To " +
      "replace a key, put the new one in front of the old one, and drop the old one when what it made has expired.",
  ],
  options: COMMON_OPTIONS,

  async run(argv, ctx) {
    const { options, positionals } = readArguments(argv, COMMON_OPTIONS);
    refusePositionals(positionals, "generate-key");
    const key = generateKey();
    if (options.json) await printJson(ctx.out, { key });
    else await ctx.out.line(key);
    if (ctx.out.isTerminal && !options.json) {
      await ctx.err.line(
        ctx.err.style.dim("Keep it secret, for instance in SOJOURN_KEYS; a new key goes in front of the old ones."),
      );
    }
    return EXIT.ok;
  },
};
