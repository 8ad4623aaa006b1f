import { readdirSync } from "node:fs";
import { join } from "node:path";
import { problemsOf, runTool } from "./command.ts";
import type { Step } from "./step.ts";

/** Everything is written as oxfmt writes it. With `--update` it is put right. */
export const format: Step = {
  name: "format",
  title: "oxfmt",
  run: async ({ root, update }) => problemsOf(await runTool(root, "oxfmt", [update ? "--write" : "--check", "."]), "oxfmt"),
};

/** oxlint, with the rules that know types. */
export const lint: Step = {
  name: "lint",
  title: "oxlint, type-aware",
  run: async ({ root }) => problemsOf(await runTool(root, "oxlint", ["--deny-warnings", "--format", "unix"]), "oxlint"),
};

/** Sources, tests, examples and scripts compile; so do the tests of types, where an error that is expected has to be one. */
export const types: Step = {
  name: "types",
  title: "tsc, and the tests of types",
  run: async ({ root }) => {
    const problems = problemsOf(await runTool(root, "tsc", ["-p", ".", "--pretty", "false"]), "tsc");
    const tests = readdirSync(join(root, "test/types")).filter((name) => name.endsWith(".test-d.ts"));
    return tests.length > 0 ? problems : [...problems, "test/types: there is no test of types"];
  },
};

/** Nothing is exported, installed or left lying about without use. */
export const deadCode: Step = {
  name: "dead-code",
  title: "knip",
  run: async ({ root }) => problemsOf(await runTool(root, "knip", ["--no-progress"]), "knip"),
};
