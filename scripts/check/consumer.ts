import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
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

/**
 * The Node.js programs to try: the one that runs this, and others on the way of `PATH` or named in `CHECK_NODES`, each once.
 */
export async function nodesAtHand(): Promise<{ readonly path: string; readonly version: string }[]> {
  const { PATH = "", CHECK_NODES = "" } = process.env;
  const named = CHECK_NODES.split(delimiter).filter((path) => path !== "");
  const onPath = PATH.split(delimiter).map((folder) => join(folder, "node"));
  const found = new Map<string, { path: string; version: string }>();
  for (const path of [process.execPath, ...named, ...onPath]) {
    const { code, output } = await run(path, ["--version"], { cwd: tmpdir() });
    const version = output.trim();
    if (code === 0 && !found.has(version)) found.set(version, { path: realpathSync(path), version });
  }
  return [...found.values()];
}
