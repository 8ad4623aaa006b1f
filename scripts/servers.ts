import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { SERVERS, programOf, type ServerName } from "../test/servers/programs.ts";

// `npm run servers`: installs the server programs that the tests on real servers need and that are missing.

const POLICY = "/usr/sbin/policy-rc.d";

function main(): number {
  const missing: ServerName[] = [];
  for (const name of Object.keys(SERVERS) as ServerName[]) {
    const program = programOf(name);
    if (program === undefined) missing.push(name);
    else console.log(`${name}: ${versionOf(program)} (${program})`);
  }
  if (missing.length === 0) return 0;

  const packages = missing.flatMap((name) => SERVERS[name].debian.split(" "));
  const command = `apt-get install --no-install-recommends ${packages.join(" ")}`;
  if (!isDebian()) {
    console.log(`Missing: ${missing.join(", ")}. Install with your system's packages:`);
    for (const name of missing) console.log(`  ${name}: ${SERVERS[name].elsewhere}`);
    return 0;
  }
  if (process.getuid?.() !== 0) {
    console.log(`Missing: ${missing.join(", ")}. Run as root: ${command}`);
    return 0;
  }
  return install(missing, packages);
}

function install(missing: readonly ServerName[], packages: readonly string[]): number {
  const withheld = withholdServices();
  try {
    run("apt-get", ["update", "-qq"]);
    const code = run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages]);
    if (code !== 0) return code;
  } finally {
    withheld.undo();
  }
  let failures = 0;
  for (const name of missing) {
    const program = programOf(name);
    console.log(
      program === undefined ? `${name}: installed, and still not found` : `${name}: ${versionOf(program)} (${program})`,
    );
    if (program === undefined) failures += 1;
  }
  return failures === 0 ? 0 : 1;
}

/** Keeps the packages from starting services: the tests start their own servers, on their own ports. */
function withholdServices(): { undo(): void } {
  // Whoever put a policy there has decided about services already.
  if (existsSync(POLICY)) return { undo() {} };
  writeFileSync(POLICY, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  return { undo: () => rmSync(POLICY, { force: true }) };
}

function run(program: string, args: readonly string[]): number {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const { status, error } = spawnSync(program, args, { stdio: ["ignore", "inherit", "inherit"], env });
  if (error !== undefined) console.error(`${program}: ${error.message}`);
  return status ?? 1;
}

function versionOf(program: string): string {
  const { stdout } = spawnSync(program, ["--version"], { encoding: "utf8" });
  return stdout.split("\n")[0]?.trim() ?? "";
}

function isDebian(): boolean {
  try {
    return /^ID(_LIKE)?=.*(debian|ubuntu)/m.test(readFileSync("/etc/os-release", "utf8"));
  } catch {
    return false;
  }
}

process.exitCode = main();
