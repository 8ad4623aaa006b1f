import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { bundle } from "../../scripts/build/bundle.ts";
import { entriesOf, manifestOf } from "../../scripts/check/manifest.ts";
import { ROOT } from "./project.ts";

/** Says which files and which builtins come with an import. */
const PROBE = `
import { registerHooks } from "node:module";
const files = [];
const builtins = [];
registerHooks({
  load(url, context, next) {
    (url.startsWith("node:") ? builtins : files).push(url);
    return next(url, context);
  },
});
const began = process.moduleLoadList.length;
await import(process.argv[2]);
const internal = process.moduleLoadList.slice(began).map((name) => name.replace(/^\\w+ /, ""));
process.stdout.write(JSON.stringify({ files, builtins, internal }));
`;

/** What an import may cost at most, by subpath: a file takes as long as twenty kilobytes of code. */
const MOST_FILES: readonly (readonly [subpath: RegExp, files: number])[] = [
  [/^\.$/, 22],
  [/\/augment$/, 1],
  [/^\.\/stores\//, 7],
  [/^\.\/codec\//, 2],
  [/^\.\/(express|fastify|fetch|hono|koa|node|middleware|testing)$/, 8],
  [/^\.\/django$/, 12],
];

/** Builtins that cost little, or that every session needs. Importing others as modules also loads all that they have getters for. */
const CHEAP = new Set(["node:crypto", "node:diagnostics_channel", "node:module", "node:path", "node:url", "node:zlib"]);

interface Loaded {
  readonly files: readonly string[];
  readonly builtins: readonly string[];
  /** Parts of Node.js that were not there before. */
  readonly internal: readonly string[];
}

describe("what an import of the built package brings along", () => {
  const work = mkdtempSync(join(tmpdir(), "sojourn-imports-"));
  after(() => rmSync(work, { recursive: true, force: true }));

  before(async () => {
    cpSync(join(ROOT, "package.json"), join(work, "package.json"));
    symlinkSync(join(ROOT, "node_modules"), join(work, "node_modules"));
    writeFileSync(join(work, "probe.mjs"), PROBE);
    assert.deepEqual(await bundle(ROOT, join(work, "dist")), []);
  });

  function load(subpath: string): Loaded {
    const args = ["probe.mjs", subpath.replace(/^\./, "sojourn")];
    return JSON.parse(execFileSync(process.execPath, args, { cwd: work, encoding: "utf8" })) as Loaded;
  }

  for (const { subpath } of entriesOf(manifestOf(ROOT)).entries) {
    const [, most] = MOST_FILES.find(([pattern]) => pattern.test(subpath)) ?? [];
    it(`${subpath}, by itself: no more than ${most} files`, () => {
      assert.ok(most !== undefined, "the table in this file says nothing of it");
      const own = load(subpath).files.filter((url) => !url.includes("/node_modules/"));
      assert.ok(own.length > 0 && own.length <= most, own.join("\n"));
    });
  }

  it("the root knows every store, and loads no builtin that one of them alone needs", () => {
    const { builtins, internal } = load(".");
    assert.deepEqual(
      builtins.filter((name) => !CHEAP.has(name)),
      [],
    );
    const dear = new Set(["tls", "net", "http", "sqlite", "fs/promises", "internal/fs/streams", "internal/blocklist"]);
    assert.deepEqual(
      internal.filter((name) => dear.has(name)),
      [],
    );
  });

  it("the subpaths share what they have in common", async () => {
    writeFileSync(
      join(work, "same.mjs"),
      `import { memoryStore, SessionError, storeFromUrl } from "sojourn";
      import { memoryStore as again } from "sojourn/stores/memory";
      import { fileStore } from "sojourn/stores/file";
      import { memcachedStore } from "sojourn/stores/memcached";
      const refused = [() => fileStore(""), () => memcachedStore({ servers: [] }), () => storeFromUrl("nothing:")];
      const ours = refused.map((call) => {
        try {
          call();
          return "nothing";
        } catch (error) {
          return error instanceof SessionError;
        }
      });
      console.log(JSON.stringify([memoryStore === again, ...ours]));`,
    );
    const said = execFileSync(process.execPath, ["same.mjs"], { cwd: work, encoding: "utf8" });
    assert.deepEqual(JSON.parse(said), [true, true, true, true]);
  });

  it("a stack trace names functions, and with source maps the lines of the sources", () => {
    const code =
      'import { memoryStore } from "sojourn"; try { memoryStore({ maxSessions: -1 }) } catch (error) { console.log(error.stack) }';
    writeFileSync(join(work, "trace.mjs"), code);
    const run = (...args: string[]): string =>
      execFileSync(process.execPath, [...args, "trace.mjs"], { cwd: work, encoding: "utf8" });
    assert.match(run(), /at memoryStore \(.*dist\/chunks\/memory\.js:\d+:\d+\)/);
    assert.match(run("--enable-source-maps"), /at memoryStore \(.*src\/stores\/memory\.ts:\d+:\d+\)/);
  });
});
