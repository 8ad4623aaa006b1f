import { existsSync } from "node:fs";
import { join } from "node:path";
import { importsOf, targetOf } from "./imports.ts";
import { entriesOf, manifestOf } from "./manifest.ts";
import type { Step } from "./step.ts";

/** What loading a subpath brings along. */
export interface Bundle {
  /** Files, relative to the project. */
  readonly files: ReadonlySet<string>;
  /** Builtins and packages. */
  readonly foreign: ReadonlySet<string>;
}

const STORES = "src/stores/";
/** What stores share without being one. */
const SHARED = ["src/stores/sql/", "src/stores/keyed/"];
const ADAPTERS = "src/adapters/";
const TOOLS = ["src/testing/", "src/cli/"];
const SESSIONS = ["src/core/session.ts", "src/core/sessions.ts", "src/core/work.ts", "src/middleware/", "src/index.ts"];

/** Builtins that Node.js, Bun, Deno and Workers have. */
const EVERYWHERE = ["node:crypto", "node:diagnostics_channel", "node:zlib"];

/**
 * What a subpath must not bring along, by the beginning of a file's path, and the only builtins and packages that it may. Which
 * stores a store leaves alone is in the code below: all but itself.
 */
const LIMITS: readonly (readonly [subpath: RegExp, without: readonly string[], foreign: readonly string[] | undefined])[] = [
  [/^\.$/, [ADAPTERS, ...TOOLS], undefined],
  [/^\.\/stores\/(memory|cookie)$/, [...SESSIONS, ADAPTERS, ...TOOLS], EVERYWHERE],
  [/^\.\/stores\//, [...SESSIONS, ADAPTERS, ...TOOLS], undefined],
  [/^\.\/codec\/rich$/, ["src/core/", "src/middleware/", STORES, ADAPTERS, ...TOOLS], [...EVERYWHERE, "devalue"]],
  [/^\.\/django$/, ["src/index.ts", "src/middleware/", ADAPTERS, ...TOOLS], undefined],
  [/^\.\/middleware$/, ["src/index.ts", STORES, ADAPTERS, ...TOOLS], EVERYWHERE],
  [/^\.\/(fetch|hono)$/, ["src/index.ts", STORES, ...TOOLS], EVERYWHERE],
  [/^\.\/(node|express|fastify|koa)$/, ["src/index.ts", STORES, ...TOOLS], undefined],
  [/^\.\/\w+\/augment$/, ["src/index.ts", STORES, ...TOOLS], undefined],
  [/^\.\/testing$/, ["src/index.ts", STORES, ADAPTERS, "src/cli/"], undefined],
];

/** Each subpath, loaded alone, brings along nothing that it does not need. */
export const bundles: Step = {
  name: "bundles",
  title: "each subpath brings along only its own",
  run: ({ root }) => {
    return entriesOf(manifestOf(root)).entries.flatMap(({ subpath, source }) => {
      if (!existsSync(join(root, source))) return [`${subpath}: ${source} is missing`];
      return faultsOf(subpath, bundleOf(root, source));
    });
  },
};

/** Everything that runs when `source` is loaded: followed through the imports that are left of it at run time. */
export function bundleOf(root: string, source: string): Bundle {
  const files = new Set<string>();
  const foreign = new Set<string>();
  const open = [source];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (files.has(path)) continue;
    files.add(path);
    for (const { specifier, typeOnly } of importsOf(root, path)) {
      const target = targetOf(path, specifier);
      if (typeOnly) continue;
      if (target === undefined) foreign.add(specifier);
      else open.push(target);
    }
  }
  return { files, foreign };
}

/** What a subpath brings along and should not. */
export function faultsOf(subpath: string, { files, foreign }: Bundle): string[] {
  const limit = LIMITS.find(([pattern]) => pattern.test(subpath));
  if (limit === undefined) return [`${subpath}: scripts/check/bundles.ts does not say what it may bring along`];
  const [, without, allowed] = limit;
  const store = /^\.\/(?<path>stores\/.+)$/.exec(subpath)?.groups?.path;
  const strangers = [...files].filter((file) => {
    const other =
      store !== undefined && file.startsWith(STORES) && ![`src/${store}`, ...SHARED].some((own) => file.startsWith(own));
    return other || without.some((path) => file.startsWith(path));
  });
  const others = [...foreign].filter((name) => allowed !== undefined && !allowed.includes(name));
  return [...strangers, ...others].toSorted().map((name) => `${subpath} brings along ${name}`);
}
