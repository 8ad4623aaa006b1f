import { textOf } from "./tree.ts";

/** One subpath of the package, and the files that stand behind it. */
export interface Entry {
  /** As in `exports`: `.`, `./fetch` … */
  readonly subpath: string;
  /** The TypeScript source, relative to the project: `src/adapters/fetch.ts`. */
  readonly source: string;
  readonly types: string;
  readonly code: string;
}

/** What the checks read of package.json. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, unknown>>;
  readonly bin: Readonly<Record<string, string>>;
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
  readonly sideEffects?: boolean;
}

/** The project's package.json. */
export function manifestOf(root: string): Manifest {
  return JSON.parse(textOf(root, "package.json")) as Manifest;
}

/**
 * The entries of `exports` that have the three conditions which every subpath of ours has, and what is wrong with the others.
 * `./package.json` stands for itself.
 */
export function entriesOf(manifest: Manifest): { readonly entries: readonly Entry[]; readonly problems: readonly string[] } {
  const entries: Entry[] = [];
  const problems: string[] = [];
  for (const [subpath, value] of Object.entries(manifest.exports)) {
    if (subpath === "./package.json") continue;
    const entry = entryOf(subpath, value);
    if (typeof entry === "string") problems.push(`package.json: exports["${subpath}"] ${entry}`);
    else entries.push(entry);
  }
  return { entries, problems };
}

function entryOf(subpath: string, value: unknown): Entry | string {
  if (typeof value !== "object" || value === null) return "is no table of conditions";
  const keys = Object.keys(value).join(", ");
  if (keys !== "sojourn:source, types, default") return `needs sojourn:source, types and default in this order, has ${keys}`;
  const { "sojourn:source": source, types, default: code } = value as Record<string, string>;
  const stem = /^\.\/src\/(?<stem>.+)\.ts$/.exec(source ?? "")?.groups?.stem;
  if (stem === undefined) return "has a source that is no .ts file of src/";
  if (types !== `./dist/${stem}.d.ts` || code !== `./dist/${stem}.js`) return "names another file in dist/ than in src/";
  return { subpath, source: `src/${stem}.ts`, types: `dist/${stem}.d.ts`, code: `dist/${stem}.js` };
}
