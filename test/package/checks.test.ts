import assert from "node:assert/strict";
import test from "node:test";
import { docsCode } from "../../scripts/check/docs-code.ts";
import { exports, NAMES_FILE } from "../../scripts/check/exports.ts";
import { links } from "../../scripts/check/links.ts";
import { lockfile } from "../../scripts/check/lockfile.ts";
import { builtPackage } from "../../scripts/check/package.ts";
import { reference } from "../../scripts/check/reference.ts";
import { deadCode, format, lint, types } from "../../scripts/check/tools.ts";
import { words } from "../../scripts/check/words.ts";
import { manifest, project } from "./project.ts";

// A check that cannot fail is none: each is shown a project without a fault, and then one with a fault planted.

/** That nothing is wrong. */
function clean(problems: readonly string[]): void {
  assert.deepEqual(problems, []);
}

/** That each of the faults is told, in any order, and that nothing else is. */
function told(problems: readonly string[], faults: readonly RegExp[]): void {
  const all = problems.join("\n");
  for (const fault of faults) assert.match(all, fault);
  assert.equal(problems.length, faults.length, all);
}

/** That a tool's words hold each of the faults. */
function said(problems: readonly string[], faults: readonly RegExp[]): void {
  assert.notDeepEqual(problems, []);
  for (const fault of faults) assert.match(problems.join("\n"), fault);
}

test("format finds what oxfmt would write otherwise, and puts it right when asked", async (t) => {
  const { write, problems } = project(t);
  write("src/a.ts", 'export const a = "a";\n');
  clean(await problems(format));
  write("src/a.ts", "export const a = 'a'\n");
  said(await problems(format), [/src\/a\.ts/]);
  clean(await problems(format, true));
  clean(await problems(format));
});

test("lint finds promises left alone, any, and imports in a circle", async (t) => {
  const { write, problems } = project(t);
  write("src/a.ts", 'export async function a(): Promise<string> {\n  return await Promise.resolve("a");\n}\n');
  clean(await problems(lint));
  write("src/b.ts", 'import { a } from "./a.ts";\nexport function b(): void {\n  a();\n}\n');
  write("src/c.ts", "export const c = (value: any): string => value.name;\n");
  write("src/d.ts", 'import { e } from "./e.ts";\nexport const d = (): string => e();\n');
  write("src/e.ts", 'import { d } from "./d.ts";\nexport const e = (): string => d();\n');
  write("src/f.ts", `// ${["ox", "lint"].join("")}-disable-next-line no-console\nexport const f = 1;\n`);
  said(await problems(lint), [
    /src\/b\.ts:3:.*no-floating-promises/,
    /src\/c\.ts:1:.*no-explicit-any/,
    /src\/c\.ts:1:.*no-unsafe-return/,
    /src\/[de]\.ts:.*no-cycle/,
    /src\/f\.ts:1:.*[Uu]nused/,
  ]);
});

test("types finds errors, an expected error that is none, and that there are no tests of types", async (t) => {
  const { write, problems } = project(t);
  write("test/types/a.test-d.ts", "// @ts-expect-error a number is no text\nexport const a: string = 1;\n");
  clean(await problems(types));
  write("test/types/a.test-d.ts", '// @ts-expect-error a number is no text\nexport const a: string = "";\n');
  write("src/b.ts", 'export const b: number = "b";\n');
  said(await problems(types), [/test\/types\/a\.test-d\.ts\(1,1\)/, /src\/b\.ts\(1,14\)/]);
});

test("dead-code finds what nobody uses", async (t) => {
  const { write, problems } = project(t);
  write("package.json", manifest({ ".": "index" }));
  write("src/index.ts", 'export { a } from "./a.ts";\n');
  write("src/a.ts", "export const a = 1;\n");
  const before = (await problems(deadCode)).join("\n");
  assert.doesNotMatch(before, /src\/|lonely/);
  write("src/a.ts", "export const a = 1;\nexport const lonely = 2;\n");
  write("src/b.ts", "export const b = 1;\n");
  said(await problems(deadCode), [/lonely/, /src\/b\.ts/]);
});

