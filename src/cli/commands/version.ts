import { COMMON_OPTIONS, readArguments, refusePositionals } from "../args.ts";
import type { Command } from "../context.ts";
import { EXIT } from "../exit.ts";
import { printJson } from "../json.ts";
import { packageVersion } from "../package-version.ts";

/** `sojourn --version`: the package's version. */
export const versionCommand: Command = {
  name: "version",
  summary: "Print the version",
  usage: ["sojourn --version"],
  details: [],
  options: COMMON_OPTIONS,

  async run(argv, ctx) {
    const { options, positionals } = readArguments(argv, COMMON_OPTIONS);
    refusePositionals(positionals, "--version");
    const version = packageVersion();
    if (options.json) await printJson(ctx.out, { version, node: process.versions.node });
    else await ctx.out.line(version);
    return EXIT.ok;
  },
};
