import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { problemsOf, run, runTool } from "./command.ts";
import { type Consumer, installed, runtimesAtHand } from "./consumer.ts";
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
      return [...(await faultsOfUse(root, consumer, manifest)), ...(await faultsOfTypes(root, consumer, manifest))];
    } finally {
      consumer.remove();
    }
  },
};

/** Loads every subpath, counts visits on every store and asks the program for its version, on each runtime at hand. */
async function faultsOfUse(root: string, { folder }: Consumer, manifest: Manifest): Promise<string[]> {
  const subpaths = entriesOf(manifest).entries.map(({ subpath }) => subpath);
  copyFileSync(join(root, "scripts/check/consumer/smoke.mjs"), join(folder, "smoke.mjs"));
  const problems: string[] = [];
  for (const { label, program, args, sqlite } of await runtimesAtHand(root)) {
    const stores = ["memory", "file", ...(sqlite ? ["sqlite"] : [])];
    const smoke = await run(program, [...args, "smoke.mjs", ...subpaths, "--", ...stores], { cwd: folder });
    problems.push(...problemsOf(smoke, "smoke.mjs").map((said) => `on ${label}: ${said}`));
    for (const [name, path] of Object.entries(manifest.bin)) {
      const file = join("node_modules", manifest.name, path);
      const told = await run(program, [...args, file, "--version"], { cwd: folder });
      const right = told.code === 0 && told.output.includes(manifest.version);
      if (!right) problems.push(`on ${label}: \`${name} --version\` ended with ${told.code}: ${told.output.trimEnd()}`);
    }
  }
  return problems;
}

/** Compiles an application against the declarations of every subpath, these and their libraries' included. */
async function faultsOfTypes(root: string, { folder }: Consumer, manifest: Manifest): Promise<string[]> {
  copyFileSync(join(root, "scripts/check/consumer/typed.ts"), join(folder, "typed.ts"));
  const names = entriesOf(manifest).entries.map(({ subpath }) => subpath.replace(/^\./, manifest.name));
  writeFileSync(join(folder, "all.ts"), names.map((name) => `import "${name}";\n`).join(""));
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
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["typed.ts", "all.ts"] }));
  const { code, output } = await runTool(root, "tsc", ["-p", "tsconfig.json", "--pretty", "false"], folder);
  // Other libraries are linked from elsewhere, and what is wrong within them is not ours.
  if (code === 0) return [];
  const said = output.split("\n").filter((line) => line !== "");
  return said.length === 0 ? [`tsc ended with ${code}`] : said.filter((line) => !line.startsWith(".."));
}