test("words finds paths of a machine, registry hosts and checks switched off", async (t) => {
  const { write, problems } = project(t);
  write("package-lock.json", JSON.stringify({ packages: { "node_modules/a": { version: "1.0.0" } } }));
  write("docs/a.md", "Work in `./work/a`, on https://example.com/home/.\n");
  clean(await problems(words));
  const host = ["https://registry", "npmjs", "org/a/-/a-1.0.0.tgz"].join(".");
  write("package-lock.json", JSON.stringify({ packages: { "node_modules/a": { resolved: host } } }));
  write("docs/a.md", `It lies in ${["", "work", "main"].join("/")} or ${["", "home", "ada", "x"].join("/")}.\n`);
  write("src/a.ts", `// ${["ox", "lint-disable"].join("")}\n// ${["@ts", "ignore"].join("-")}\nexport const a = 1;\n`);
  said(await problems(words), [
    /docs\/a\.md:1: .*\/work\/m/,
    /docs\/a\.md:1: .*\/home\/a/,
    /package-lock\.json:1: `registry\..*host of a package registry/,
    /src\/a\.ts:1: .*switched off/,
    /src\/a\.ts:2: .*switched off/,
  ]);
});

test("lockfile finds what npm ci would refuse, loose versions and hosts, and adds what other platforms need", async (t) => {
  const { write, problems } = project(t);
  const locked = (packages: object, devDependencies: object): string => {
    return JSON.stringify({ packages: { "": { devDependencies }, ...packages } });
  };
  write("package.json", manifest({}, { devDependencies: { a: "1.0.0" } }));
  const a = {
    version: "1.0.0",
    dependencies: { b: "^2.0.0" },
    optionalDependencies: { "@a/binding-linux-x64-musl": "1.0.0" },
  };
  const inner = { version: "2.1.0", dependencies: { c: "^1.0.0" } };
  write("package-lock.json", locked({ "node_modules/a": a, "node_modules/a/node_modules/b": inner }, { a: "1.0.0" }));
  told(await problems(lockfile), [
    /lacks c, which node_modules\/a\/node_modules\/b names/,
    /lacks @a\/binding-linux-x64-musl/,
  ]);
  told(await problems(lockfile, true), [/lacks c, which/]);
  told(await problems(lockfile), [/lacks c, which/]);
  const whole = {
    "node_modules/a": { version: "1.0.0" },
    "node_modules/c": { version: "1.0.0", resolved: "https://a.test/" },
  };
  write("package-lock.json", locked(whole, { a: "1.0.0", c: "^1.0.0" }));
  write("package.json", manifest({}, { devDependencies: { a: "1.0.1", c: "^1.0.0", d: "npm:a@4.22.3" } }));
  told(await problems(lockfile), [
    /c is not pinned to a version, but \^1\.0\.0/,
    /has another version of a than/,
    /has another version of d than/,
    /node_modules\/c has a host/,
  ]);
});

test("links finds missing files, missing headings, and pages that a comment names in vain", async (t) => {
  const { write, problems } = project(t);
  told(await problems(links), [/README\.md: missing/]);
  write("README.md", "# Start here\n\n[a](docs/a.md#the-a-part-1) [b](#start-here) [c](https://example.com)\n");
  write("docs/a.md", "# The `a` part\n\n## The a part\n\n[back](../README.md)\n\n```md\n[no link](nowhere.md)\n```\n");
  write("src/a.ts", "// See docs/a.md.\n");
  clean(await problems(links));
  write("README.md", "# Start\n\n[a](docs/a.md#the-a-part-2) [b](#start-here)\n\n[c]: docs/c.md\n<a href='/x'>");
  write(
    "docs/a.md",
    '# The a part\n\n<img src="missing.png"> [up](../../outside.md) [root](/README.md) `src/a.ts` `src/b.ts`\n',
  );
  write("src/a.ts", "// See docs/gone.md.\n");
  told(await problems(links), [
    /README\.md:3: the link docs\/a\.md#the-a-part-2 names a heading/,
    /README\.md:3: the link #start-here names a heading/,
    /README\.md:5: the link docs\/c\.md leads to no file/,
    /docs\/a\.md:3: the link missing\.png leads to no file/,
    /docs\/a\.md:3: the link \.\.\/\.\.\/outside\.md leads to no file/,
    /docs\/a\.md:3: the link \/README\.md is neither relative/,
    /docs\/a\.md:3: there is no src\/b\.ts/,
    /src\/a\.ts:1: there is no docs\/gone\.md/,
  ]);
});

test("docs-code compiles each block, several files of a page together, and tells the page's line", async (t) => {
  const { write, problems } = project(t);
  write("package.json", manifest({ ".": "index" }));
  write("src/index.ts", "export const createSessions = <T>(): T[] => [];\n");
  told(await problems(docsCode), [/no code to compile/]);
  write(
    "README.md",
    [
      '```ts\nimport { createSessions } from "sojourn";\nexport const sessions = createSessions<{ count?: number }>();\n```',
      "- in a list\n  ```ts\n  // file: a.ts\n  export const a = 1;\n  // file: b.ts\n  import { a } from './a.ts';\n  export const b: number = a;\n  ```",
      "```ts no-check (this is pseudocode)\nsave the whales\n```",
      "```js\nexport default (x) => x;\n```",
      "```sh\nnot code of ours\n```\n",
    ].join("\n\n"),
  );
  clean(await problems(docsCode));
  write(
    "docs/a.md",
    [
      '# A\n\n```ts\nimport { createSession } from "sojourn";\n```',
      "```ts\n// file: a.ts\nexport const a = 1;\n```",
      "```ts\n// file: b.ts\nimport { a } from './a.ts';\nexport const b: number = a;\n```",
      "```ts\n// file: a.ts\nexport const a = 'text';\n```",
      "```js\nimport { nothing } from 'sojourn';\n```",
      "```ts no-check\nsave the whales\n```\n",
    ].join("\n\n"),
  );
  told(await problems(docsCode), [
    /docs\/a\.md:4: .*createSession/,
    /docs\/a\.md:15: .*not assignable/,
    /docs\/a\.md:24: .*nothing/,
    /docs\/a\.md:27: no-check needs a reason/,
  ]);
});

