import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build as buildPackage } from "../build/build.ts";
import { runNpm } from "./command.ts";
import { manifestOf } from "./manifest.ts";

/** The package as it would be published. */
export interface Packed {
  /** The tarball, absolute. */
  readonly tarball: string;
  /** The files in it, relative to the package. */
  readonly files: ReadonlySet<string>;
  readonly problems: readonly string[];
}

const NOTHING = { tarball: "", files: new Set<string>() };
const SOURCES = ["package.json", "tsconfig.json", "tsconfig.build.json", "src", "README.md", "CHANGELOG.md", "LICENSE"];
const made = new Map<string, Promise<Packed>>();

/** Builds the project afresh in a folder of its own, without touching `dist`, and packs it; once in a process. */
export function pack(root: string): Promise<Packed> {
  const packed = made.get(root) ?? build(root);
  made.set(root, packed);
  return packed;
}

async function build(root: string): Promise<Packed> {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-pack-"));
  process.once("exit", () => {
    rmSync(folder, { recursive: true, force: true });
  });
  const content = join(folder, "content");
  mkdirSync(content);
  for (const name of SOURCES)
    if (existsSync(join(root, name))) cpSync(join(root, name), join(content, name), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(content, "node_modules"));
  const built = await buildPackage(content);
  if (built.length > 0) return { ...NOTHING, problems: built };
  const tool = await runNpm(["pack", "--ignore-scripts", "--json", "--pack-destination", folder], content);
  if (tool.code !== 0) return { ...NOTHING, problems: [tool.output.trimEnd()] };
  const [told] = JSON.parse(tool.output.slice(tool.output.indexOf("["))) as {
    filename: string;
    files: { path: string }[];
  }[];
  if (told === undefined) return { ...NOTHING, problems: ["npm pack made nothing"] };
  const files = new Set(told.files.map(({ path }) => path));
  return { tarball: join(folder, told.filename), files, problems: lacking(root, files) };
}

/** What has to come along with the package, whatever else does. */
function lacking(root: string, files: ReadonlySet<string>): string[] {
  const programs = Object.values(manifestOf(root).bin).map((path) => path.replace(/^\.\//, ""));
  return ["README.md", "CHANGELOG.md", "LICENSE", ...programs]
    .filter((path) => !files.has(path))
    .map((path) => `${path} is not in the package`);
}
