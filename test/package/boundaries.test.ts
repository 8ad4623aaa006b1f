import assert from "node:assert/strict";
import test from "node:test";
import { boundaries, faultOf } from "../../scripts/check/boundaries.ts";
import { bundleOf, bundles, faultsOf } from "../../scripts/check/bundles.ts";
import { project, ROOT } from "./project.ts";

const imported = (specifier: string, typeOnly = false) => ({ specifier, typeOnly, line: 1 });

test("imports flow one way: crypto, cookie, codec, core, then middleware, stores, adapters, testing, and the program", async () => {
  assert.deepEqual(await boundaries.run({ root: ROOT, update: false }), []);
});

test("each subpath brings along only what is its own", async () => {
  assert.deepEqual(await bundles.run({ root: ROOT, update: false }), []);
});

const forbidden: readonly (readonly [file: string, specifier: string, says: RegExp])[] = [
  ["crypto/hmac.ts", "../codec/codec.ts", /crypto may not import codec\/codec\.ts/],
  ["cookie/parse.ts", "../crypto/hmac.ts", /cookie may not import/],
  ["codec/json.ts", "../core/errors.ts", /codec may not import core\/errors\.ts/],
  ["core/work.ts", "../stores/memory.ts", /core may not import/],
  ["core/work.ts", "../middleware/exchange.ts", /core may not import/],
  ["core/work.ts", "../index.ts", /core may not import index\.ts/],
  ["middleware/app.ts", "../stores/memory.ts", /middleware may not import/],
  ["stores/memory.ts", "./file.ts", /stores\/memory may not import stores\/file\.ts/],
  ["stores/sqlite/store.ts", "../memory/table.ts", /stores\/sqlite may not import/],
  ["stores/file.ts", "../core/session.ts", /stores\/file may not import core\/session\.ts/],
  ["stores/file.ts", "../crypto/hmac.ts", /stores\/file may not import/],
  ["adapters/koa.ts", "./express.ts", /an adapter may not import another/],
  ["adapters/koa.ts", "../stores/memory.ts", /adapters may not import/],
  ["middleware/app.ts", "../core/_secret.ts", /private to its folder/],
  ["testing/store-kit.ts", "../stores/memory.ts", /testing may not import/],
  ["index.ts", "./adapters/fetch.ts", /src may not import/],
  ["index.ts", "../test/core/support.ts", /outside of src/],
  ["stores/new.ts", "node:net", /stores\/new may not import node:net/],
  ["stores/new/part.ts", "../memory.ts", /stores\/new may not import stores\/memory\.ts/],
  ["inspector/page.ts", "../core/store.ts", /src\/inspector has no row/],
  ["core/id.ts", "node:fs", /core may not import node:fs/],
  ["adapters/fetch.ts", "node:sqlite", /adapters may not import node:sqlite/],
  ["core/work.ts", "fast-check", /the package `fast-check` may not be imported/],
  ["core/work.ts", "devalue", /the package `devalue` may not be imported/],
  ["adapters/hono.ts", "hono", /only types may be imported/],
];

for (const [file, specifier, says] of forbidden) {
  test(`${file} may not import ${specifier}`, () => {
    assert.match(faultOf(file, imported(specifier)) ?? "", says);
  });
}

test("what the table allows is no fault", () => {
  assert.equal(faultOf("stores/cookie.ts", imported("../codec/sealed.ts")), undefined);
  assert.equal(faultOf("stores/memory.ts", imported("./memory/table.ts")), undefined);
  assert.equal(faultOf("stores/new.ts", imported("../core/store.ts")), undefined);
  assert.equal(faultOf("adapters/express-augment.ts", imported("./express.ts", true)), undefined);
  assert.equal(faultOf("adapters/hono.ts", imported("hono", true)), undefined);
  assert.equal(faultOf("core/id.ts", imported("node:fs", true)), undefined);
  assert.equal(faultOf("codec/rich.ts", imported("devalue")), undefined);
});

test("an import is found however it is written, and the step names its line", async (t) => {
  const { write, problems } = project(t);
  write(
    "src/crypto/a.ts",
    'export * from "../core/a.ts";\nexport { b } from "../core/b.ts";\nconst c = await import("../core/c.ts");\n',
  );
  write(
    "src/crypto/d.ts",
    '// import "../core/x.ts"\nimport {\n  type D,\n} from "../core/d.ts";\nimport "../core/e.ts";\n',
  );
  assert.deepEqual(await problems(boundaries), [
    "src/crypto/a.ts:1: crypto may not import core/a.ts",
    "src/crypto/a.ts:2: crypto may not import core/b.ts",
    "src/crypto/a.ts:3: crypto may not import core/c.ts",
    "src/crypto/d.ts:2: crypto may not import core/d.ts",
    "src/crypto/d.ts:5: crypto may not import core/e.ts",
  ]);
});

test("what a subpath brings along is followed through every import that is left at run time", (t) => {
  const { root, write } = project(t);
  write("src/stores/memory.ts", 'import { a } from "../core/a.ts";\nimport type { F } from "./file.ts";\n');
  write("src/core/a.ts", 'import { type B } from "./b.ts";\n');
  write("src/core/b.ts", 'import "node:fs";\nimport "../stores/sqlite.ts";\n');
  write("src/stores/sqlite.ts", "");
  const bundle = bundleOf(root, "src/stores/memory.ts");
  assert.deepEqual([...bundle.files].toSorted(), [
    "src/core/a.ts",
    "src/core/b.ts",
    "src/stores/memory.ts",
    "src/stores/sqlite.ts",
  ]);
  assert.deepEqual(faultsOf("./stores/memory", bundle), [
    "./stores/memory brings along node:fs",
    "./stores/memory brings along src/stores/sqlite.ts",
  ]);
  assert.match(faultsOf("./unheard-of", bundle)[0] ?? "", /does not say/);
});
