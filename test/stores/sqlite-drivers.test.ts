import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import Libsql from "libsql";
import { systemClock } from "../../src/core/clock.ts";
import { sqliteStore, type SqliteDatabaseLike } from "../../src/stores/sqlite.ts";
import { Connection } from "../../src/stores/sqlite/connection.ts";
import { tableNames } from "../../src/stores/sqlite/names.ts";
import { storeRules } from "../../src/testing/store-rules.ts";
import { folderOf, next, record, refused } from "./sqlite/support.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

// kit.test.ts has Node's drivers.
const RUNTIMES: Readonly<Record<string, readonly string[]>> = { bun: [], deno: ["run", "--allow-all", "--no-lock"] };

interface Line {
  readonly driver: string;
  readonly rule: string;
  readonly outcome: string;
  readonly reason?: string;
}

for (const [runtime, flags] of Object.entries(RUNTIMES)) {
  const program = join(ROOT, "node_modules", ".bin", runtime);
  const here = existsSync(program);
  assert.ok(here || process.env["CI"] !== "true", `${runtime} is a development dependency, and missing`);
  test(
    `${runtime}: the store kit passes on every driver that it brings`,
    { skip: !here && `${runtime} is not installed` },
    async (t) => {
      const child = spawn(program, [...flags, join(ROOT, "test/stores/sqlite/kit-here.ts")], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const ended = new Promise((resolve) => child.once("exit", resolve));
      const lines: Line[] = [];
      for await (const line of createInterface({ input: child.stdout })) lines.push(JSON.parse(line) as Line);
      assert.equal(await ended, 0);
      const drivers = new Set(lines.map(({ driver }) => driver));
      assert.deepEqual([...drivers], runtime === "bun" ? ["node:sqlite", "bun:sqlite"] : ["node:sqlite"]);
      const rest = lines.filter(({ outcome }) => outcome !== "passed");
      assert.deepEqual(rest, []);
      assert.equal(lines.length, storeRules.length * drivers.size);
      t.diagnostic(`${lines.length} rules on ${[...drivers].join(" and ")}`);
    },
  );
}

test("the drivers' own types fit: a database needs no cast", () => {
  const databases: SqliteDatabaseLike[] = [new DatabaseSync(":memory:"), new Libsql(":memory:")];
  for (const database of databases) sqliteStore({ database, closeDatabase: true }).close();
});

test("databases that were opened to give arrays or big integers work as any other", async () => {
  for (const options of [{ returnArrays: true }, { readBigInts: true }, { returnArrays: true, readBigInts: true }]) {
    const store = sqliteStore({ database: new DatabaseSync(":memory:", options), closeDatabase: true });
    const session = record({ userId: "u", epoch: 2 });
    assert.deepEqual(await store.create(session), { status: "created" });
    assert.equal(await store.users.advanceEpoch("u", 2), 2);
    const changed = next(session);
    assert.deepEqual(await store.save(changed, session.version), { status: "saved" });
    assert.deepEqual(await store.load(session.handle), { status: "live", record: changed, userEpoch: 2 });
    assert.deepEqual(await store.list({ limit: 1 }), [changed]);
    assert.equal(await store.clearExpired({ before: changed.expiresAt, limit: 3 }), 1);
    store.close();
  }
});

test("a database of another kind is refused when the store is made", async () => {
  const rows = (get: () => unknown): unknown => ({
    prepare: () => ({ get, all: () => [], run: () => ({ changes: 0 }) }),
    exec() {},
    close() {},
  });
  const wrong: readonly (readonly [unknown, RegExp])[] = [
    [rows(async () => ({ word: "a", number: 1 })), /answers with promises/],
    [rows(() => "a"), /does not give rows/],
    [rows(() => assert.fail("one array of values, please")), /cannot run a query/],
    [{ prepare() {}, exec() {} }, /`prepare`, `exec` and `close`/],
    ["sessions.db", /`prepare`, `exec` and `close`/],
    [null, /`prepare`, `exec` and `close`/],
  ];
  for (const [database, message] of wrong) {
    const error = await refused(() => sqliteStore({ database: database as SqliteDatabaseLike }), "ERR_SESSION_CONFIG");
    assert.match(error.message, message);
  }
});

test("options that cannot work are refused when the store is made, by name", async () => {
  const wrong: readonly (readonly [object | string, RegExp])[] = [
    ["", /`path`/],
    [{ path: 7 }, /`path`/],
    ["a\0b", /`path`/],
    ["file:sessions.db?mode=memory", /`path` is not a URL/],
    [{ path: "a", database: new DatabaseSync(":memory:") }, /not both/],
    [{ file: "sessions.db" }, /no option `file`/],
    [{ path: ":memory:", busyTimeoutMs: -1 }, /`busyTimeoutMs`/],
    [{ path: ":memory:", busyTimeoutMs: "5s" }, /`busyTimeoutMs`/],
    [{ path: ":memory:", busyTimeoutMs: Number.POSITIVE_INFINITY }, /`busyTimeoutMs`/],
    [{ path: ":memory:", synchronous: "off" }, /`synchronous`/],
    [{ path: ":memory:", closeDatabase: "yes" }, /`closeDatabase`/],
    [{ path: ":memory:", clock: {} }, /`clock`/],
    [{ path: ":memory:", table: 7 }, /`table`/],
  ];
  for (const [options, message] of wrong) {
    const error = await refused(() => sqliteStore(options), "ERR_SESSION_CONFIG");
    assert.match(error.message, message);
  }
  await refused(() => sqliteStore(null as unknown as string), "ERR_SESSION_CONFIG");
});

test("a store says where it keeps its sessions", (t) => {
  const folder = folderOf(t);
  const inFile = sqliteStore(join(folder, "sessions.db"));
  const handed = sqliteStore({ database: new DatabaseSync(join(folder, "sessions.db")), closeDatabase: true });
  const memory = sqliteStore(":memory:");
  const handedMemory = sqliteStore({ database: new DatabaseSync(":memory:"), closeDatabase: true });
  const about = [inFile, handed, memory, handedMemory].map(({ name, reach, durable }) => [name, reach, durable]);
  assert.deepEqual(about, [
    ["sqlite", "machine", true],
    ["sqlite", "machine", true],
    ["sqlite", "process", false],
    ["sqlite", "process", false],
  ]);
  for (const store of [inFile, handed, memory, handedMemory]) store.close();
});

test("the pragmas of a database that is handed over are its owner's; those of the store's own are as documented", async (t) => {
  const path = join(folderOf(t), "sessions.db");
  const database = new DatabaseSync(path, { timeout: 1234 });
  const pragma = (name: string): unknown => Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0];
  const plain = sqliteStore({ database });
  await plain.load(record().handle);
  assert.deepEqual(["journal_mode", "synchronous", "busy_timeout"].map(pragma), ["delete", 2, 1234]);
  const asked = sqliteStore({ database, synchronous: "normal" });
  await asked.load(record().handle);
  assert.deepEqual(["journal_mode", "synchronous", "busy_timeout"].map(pragma), ["delete", 1, 1234]);
  const settings = {
    own: true,
    closeDatabase: false,
    busyTimeoutMs: 1000,
    synchronous: "normal",
    clock: systemClock,
  } as const;
  await new Connection(database, tableNames("sojourn_sessions"), settings).run("read", () => undefined);
  assert.deepEqual(["journal_mode", "synchronous", "busy_timeout"].map(pragma), ["wal", 1, 0]);
  await new Connection(database, tableNames("sojourn_sessions"), { ...settings, synchronous: "full" }).run(
    "read",
    () => undefined,
  );
  assert.deepEqual(["journal_mode", "synchronous", "busy_timeout"].map(pragma), ["wal", 2, 0]);
  database.close();
  const memory = new DatabaseSync(":memory:");
  await new Connection(memory, tableNames("sojourn_sessions"), settings).run("read", () => undefined);
  assert.equal(memory.prepare("PRAGMA synchronous").get()?.["synchronous"], 2, "without WAL, `normal` would not be safe");
  memory.close();
});

