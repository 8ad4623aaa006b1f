import { rmSync } from "node:fs";
import { join } from "node:path";
import { problemsOf, runTool } from "../check/command.ts";
import { bundle } from "./bundle.ts";

/** Writes a project's `dist/` anew: declarations file by file, by the compiler, and the code in chunks. Gives what went wrong. */
export async function build(root: string): Promise<string[]> {
  const dist = join(root, "dist");
  rmSync(dist, { recursive: true, force: true });
  const problems = problemsOf(await runTool(root, "tsc", ["-p", "tsconfig.build.json", "--pretty", "false"]), "tsc");
  return problems.length > 0 ? problems : bundle(root, dist);
}
