import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { manifestOf } from "./manifest.ts";
import type { Step } from "./step.ts";
import { textOf } from "./tree.ts";

const LOCK = "package-lock.json";

/** What package-lock.json says of one package, as far as it matters here. */
interface Locked {
  readonly version?: string;
  readonly resolved?: string;
  readonly dev?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly optional?: boolean;
  readonly os?: readonly string[];
}

/**
 * `npm ci` takes the lock file, on every platform: it has every package that one of its packages names, those for other platforms
 * included, and its versions are those of package.json. A registry that does not have all of them makes npm leave some out, and
 * `npm ci` then refuses its own lock file; `--update` adds them, by the names that such packages have.
 */
export const lockfile: Step = {
  name: "lockfile",
  title: "package-lock.json is whole, pinned, and names no host",
  run: ({ root, update }) => {
    if (!existsSync(join(root, LOCK))) return [`${LOCK}: missing`];
    const lock = JSON.parse(textOf(root, LOCK)) as { packages: Record<string, Locked> };
    if (update) complete(root, lock);
    const { packages } = lock;
    const { devDependencies } = manifestOf(root);
    const loose = Object.entries(devDependencies).filter(([, version]) => !/^(npm:.+@)?\d+\.\d+\.\d+[\w.-]*$/.test(version));
    const other = Object.entries(devDependencies).filter(
      ([name, version]) => packages[""]?.devDependencies?.[name] !== version,
    );
    const hosts = Object.entries(packages).filter(([, { resolved }]) => resolved !== undefined);
    return [
      ...loose.map(([name, version]) => `package.json: ${name} is not pinned to a version, but ${version}`),
      ...other.map(([name]) => `${LOCK}: has another version of ${name} than package.json`),
      ...hosts.map(([path]) => `${LOCK}: ${path} has a host; .npmrc has \`omit-lockfile-registry-resolved\``),
      ...missing(packages).map(({ name, of }) => `${LOCK}: lacks ${name}, which ${of} names; \`--update\` adds it`),
    ];
  },
};

/** What the packages name and the lock file does not have. */
function missing(packages: Readonly<Record<string, Locked>>): { name: string; version: string; of: string; dev: boolean }[] {
  return Object.entries(packages).flatMap(([path, { dependencies, optionalDependencies, dev = false }]) => {
    return Object.entries({ ...dependencies, ...optionalDependencies })
      .filter(([name]) => !isFound(packages, path, name))
      .map(([name, version]) => ({ name, version, of: path, dev }));
  });
}

/** As Node.js looks for a package: in the folder's own `node_modules`, then further up. */
function isFound(packages: Readonly<Record<string, Locked>>, from: string, name: string): boolean {
  const own = from === "" ? `node_modules/${name}` : `${from}/node_modules/${name}`;
  if (packages[own] !== undefined) return true;
  return from !== "" && isFound(packages, from.slice(0, Math.max(0, from.lastIndexOf("node_modules/") - 1)), name);
}

/** Adds packages for other platforms, whose names tell the platform: `@oxlint/binding-linux-x64-musl`. */
function complete(root: string, lock: { packages: Record<string, Locked> }): void {
  for (const { name, version, dev } of missing(lock.packages)) {
    const [os, cpu, kind] = /^@[^/]+\/(?:binding-)?(?<platform>.+)$/.exec(name)?.groups?.platform?.split("-") ?? [];
    if (os === undefined || cpu === undefined || !/^\d/.test(version)) continue;
    const libc = { gnu: "glibc", glibc: "glibc", musl: "musl", musleabihf: "musl" }[kind ?? ""];
    const entry = {
      version,
      cpu: [cpu],
      ...(dev && { dev }),
      ...(libc !== undefined && { libc: [libc] }),
      optional: true,
      os: [os],
    };
    lock.packages[`node_modules/${name}`] = entry;
  }
  lock.packages = Object.fromEntries(Object.entries(lock.packages).toSorted(([a], [b]) => a.localeCompare(b, "en")));
  writeFileSync(join(root, LOCK), `${JSON.stringify(lock, undefined, 2)}\n`);
}
