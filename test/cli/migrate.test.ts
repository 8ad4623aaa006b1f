import assert from "node:assert/strict";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, it } from "node:test";
import { errorOf, json, sojourn, workFolder } from "./_program.ts";
import { seed, withSessions } from "./_seed.ts";

const URL_OPTION = ["--store", "sqlite:sessions.db"];

describe("migrate", () => {
  it("makes a database and its tables, and then has nothing to do", async () => {
    const folder = workFolder();
    const first = await sojourn(["migrate", ...URL_OPTION], { cwd: folder });
    assert.equal(first.code, 0);
    assert.match(first.stdout, /^Migrated sqlite:sessions\.db: ran \d+ statements\.\n$/);
    const second = await sojourn(["migrate", "--json"], { cwd: folder });
    assert.deepEqual(json(second.stdout), { store: "sqlite:sessions.db", applied: true, tables: true, statements: [] });
    assert.equal((await sojourn(["list"], { cwd: folder })).code, 0);
    await withSessions(folder, "sqlite:sessions.db", (_sessions, store) => seed(store));
    assert.equal(
      (await sojourn(["migrate"], { cwd: folder })).stdout,
      "sqlite:sessions.db is up to date: there is nothing to do.\n",
    );
    assert.match((await sojourn(["list"], { cwd: folder })).stderr, /^1 session /);
  });

  it("prints SQL that makes the same tables, and changes nothing itself", async () => {
    const folder = workFolder();
    const { code, stdout } = await sojourn(["migrate", "--sql", ...URL_OPTION], { cwd: folder });
    assert.equal(code, 0);
    assert.ok(!existsSync(join(folder, "sessions.db")));
    const path = join(folder, "by-hand.db");
    const database = new DatabaseSync(path);
    database.exec(stdout);
    database.close();
    const args = ["migrate", "--sql", "--store", "sqlite:by-hand.db"];
    assert.equal((await sojourn(args, { cwd: folder })).stdout, "-- sqlite:by-hand.db is up to date.\n");
    await withSessions(folder, "sqlite:by-hand.db", (_sessions, store) => seed(store));
    const asJson = await sojourn(["migrate", "--sql", "--json", ...URL_OPTION], { cwd: folder });
    const { applied, statements } = json(asJson.stdout);
    assert.equal(applied, false);
    assert.ok(Array.isArray(statements) && statements.length > 0 && statements.every((one) => stdout.includes(String(one))));
  });

  it("with --sql leaves another program's database as it was", async () => {
    const folder = workFolder();
    const database = new DatabaseSync(join(folder, "app.db"));
    database.exec("CREATE TABLE notes (text)");
    database.close();
    const { stdout } = await sojourn(["migrate", "--sql", "--store", "sqlite:app.db"], { cwd: folder });
    assert.match(stdout, /CREATE TABLE/);
    const after = new DatabaseSync(join(folder, "app.db"));
    assert.equal(after.prepare("SELECT count(*) AS n FROM sqlite_master").get()?.["n"], 1);
    assert.equal(after.prepare("PRAGMA journal_mode").get()?.["journal_mode"], "delete");
    after.close();
  });

  it("says of stores without tables that there is nothing to do, and makes nothing", async () => {
    const folder = workFolder();
    for (const store of ["file:sessions", "memory:", "cookie:"]) {
      const { code, stdout } = await sojourn(["migrate", "--store", store], { cwd: folder });
      assert.deepEqual([code, stdout], [0, `The store ${store} has no tables: there is nothing to do.\n`]);
      const asJson = await sojourn(["migrate", "--json", "--sql", "--store", store], { cwd: folder });
      assert.deepEqual(json(asJson.stdout), { store, applied: false, tables: false, statements: [] });
    }
    assert.deepEqual(readdirSync(folder), ["node_modules"]);
  });

  it("migrates the store of a configuration, with its own table", async () => {
    const folder = workFolder();
    const config = `import { sqliteStore } from "sojourn/stores/sqlite";
      export default { store: sqliteStore({ path: "app.db", table: "web_sessions" }) };`;
    writeFileSync(join(folder, "sojourn.config.ts"), config);
    const refused = await sojourn(["list", "--json"], { cwd: folder });
    assert.deepEqual([refused.code, errorOf(refused)["code"]], [5, "ERR_CLI_NO_TABLE"]);
    assert.match((await sojourn(["migrate", "--sql"], { cwd: folder })).stdout, /CREATE TABLE "web_sessions"/);
    assert.equal((await sojourn(["migrate"], { cwd: folder })).code, 0);
    assert.equal((await sojourn(["list"], { cwd: folder })).code, 0);
  });

  it("says why, where no database can be", async () => {
    const folder = workFolder();
    const ending = await sojourn(["migrate", "--json", "--store", "sqlite:no/such/folder.db"], { cwd: folder });
    assert.deepEqual([ending.code, errorOf(ending)["code"]], [5, "ERR_SESSION_CONFIG"]);
  });
});
