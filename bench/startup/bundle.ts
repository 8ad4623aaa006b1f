import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { FRAMEWORKS, type Subject } from "./subjects.ts";

/** The bytes of everything that a subject exports, in one file. */
export interface BundleSize {
  readonly minified: number;
  readonly gzipped: number;
}

/** Bundles all that a subject exports with Bun, minified, without the framework. */
export function bundleSize(root: string, folder: string, { specifiers }: Subject): BundleSize {
  const entry = join(folder, "bundle-entry.mjs");
  const outfile = join(folder, "bundle.mjs");
  const imports = specifiers.map((specifier, index) => `import * as m${index} from ${JSON.stringify(specifier)};\n`);
  // Handed out, so that nothing is left out.
  writeFileSync(entry, `${imports.join("")}globalThis.all = [${specifiers.map((_, index) => `m${index}`).join(", ")}];\n`);
  const without = FRAMEWORKS.flatMap((name) => ["--external", name, "--external", `${name}/*`]);
  const args = ["build", "--minify", "--target=node", "--outfile", outfile, ...without, entry];
  execFileSync(join(root, "node_modules/.bin/bun"), args, { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
  const bundled = readFileSync(outfile);
  return { minified: bundled.byteLength, gzipped: gzipSync(bundled, { level: 9 }).byteLength };
}
