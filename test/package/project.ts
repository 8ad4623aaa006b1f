import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import type { Step } from "../../scripts/check/step.ts";

/** This project's folder. */
export const ROOT = join(import.meta.dirname, "../..");

/** A project in a folder of its own, to plant faults in. */
export interface Project {
  readonly root: string;
  /** Writes a file, with its folders. */
  write(path: string, text: string): void;
  /** What a step finds in it. */
  problems(step: Step, update?: boolean): Promise<readonly string[]>;
}

/** What the tools are configured by. */
const CONFIGURATION = [".oxfmtrc.json", ".oxlintrc.json", "tsconfig.json", "tsconfig.build.json", "knip.json"];

/** An empty project with this one's configuration and tools; removed when the test ends. */
export function project(t: TestContext): Project {
  const root = mkdtempSync(join(tmpdir(), "sojourn-check-"));
  t.after(() => {
    rmSync(root, { recursive: true, force: true });
  });
  for (const name of CONFIGURATION) cpSync(join(ROOT, name), join(root, name));
  writeFileSync(join(root, "package.json"), manifest({}));
  symlinkSync(join(ROOT, "node_modules"), join(root, "node_modules"));
  return {
    root,
    write: (path, text) => {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    },
    problems: async (step, update = false) => step.run({ root, update }),
  };
}

/** A package.json with these subpaths, each as path of its source without `src/` and `.ts`. */
export function manifest(subpaths: Readonly<Record<string, string>>, more: object = {}): string {
  const exports = Object.fromEntries(
    Object.entries(subpaths).map(([subpath, stem]) => [
      subpath,
      { "sojourn:source": `./src/${stem}.ts`, types: `./dist/${stem}.d.ts`, default: `./dist/${stem}.js` },
    ]),
  );
  const rest = {
    name: "sojourn",
    version: "0.0.1",
    license: "MIT",
    type: "module",
    files: ["dist", "CHANGELOG.md"],
    bin: {},
    sideEffects: false,
  };
  return `${JSON.stringify({ ...rest, exports, scripts: {}, devDependencies: {}, ...more }, undefined, 2)}\n`;
}