test("the default is a file named sessions.db, in the folder where the program runs", (t) => {
  const folder = folderOf(t);
  const script = `
    import { sqliteStore } from ${JSON.stringify(pathToFileURL(join(ROOT, "src/stores/sqlite.ts")).href)};
    sqliteStore().close();
  `;
  const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    cwd: folder,
    encoding: "utf8",
  });
  assert.equal(status, 0, stderr);
  assert.ok(existsSync(join(folder, "sessions.db")));
});

/** A Node that has no SQLite of its own, if this machine has one. */
function oldNode(): string | undefined {
  const programs = (process.env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, "node"));
  return programs.find((program) => {
    const { stdout } = spawnSync(program, ["--version"], { encoding: "utf8" });
    return stdout?.startsWith("v20.") ?? false;
  });
}

const node20 = oldNode();

test(
  "on Node 20, which has no SQLite, the store says what to do",
  { skip: node20 === undefined && "there is no Node 20 on this machine" },
  (t) => {
    const folder = mkdtempSync(join(tmpdir(), "sojourn-node20-"));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const project = join(folder, "tsconfig.json");
    writeFileSync(
      project,
      JSON.stringify({
        extends: join(ROOT, "tsconfig.build.json"),
        compilerOptions: {
          rootDir: join(ROOT, "src"),
          outDir: join(folder, "dist"),
          declaration: false,
          declarationMap: false,
          emitDeclarationOnly: false,
          sourceMap: false,
          typeRoots: [join(ROOT, "node_modules/@types")],
        },
        include: [],
        files: [join(ROOT, "src/stores/sqlite.ts")],
      }),
    );
    const compiled = spawnSync(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), "-p", project], {
      encoding: "utf8",
    });
    assert.equal(compiled.status, 0, compiled.stdout);
    mkdirSync(join(folder, "data"));
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    const script = join(folder, "main.js");
    writeFileSync(
      script,
      `import { sqliteStore } from "./dist/stores/sqlite.js";
     try { sqliteStore("data/sessions.db"); console.log("opened"); } catch (error) { console.log(error.code + " " + error.message); }`,
    );
    const { stdout, stderr } = spawnSync(node20 ?? "", [script], { cwd: folder, encoding: "utf8" });
    assert.equal(stderr, "");
    assert.match(
      stdout,
      /^ERR_SESSION_CONFIG sqliteStore: this runtime has no `node:sqlite`.*Node 22.*better-sqlite3.*`database`/,
    );
    assert.ok(!existsSync(join(folder, "data", "sessions.db")), "no file is left behind");
  },
);
