import { readFileSync } from "node:fs";
import { COMMON_OPTIONS, readArguments, refusePositionals } from "../args.ts";
import type { Command } from "../context.ts";
import { EXIT } from "../exit.ts";
import { printJson } from "../json.ts";

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

function packageVersion(): string {
  // Three folders up from the source and from the build alike.
  const file = new URL("../../../package.json", import.meta.url);
  const { version } = JSON.parse(readFileSync(file, "utf8")) as { readonly version: string };
  return version;
}
