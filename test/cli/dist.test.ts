import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { bundle } from "../../scripts/build/bundle.ts";
import { type Ending, ended, environment, errorOf, json } from "./_program.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

describe("the built program", () => {
  const work = mkdtempSync(join(tmpdir(), "sojourn-dist-"));
  const installed = join(work, "node_modules", "sojourn");
  after(() => rmSync(work, { recursive: true, force: true }));

  before(async () => {
    const dist = join(installed, "dist");
    mkdirSync(installed, { recursive: true });
    cpSync(join(ROOT, "package.json"), join(installed, "package.json"));
    assert.deepEqual(await bundle(ROOT, dist), []);
  });

  function run(args: readonly string[], nodeOptions: readonly string[] = []): Promise<Ending> {
    const main = join(installed, "dist", "cli", "main.js");
    return ended(spawn(process.execPath, [...nodeOptions, main, ...args], { cwd: work, env: environment() }));
  }

  it("begins with the line that makes it a program", () => {
    const main = readFileSync(join(installed, "dist", "cli", "main.js"), "utf8");
    assert.ok(main.startsWith("#!/usr/bin/env node\n"));
  });

  it("runs, finds the package's version, and uses a configuration of the application's", async () => {
    assert.match((await run(["--version"])).stdout, /^\d+\.\d+\.\d+\n$/);
    writeFileSync(
      join(work, "sojourn.config.ts"),
      'import { createSessions } from "sojourn";\nexport default createSessions({ store: "file:data" });',
    );
    const { code, stdout, stderr } = await run(["list", "--json"]);
    assert.deepEqual([code, stdout, stderr], [0, "", ""]);
    writeFileSync(
      join(work, "make.mjs"),
      'import config from "./sojourn.config.ts"; const { cookie } = await config.create({ data: { count: 3 } }); console.log(cookie);',
    );
    const cookie = execFileSync(process.execPath, ["make.mjs"], { cwd: work, env: environment(), encoding: "utf8" }).trim();
    assert.deepEqual(json((await run(["inspect", cookie, "--json"])).stdout)["data"], { count: 3 });
  });

  it("says what to do on a Node that cannot load TypeScript", async () => {
    writeFileSync(join(work, "typed.config.ts"), "export default { store: 'memory:' as string };");
    const ending = await run(["list", "--json", "--config", "typed.config.ts"], ["--no-experimental-strip-types"]);
    assert.deepEqual([ending.code, errorOf(ending)["code"]], [5, "ERR_CLI_CONFIG_TYPESCRIPT"]);
    assert.match(String(errorOf(ending)["fix"]), /22\.18.*sojourn\.config\.mjs/);
  });

  it("says what to do on a Node without SQLite", async () => {
    const ending = await run(["migrate", "--json", "--store", "sqlite:x.db"], ["--no-experimental-sqlite"]);
    assert.deepEqual([ending.code, errorOf(ending)["code"]], [5, "ERR_SESSION_CONFIG"]);
    assert.match(String(errorOf(ending)["message"]), /node:sqlite/);
  });
});
