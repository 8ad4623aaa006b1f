import assert from "node:assert/strict";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type Ending, errorOf, json, sojourn, workFolder } from "./_program.ts";
import { seed, withSessions } from "./_seed.ts";

/** A folder with four databases, each holding a session that says which it is. */
async function fourDatabases(): Promise<string> {
  const folder = workFolder();
  for (const name of ["flag", "env", "config", "sessions"]) {
    await withSessions(folder, `sqlite:${name}.db`, (_sessions, store) => seed(store, { from: name }));
  }
  return folder;
}

function source(ending: Ending): unknown {
  assert.equal(ending.code, 0, ending.stderr);
  return (json(ending.stdout)["data"] as Record<string, unknown>)["from"];
}

describe("which store", () => {
  it("is the flag's before the environment's before the configuration's before the default", async () => {
    const folder = await fourDatabases();
    const list = async (env: Record<string, string>, ...options: string[]): Promise<unknown> =>
      source(await sojourn(["list", "--json", ...options], { cwd: folder, env }));
    const env = { SOJOURN_STORE: "sqlite:env.db" };
    assert.equal(await list({}), "sessions");
    writeFileSync(join(folder, "sojourn.config.mjs"), 'export default { store: "sqlite:config.db" };');
    assert.equal(await list({}), "config");
    assert.equal(await list(env), "env");
    assert.equal(await list(env, "--store", "sqlite:flag.db"), "flag");
    assert.equal(
      await list(env, "--config", "sojourn.config.mjs"),
      "config",
      "a configuration that was named is a flag too",
    );
    assert.equal(await list(env, "--config", "sojourn.config.mjs", "--store", "sqlite:flag.db"), "flag");
  });

  it("is none without any of them, and none is made", async () => {
    const folder = workFolder();
    const key = "a".repeat(48);
    for (const args of [["list"], ["inspect", key], ["revoke", key], ["clear-expired"], ["migrate"], ["doctor"]]) {
      const ending = await sojourn([...args, "--json"], { cwd: folder });
      assert.deepEqual([ending.code, errorOf(ending)["code"]], [5, "ERR_CLI_NO_STORE"], args[0]);
      assert.match(String(errorOf(ending)["fix"]), /--store sqlite:FILE/);
    }
    assert.deepEqual(readdirSync(folder), ["node_modules"]);
  });

  it("is not made when it is not there", async () => {
    const folder = workFolder();
    writeFileSync(join(folder, "sojourn.config.mjs"), "export default { idleSeconds: 600 };");
    for (const store of [
      [],
      ["--store", "sqlite:other.db"],
      ["--store", "sqlite:///tmp/no-such-folder/x.db"],
      ["--store", "file:./none"],
    ]) {
      for (const args of [["list"], ["clear-expired"], ["revoke", "--user", "ada"]]) {
        const ending = await sojourn([...args, "--json", ...store], { cwd: folder });
        assert.deepEqual([ending.code, errorOf(ending)["code"]], [5, "ERR_CLI_STORE_MISSING"], args.join(" "));
      }
    }
    assert.deepEqual(readdirSync(folder).sort(), ["node_modules", "sojourn.config.mjs"]);
  });
});

