import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { StoreFamily } from "../../test/stores/families/family.ts";
import { programOf, type ServerName } from "../../test/servers/programs.ts";

/** What a run was made on: a name and its version. */
export type Versions = Readonly<Record<string, string>>;

const SHOWN: Readonly<Record<ServerName, string>> = {
  redis: "Redis",
  postgres: "PostgreSQL",
  mariadb: "MariaDB",
  memcached: "Memcached",
  django: "Django",
};

/** The versions of the runtime, of the servers and of the packages that these stores stand on. */
export function versionsOf(families: readonly StoreFamily[]): { readonly servers: Versions; readonly packages: Versions } {
  const names = new Set(families.flatMap(({ parts }) => parts.flatMap(({ needs }) => needs)));
  const servers = [...names].map((name) => [SHOWN[name], serverVersion(name)] as const);
  const packages = [...new Set(families.flatMap((family) => family.packages ?? []))].toSorted();
  return {
    servers: { "Node.js": process.versions.node, SQLite: sqliteVersion(), ...Object.fromEntries(servers) },
    packages: Object.fromEntries(packages.map((name) => [name, packageVersion(name)])),
  };
}

function serverVersion(name: ServerName): string {
  const program = programOf(name);
  if (program === undefined) throw new Error(`${name} is not installed; \`npm run servers\` installs it`);
  const { stdout } = spawnSync(program, ["--version"], { encoding: "utf8" });
  const version = /\d+(?:\.\d+)+/.exec(stdout)?.[0];
  if (version === undefined) throw new Error(`${program} does not say its version: ${stdout}`);
  return version;
}

function sqliteVersion(): string {
  const database = new DatabaseSync(":memory:");
  const { version } = database.prepare("SELECT sqlite_version() AS version").get() as { version: string };
  database.close();
  return version;
}

function packageVersion(name: string): string {
  const path = join(import.meta.dirname, "../../node_modules", name, "package.json");
  return (JSON.parse(readFileSync(path, "utf8")) as { version: string }).version;
}
