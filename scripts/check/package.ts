import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { problemsOf, run, runTool } from "./command.ts";
import { type Consumer, installed, nodesAtHand } from "./consumer.ts";
import { entriesOf, type Manifest, manifestOf } from "./manifest.ts";
import { pack } from "./pack.ts";
import type { Step } from "./step.ts";

/** The package as an application gets it: installed without a network, loaded, used, compiled against. */
export const builtPackage: Step = {
  name: "package",
  title: "the package, installed as an application gets it",
  run: async ({ root }) => {
    const packed = await pack(root);
    if (packed.problems.length > 0) return packed.problems;
    const consumer = await installed(root, packed.tarball);
    try {
      if (consumer.problems.length > 0) return consumer.problems;
      const manifest = manifestOf(root);
      return [...(await faultsOfUse(root, consumer, manifest)), ...(await faultsOfTypes(root, consumer))];
    } finally {
      consumer.remove();
    }
  },
};

/** Loads every subpath, counts visits on every store and asks the program for its version, on each Node.js at hand. */
async function faultsOfUse(root: string, { folder }: Consumer, manifest: Manifest): Promise<string[]> {
  const subpaths = entriesOf(manifest).entries.map(({ subpath }) => subpath);
  copyFileSync(join(root, "scripts/check/consumer/smoke.mjs"), join(folder, "smoke.mjs"));
  const problems: string[] = [];
  for (const { path, version } of await nodesAtHand()) {
    const stores = hasSqlite(version) ? ["memory", "file", "sqlite"] : ["memory", "file"];
    const smoke = await run(path, ["smoke.mjs", ...subpaths, "--", ...stores], { cwd: folder });
    problems.push(...problemsOf(smoke, `smoke.mjs on Node.js ${version}`));
    for (const [name, program] of Object.entries(manifest.bin)) {
      const told = await run(path, [join("node_modules", manifest.name, program), "--version"], { cwd: folder });
      const right = told.code === 0 && told.output.includes(manifest.version);
      if (!right)
        problems.push(`\`${name} --version\` on Node.js ${version} ended with ${told.code}: ${told.output.trimEnd()}`);
    }
  }
  return problems;
}

/** `node:sqlite` is there from 22.13 on, and in 24. */
function hasSqlite(version: string): boolean {
  const [major = 0, minor = 0] = version.replace(/^v/, "").split(".").map(Number);
  return major > 22 || (major === 22 && minor >= 13);
}

/** Compiles an application against the declarations, these and their libraries' included. */
async function faultsOfTypes(root: string, { folder }: Consumer): Promise<string[]> {
  copyFileSync(join(root, "scripts/check/consumer/typed.ts"), join(folder, "typed.ts"));
  const compilerOptions = {
    target: "es2024",
    module: "nodenext",
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    types: ["node"],
    noEmit: true,
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["typed.ts"] }));
  return problemsOf(await runTool(root, "tsc", ["-p", "tsconfig.json"], folder), "tsc");
}