describe("a configuration", () => {
  const BODIES: Readonly<Record<string, string>> = {
    "options in TypeScript": `import type { SessionsOptions } from "sojourn";
      interface Visit { from: string }
      export default { store: "sqlite:config.db" } satisfies SessionsOptions<Visit>;`,
    "sessions in TypeScript": `import { createSessions } from "sojourn";
      export default createSessions<{ from: string }>({ store: "sqlite:config.db" });`,
    "sessions over a store": `import { createSessions } from "sojourn";
      import { sqliteStore } from "sojourn/stores/sqlite";
      export default createSessions({ store: sqliteStore("config.db"), merge: { from: (sides: unknown) => sides } as never });`,
    "a promise of options": `export default Promise.resolve({ store: "sqlite:config.db" });`,
  };
  for (const [what, body] of Object.entries(BODIES)) {
    it(`may export ${what}`, async () => {
      const folder = await fourDatabases();
      writeFileSync(join(folder, "sojourn.config.ts"), body);
      const list = (...options: string[]): Promise<Ending> => sojourn(["list", "--json", ...options], { cwd: folder });
      assert.equal(source(await list()), "config");
      assert.equal(source(await list("--store", "sqlite:flag.db")), "flag", "with another store its other options stay");
    });
  }

  it("may be CommonJS, compiled or not", async () => {
    const folder = await fourDatabases();
    writeFileSync(join(folder, "a.cjs"), 'module.exports = { store: "sqlite:config.db" };');
    writeFileSync(
      join(folder, "b.cjs"),
      'Object.defineProperty(exports, "__esModule", { value: true }); exports.default = { store: "sqlite:config.db" };',
    );
    for (const name of ["a.cjs", "b.cjs"]) {
      assert.equal(source(await sojourn(["list", "--json", "--config", name], { cwd: folder })), "config");
    }
  });

  it("brings its codec, also for a store that a flag names", async () => {
    const folder = workFolder();
    const config = `import { createSessions } from "sojourn";
      import { richCodec } from "sojourn/codec/rich";
      export default { store: "sqlite:sessions.db", codec: richCodec() };`;
    writeFileSync(join(folder, "sojourn.config.ts"), config);
    const { createSessions } = await import("../../src/index.ts");
    const { richCodec } = await import("../../src/codec/rich.ts");
    const sessions = createSessions({ store: `sqlite:${join(folder, "sessions.db")}`, codec: richCodec() });
    const data = {
      at: new Date(0),
      big: 2n ** 70n,
      seen: new Map([["a", new Set([1])]]),
      bytes: new Uint8Array([1, 255]),
      nan: Number.NaN,
    };
    const { handle } = await sessions.create({ data });
    await sessions.close();
    const args = ["inspect", handle, "--store", "sqlite:sessions.db"];
    const { stdout } = await sojourn([...args, "--json"], { cwd: folder });
    assert.deepEqual(json(stdout)["data"], {
      at: { $type: "Date", value: "1970-01-01T00:00:00.000Z" },
      big: { $type: "bigint", value: String(2n ** 70n) },
      seen: { $type: "Map", value: [["a", { $type: "Set", value: [1] }]] },
      bytes: { $type: "Uint8Array", value: "01ff" },
      nan: { $type: "number", value: "NaN" },
    });
    const text = (await sojourn(args, { cwd: folder })).stdout;
    assert.match(text, /"at": Date 1970-01-01T00:00:00\.000Z/);
    assert.match(text, /"seen": Map\(1\) \{\n {4}"a" => Set\(1\) \{/);
    const redacted = json((await sojourn([...args, "--redact", "--json"], { cwd: folder })).stdout)["data"];
    assert.deepEqual(redacted, { at: "Date", big: "bigint", seen: "Map(1)", bytes: "Uint8Array(2 bytes)", nan: "number" });
    writeFileSync(join(folder, "plain.mjs"), "export default {};");
    const without = await sojourn([...args, "--json", "--config", "plain.mjs"], { cwd: folder });
    assert.deepEqual([without.code, json(without.stdout)["reason"]], [4, "format"]);
  });

  it("with a schema that refuses the data is said to find it unreadable", async () => {
    const folder = workFolder();
    const { handle } = await withSessions(folder, "sqlite:sessions.db", (_sessions, store) =>
      seed(store, { count: "three" }),
    );
    const config = `import { z } from "zod";
      export default { store: "sqlite:sessions.db", schema: z.object({ count: z.number() }) };`;
    mkdirSync(join(folder, "node_modules", "zod"));
    writeFileSync(
      join(folder, "node_modules", "zod", "index.mjs"),
      `export * from ${JSON.stringify(import.meta.resolve("zod"))};`,
    );
    writeFileSync(join(folder, "node_modules", "zod", "package.json"), '{ "name": "zod", "main": "index.mjs" }');
    writeFileSync(join(folder, "sojourn.config.ts"), config);
    const { code, stdout } = await sojourn(["inspect", handle, "--json"], { cwd: folder });
    assert.deepEqual(
      [code, json(stdout)["state"], json(stdout)["reason"], json(stdout)["data"]],
      [4, "unreadable", "schema", { count: "three" }],
    );
    const text = (await sojourn(["inspect", handle], { cwd: folder })).stdout;
    assert.match(text, /unreadable .*\(schema\)\n/);
    assert.match(text, /"count": "three"/, "what it refuses is shown");
  });

  const BROKEN: Readonly<Record<string, readonly [file: string, body: string, code: string, message: RegExp]>> = {
    "that throws": [
      "a.mjs",
      'throw new Error("DATABASE_URL is not set");',
      "ERR_CLI_CONFIG_FAILED",
      /a\.mjs: DATABASE_URL is not set/,
    ],
    "that throws no error": ["a.mjs", 'throw "text";', "ERR_CLI_CONFIG_FAILED", /no error/],
    "with a syntax error": ["a.ts", "export default {", "ERR_CLI_CONFIG_FAILED", /a\.ts: /],
    "without a default export": ["a.ts", "export const store = 1;", "ERR_CLI_CONFIG_EXPORT", /no default export/],
    "that exports a function": ["a.mjs", "export default () => ({});", "ERR_CLI_CONFIG_EXPORT", /something else/],
    "that exports a store": [
      "a.ts",
      'import { memoryStore } from "sojourn"; export default memoryStore();',
      "ERR_SESSION_CONFIG",
      /no option/,
    ],
    "with an unknown option": [
      "a.mjs",
      'export default { store: "sqlite:sessions.db", idle: 1 };',
      "ERR_SESSION_CONFIG",
      /no option `idle`/,
    ],
    "with a store of no kind": [
      "a.mjs",
      'export default { store: "mongodb://u:p@h/0" };',
      "ERR_SESSION_CONFIG",
      /begins with one of/,
    ],
  };
  for (const [what, [file, body, code, message]] of Object.entries(BROKEN)) {
    it(`${what} is refused with ${code}`, async () => {
      const folder = await fourDatabases();
      writeFileSync(join(folder, file), body);
      const ending = await sojourn(["list", "--json", "--config", file], { cwd: folder });
      assert.deepEqual([ending.code, errorOf(ending)["code"]], [5, code], ending.stderr);
      assert.match(String(errorOf(ending)["message"]), message);
      assert.ok(!ending.stderr.includes("u:p@"));
    });
  }

  it("that is not there is missed", async () => {
    const folder = await fourDatabases();
    const ending = await sojourn(["list", "--json", "--config", "none.ts"], { cwd: folder });
    assert.deepEqual([ending.code, errorOf(ending)["code"]], [5, "ERR_CLI_CONFIG_MISSING"]);
  });

  it("that leaves something running does not keep the program alive", async () => {
    const folder = await fourDatabases();
    writeFileSync(
      join(folder, "sojourn.config.mjs"),
      'setInterval(() => {}, 1000); export default { store: "sqlite:config.db" };',
    );
    assert.equal(source(await sojourn(["list", "--json"], { cwd: folder })), "config");
  });
});