test("reference finds what the pages lack and what they have too much of", async (t) => {
  const { write, problems } = project(t);
  write(
    "src/core/errors.ts",
    "export const ERROR_TABLE = { ERR_SESSION_A: { status: 400 }, ERR_SESSION_B: { status: 503 } };\n",
  );
  write(
    "src/core/events.ts",
    'export const SESSION_EVENTS = ["saved", "gone"];\nexport interface SessionEvent {\n  readonly store: string;\n}\n',
  );
  write(
    "src/core/options.ts",
    [
      'export const DEFAULTS = { idleSeconds: 1_209_600, load: "lazy" };',
      "export interface SessionsOptions {",
      "  /** Seconds. Default 1209600 (14 days). */",
      "  readonly idleSeconds?: number;",
      "  /** Default `lazy`. */",
      "  readonly load?: string;",
      "  readonly cookie?: CookieOptions;",
      "}",
      "export interface CookieOptions {",
      "  readonly name?: string;",
      "}\n",
    ].join("\n"),
  );
  const head = "| option | default |\n| --- | --- |\n";
  const right = "| `idleSeconds` | 1 209 600 (14 days) |\n| `load` | `lazy` |\n| `cookie.name` | sid |\n";
  const django = [
    "CACHE_ALIAS, SESSION_COOKIE_AGE, SESSION_COOKIE_DOMAIN, SESSION_COOKIE_HTTPONLY, SESSION_COOKIE_NAME, SESSION_COOKIE_PATH",
    "COOKIE_SAMESITE, SESSION_COOKIE_SECURE, SESSION_ENGINE, SESSION_EXPIRE_AT_BROWSER_CLOSE, SESSION_FILE_PATH",
    "SAVE_EVERY_REQUEST, SESSION_SERIALIZER",
  ];
  write("docs/reference/errors.md", "# Errors\n\n## ERR_SESSION_A\n\n**400.** Gone.\n\n## `ERR_SESSION_B`\n\n503\n");
  write(
    "docs/reference/events.md",
    "| event | when |\n|---|---|\n| `saved` | a |\n| `gone` | b |\n\n| field | what |\n|---|---|\n| `store` | c |\n",
  );
  write("docs/reference/settings.md", `${head}${right}\n${django.map((names) => `SESSION_${names}`).join("\n")}\n`);
  clean(await problems(reference));

  write("docs/reference/errors.md", "# Errors\n\n## ERR_SESSION_A\n\n**404.** Gone.\n\n## ERR_SESSION_C\n\n400\n");
  write("docs/reference/events.md", "| event | when |\n|---|---|\n| `saved` | a |\n| `exploded` | b |\n");
  write(
    "docs/reference/settings.md",
    `${head}| \`idleSeconds\` | 1 209 601 |\n| \`load\` | \`lazy\` |\n| \`colour\` | blue |\n`,
  );
  said(await problems(reference), [
    /errors\.md:3: ERR_SESSION_A answers with 400/,
    /errors\.md:7: there is no ERR_SESSION_C/,
    /errors\.md: ERR_SESSION_B has no heading/,
    /events\.md: `gone` has no row/,
    /events\.md: `store` has no row/,
    /events\.md:4: there is no event `exploded`/,
    /settings\.md:3: the default of `idleSeconds` is 1209600/,
    /settings\.md: `cookie\.name` has no row/,
    /settings\.md:5: there is no option `colour`/,
    /settings\.md: Django's SESSION_ENGINE is not named/,
  ]);
  assert.doesNotMatch((await problems(reference)).join("\n"), /`load`|`saved`/);
});

