import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { problemsOf, runTool } from "./command.ts";
import { importsOf, packageOf } from "./imports.ts";
import { type Entry, entriesOf, type Manifest, manifestOf } from "./manifest.ts";
import { namesOf } from "./names.ts";
import { pack } from "./pack.ts";
import type { Step } from "./step.ts";
import { filesOf, textOf } from "./tree.ts";

/** Where the public names are kept, so that a change of them is seen in a diff. */
export const NAMES_FILE = "test/package/exports.json";

/** package.json's exports, the files behind them and the names in these; then publint and attw on the package as it is sent. */
export const exports: Step = {
  name: "exports",
  title: "package.json's exports, the files behind them, and their names",
  run: async ({ root, update }) => {
    const manifest = manifestOf(root);
    const { entries, problems } = entriesOf(manifest);
    const missing = entries.filter(({ source }) => !existsSync(join(root, source)));
    const present = entries.filter((entry) => !missing.includes(entry));
    const own = [
      ...problems,
      ...missing.map(({ subpath, source }) => `package.json: ${subpath} stands for ${source}, which is missing`),
      ...unexported(root, entries),
      ...faultsOfPeers(root, manifest),
      ...changedNames(root, present, update),
    ];
    return own.length > 0 ? own : faultsOfPackage(root, entries);
  },
};

/** Stores and adapters that stand in `src/` and have no subpath. */
function unexported(root: string, entries: readonly Entry[]): string[] {
  const sources = new Set(entries.map(({ source }) => source));
  return filesOf(root, (path) => /^src\/(stores|adapters)\/[^_/][^/]*\.ts$/.test(path))
    .filter((path) => !sources.has(path))
    .map((path) => `${path}:1: no subpath of package.json stands for it`);
}

/** Nothing comes along with an install; what the sources name, types included, is a peer, and every peer is optional. */
function faultsOfPeers(
  root: string,
  { dependencies = {}, peerDependencies = {}, peerDependenciesMeta = {} }: Manifest,
): string[] {
  const named = filesOf(root, (path) => /^src\/.*\.ts$/.test(path)).flatMap((path) => {
    return importsOf(root, path).flatMap(({ specifier, line }) => {
      const name = specifier.startsWith(".") || specifier.startsWith("node:") ? undefined : packageOf(specifier);
      return name === undefined || Object.hasOwn(peerDependencies, name)
        ? []
        : [`${path}:${line}: \`${name}\` is no peer of package.json`];
    });
  });
  return [
    ...Object.keys(dependencies).map((name) => `package.json: \`${name}\` is a dependency; there is to be none`),
    ...Object.keys(peerDependencies)
      .filter((name) => peerDependenciesMeta[name]?.optional !== true)
      .map((name) => `package.json: the peer \`${name}\` has to be optional`),
    ...named,
  ];
}

/** The public names, subpath by subpath, against those that were written down. */
function changedNames(root: string, entries: readonly Entry[], update: boolean): string[] {
  const now = Object.fromEntries(entries.map(({ subpath, source }) => [subpath, namesOf(root, source)]));
  if (update) writeFileSync(join(root, NAMES_FILE), `${JSON.stringify(now, undefined, 2)}\n`);
  if (!existsSync(join(root, NAMES_FILE)))
    return [`${NAMES_FILE}: missing; \`npm run check -- exports --update\` writes it`];
  const before = JSON.parse(textOf(root, NAMES_FILE)) as Record<string, string[]>;
  const told = [...new Set([...Object.keys(before), ...Object.keys(now)])].flatMap((subpath) => {
    const [was, is] = [before[subpath] ?? [], now[subpath] ?? []];
    return [
      ...is
        .filter((name) => !was.includes(name))
        .map((name) => `${NAMES_FILE}: ${subpath} exports \`${name}\`, which is new`),
      ...was.filter((name) => !is.includes(name)).map((name) => `${NAMES_FILE}: ${subpath} no longer exports \`${name}\``),
    ];
  });
  return told.length === 0 ? [] : [...told, "`npm run check -- exports --update` writes them down, if they are meant"];
}

async function faultsOfPackage(root: string, entries: readonly Entry[]): Promise<string[]> {
  const packed = await pack(root);
  if (packed.problems.length > 0) return [...packed.problems];
  const built = entries.flatMap(({ subpath, code, types }) => {
    return [code, types]
      .filter((path) => !packed.files.has(path))
      .map((path) => `${subpath}: ${path} is not in the package`);
  });
  const stale = [...packed.files].filter((path) => path.startsWith("dist/") && !isBuiltFrom(root, path));
  const publint = await runTool(root, "publint", ["run", packed.tarball, "--strict"]);
  const attw = await runTool(root, "attw", [packed.tarball, "--profile", "esm-only", "--no-emoji", "--format", "ascii"]);
  return [
    ...built,
    ...stale.map((path) => `${path}: is in the package, and nothing in src/ makes it`),
    ...problemsOf(publint, "publint"),
    ...problemsOf(attw, "attw"),
  ];
}

function isBuiltFrom(root: string, path: string): boolean {
  if (/^dist\/chunks\/[\w-]+\.js(\.map)?$/.test(path)) return true;
  const source = path.replace(/^dist/, "src").replace(/(\.d\.ts|\.js)(\.map)?$/, ".ts");
  return existsSync(join(root, source));
}
