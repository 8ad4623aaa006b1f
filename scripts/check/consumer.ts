import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { run, runNpm } from "./command.ts";

/** An application that has installed the package, in a folder where nothing else can be found. */
export interface Consumer {
  readonly folder: string;
  readonly problems: readonly string[];
  remove(): void;
}

/** Packages whose types the package names: an application that uses such a subpath has them. */
const PEERS_OF_TYPES = ["@types/node", "@types/express", "@types/koa", "fastify", "hono"];

/** Installs the tarball without a network into a new folder. */
export async function installed(root: string, tarball: string): Promise<Consumer> {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-consumer-"));
  const remove = (): void => {
    rmSync(folder, { recursive: true, force: true });
  };
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "consumer", private: true, type: "module" }));
  const args = [
    "install",
    "--offline",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--omit=optional",
    "--omit=peer",
    tarball,
  ];
  const npm = await runNpm(args, folder);
  if (npm.code !== 0) return { folder, problems: [npm.output.trimEnd()], remove };
  const came = readdirSync(join(folder, "node_modules")).filter((name) => !name.startsWith("."));
  const problems = came.join(" ") === "sojourn" ? [] : [`an install brings along more than sojourn: ${came.join(", ")}`];
  link(root, folder, "devalue");
  for (const name of PEERS_OF_TYPES) link(root, folder, name);
  return { folder, problems, remove };
}

function link(root: string, folder: string, name: string): void {
  const place = join(folder, "node_modules", name);
  mkdirSync(dirname(place), { recursive: true });
  symlinkSync(join(root, "node_modules", name), place);
}

/** A program that runs JavaScript. */
export interface Runtime {
  readonly label: string;
  readonly program: string;
  /** What comes before the file. */
  readonly args: readonly string[];
  /** Whether it brings SQLite along. */
  readonly sqlite: boolean;
}

/**
 * What there is to try the package on, each version once: the Node.js that runs this, others on the way of `PATH` or named in
 * `CHECK_NODES`, and the project's own Bun and Deno.
 */
export async function runtimesAtHand(root: string): Promise<Runtime[]> {
  const { PATH = "", CHECK_NODES = "" } = process.env;
  const named = CHECK_NODES.split(delimiter).filter((path) => path !== "");
  const onPath = PATH.split(delimiter).map((folder) => join(folder, "node"));
  const found = new Map<string, Runtime>();
  for (const program of [process.execPath, ...named, ...onPath]) {
    const version = await versionOf(program);
    if (version !== undefined)
      found.set(version, { label: `Node.js ${version}`, program, args: [], sqlite: hasSqlite(version) });
  }
  for (const [name, args] of Object.entries({ bun: ["run"], deno: ["run", "--allow-all"] })) {
    const program = join(root, "node_modules/.bin", name);
    const version = await versionOf(program);
    if (version !== undefined) found.set(`${name} ${version}`, { label: `${name} ${version}`, program, args, sqlite: true });
  }
  return [...found.values()];
}

async function versionOf(program: string): Promise<string | undefined> {
  const { code, output } = await run(program, ["--version"], { cwd: tmpdir() });
  return code === 0 ? /\d+\.\d+\.\d+/.exec(output)?.[0] : undefined;
}

/** `node:sqlite` is there from 22.13 on. */
function hasSqlite(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > 22 || (major === 22 && minor >= 13);
}