test("reference finds a comment in the options that tells another default", async (t) => {
  const { write, problems } = project(t);
  write("src/core/errors.ts", "export const ERROR_TABLE = {};\n");
  write("src/core/events.ts", "export const SESSION_EVENTS = [];\n");
  write(
    "src/core/options.ts",
    "export const DEFAULTS = { idleSeconds: 60 };\nexport interface SessionsOptions {\n  /** Default 61. */\n  readonly idleSeconds: number;\n}\n",
  );
  told(await problems(reference), [
    /options\.ts:4: the default of `idleSeconds` is 60/,
    /errors\.md: missing/,
    /events\.md: missing/,
    /settings\.md: missing/,
  ]);
});

test("exports finds missing files, files without a subpath, a changed name and a dependency", async (t) => {
  const { write, problems } = project(t);
  write("package.json", manifest({ ".": "index", "./stores/memory": "stores/memory" }));
  write("src/index.ts", 'export { a } from "./a.ts";\nexport type * from "./b.ts";\nexport default 1;\n');
  write("src/a.ts", "export const a = 1;\n");
  write("src/b.ts", "export interface B {\n  readonly b: string;\n}\n");
  write("src/stores/memory.ts", "export const memoryStore = 1;\n");
  write("src/stores/_private.ts", "export const hidden = 1;\n");
  for (const name of ["README.md", "CHANGELOG.md", "LICENSE"]) write(name, `${name}\n`);
  told(await problems(exports), [/exports\.json: missing/]);
  write(NAMES_FILE, JSON.stringify({ ".": ["B", "a", "default", "gone"], "./stores/memory": ["memoryStore"] }));
  told(await problems(exports), [/\. no longer exports `gone`/, /writes them down/]);
  clean(await problems(exports, true));
  write("src/b.ts", "export interface B {\n  readonly b: string;\n}\nexport type C = B;\n");
  told(await problems(exports), [/\. exports `C`, which is new/, /writes them down/]);
  write("src/stores/redis.ts", 'import type { Redis } from "@redis/client/types";\nexport const redisStore = 1;\n');
  write(
    "package.json",
    manifest(
      { ".": "index", "./stores/file": "stores/file" },
      { dependencies: { devalue: "6.0.3" }, peerDependencies: { hono: "4" } },
    ),
  );
  said(await problems(exports), [
    /\.\/stores\/file stands for src\/stores\/file\.ts, which is missing/,
    /src\/stores\/redis\.ts:1: no subpath/,
    /src\/stores\/memory\.ts:1: no subpath/,
    /`devalue` is a dependency/,
    /the peer `hono` has to be optional/,
    /src\/stores\/redis\.ts:1: `@redis\/client` is no peer/,
    /\.\/stores\/memory no longer exports `memoryStore`/,
  ]);
});

test("exports has publint and attw read the package as it is sent", async (t) => {
  const { write, problems } = project(t);
  write("package.json", manifest({ ".": "index" }, { main: "./nowhere.js" }));
  write("src/index.ts", 'export type { B } from "./b.d.ts";\nexport const a = 1;\n');
  write("src/b.d.ts", "export interface B {\n  readonly b: string;\n}\n");
  write(NAMES_FILE, JSON.stringify({ ".": ["B", "a"] }));
  for (const name of ["README.md", "CHANGELOG.md", "LICENSE"]) write(name, `${name}\n`);
  said(await problems(exports), [/nowhere\.js/, /internal resolution error/i]);
});

test("package finds what works here and not where the package is installed", async (t) => {
  const { write, problems } = project(t);
  for (const name of ["README.md", "CHANGELOG.md", "LICENSE"]) write(name, `${name}\n`);
  write("package.json", manifest({ ".": "index" }, { version: "1.2.3", bin: { sojourn: "./dist/cli/main.js" } }));
  write("src/cli/main.ts", 'console.log("sojourn 0.0.0");\n');
  // The tests' own library is here, and not where an application installs sojourn.
  write("src/index.ts", 'import fc from "fast-check";\nexport const count = (): string => typeof fc;\n');
  write("scripts/check/consumer/smoke.mjs", 'import "sojourn";\n');
  write("scripts/check/consumer/typed.ts", 'import { count } from "sojourn";\nexport const one: number = count();\n');
  said(await problems(builtPackage), [/ERR_MODULE_NOT_FOUND/, /`sojourn --version`.*0\.0\.0/, /typed\.ts.*not assignable/]);
});
