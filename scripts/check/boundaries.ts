import { type Import, importsOf, packageOf, targetOf } from "./imports.ts";
import type { Step } from "./step.ts";
import { filesOf } from "./tree.ts";

/** What a part of `src/` may import, besides itself. Paths are relative to `src/`; one that ends in `/` is a folder. */
interface Rule {
  readonly own: readonly string[];
  /** Builtins of Node.js, without `node:`, that may be there at run time. */
  readonly builtins: readonly string[];
}

/** The part of the core that a store may know. */
const CONTRACT = ["core/store.ts", "core/record.ts", "core/id.ts", "core/errors.ts", "core/clock.ts", "core/feed.ts"];

/**
 * Who may know whom, as ARCHITECTURE.md has it, by folder; a store is a part by itself, and so is what stands in `src/` itself.
 * What has to run where there is no Node.js (all but the file, SQLite and Memcached stores, the kits and the program) keeps to builtins
 * that Bun, Deno and Workers have too.
 */
const RULES: Readonly<Record<string, Rule>> = {
  crypto: { own: [], builtins: ["crypto"] },
  cookie: { own: [], builtins: [] },
  codec: { own: ["crypto/"], builtins: ["zlib"] },
  core: { own: ["crypto/", "cookie/", "codec/"], builtins: ["crypto", "diagnostics_channel"] },
  middleware: { own: ["core/", "cookie/"], builtins: [] },
  // It watches its cache as sessions watch their store.
  "stores/cached": { own: [...CONTRACT, "core/events.ts", "core/store-health.ts", "core/store-limit.ts"], builtins: [] },
  "stores/cookie": { own: [...CONTRACT, "codec/", "cookie/", "crypto/"], builtins: [] },
  // What the bridges share is in `stores/keyed/`, which is no store itself.
  "stores/express-session": { own: [...CONTRACT, "stores/keyed/"], builtins: [] },
  "stores/file": { own: CONTRACT, builtins: ["crypto", "path"] },
  "stores/memcached": { own: CONTRACT, builtins: ["crypto"] },
  // What the SQL stores share, dialects included, is in `stores/sql/`, which is no store itself.
  "stores/mysql": { own: [...CONTRACT, "stores/sql/"], builtins: ["crypto"] },
  // It tells when its feed is lost, which no call of it would show.
  "stores/near": { own: [...CONTRACT, "core/events.ts"], builtins: ["crypto"] },
  "stores/postgres": { own: [...CONTRACT, "stores/sql/"], builtins: ["crypto"] },
  // Its engines speak to the databases that Django has, through the clients that the stores know.
  django: {
    own: [
      ...["core/", "codec/", "crypto/"],
      ...["stores/sql/", "stores/postgres/clients.ts", "stores/mysql/clients.ts", "stores/memcached/"],
    ],
    builtins: ["crypto", "fs/promises", "path", "zlib"],
  },
  "stores/kysely": { own: [...CONTRACT, "stores/sql/"], builtins: ["crypto"] },
  "stores/sqlite": { own: [...CONTRACT, "stores/sql/"], builtins: ["module"] },
  "stores/unstorage": { own: [...CONTRACT, "stores/keyed/"], builtins: [] },
  adapters: { own: ["core/", "middleware/"], builtins: ["async_hooks", "http", "http2", "stream"] },
  // The kits drive sessions through the session middleware, as an application does, and speak HTTP to it.
  testing: {
    own: ["core/", "middleware/"],
    builtins: ["diagnostics_channel", "http", "net", "stream", "stream/promises", "util"],
  },
  cli: { own: [""], builtins: ["*"] },
  "": { own: ["core/", "codec/", "crypto/", "stores/"], builtins: ["module", "url"] },
};

/** A store without a row of its own: the contract, and what every runtime has. */
const STORE: Rule = { own: CONTRACT, builtins: ["crypto"] };

/** Packages that are not ours: `value` where they run, `type` where only their types are named. */
const PACKAGES: Readonly<Record<string, { readonly file: RegExp; readonly use: "type" | "value" }>> = {
  devalue: { file: /^codec\/rich\.ts$/, use: "value" },
  fastify: { file: /^adapters\/fastify(-augment)?\.ts$/, use: "type" },
  hono: { file: /^adapters\/hono\.ts$/, use: "type" },
  koa: { file: /^adapters\/koa-augment\.ts$/, use: "type" },
  "express-serve-static-core": { file: /^adapters\/express-augment\.ts$/, use: "type" },
};

/** Imports flow one way, stores and adapters do not know each other, and nothing runs that is not ours. */
export const boundaries: Step = {
  name: "boundaries",
  title: "imports flow one way",
  run: ({ root }) => {
    return filesOf(root, (path) => /^src\/.*\.ts$/.test(path)).flatMap((path) => {
      const file = path.slice("src/".length);
      return importsOf(root, path).flatMap((each) => {
        const fault = faultOf(file, each);
        return fault === undefined ? [] : [`${path}:${each.line}: ${fault}`];
      });
    });
  },
};

/** What is wrong with an import, or undefined. `file` is relative to `src/`. */
export function faultOf(file: string, each: Import): string | undefined {
  const part = partOf(file);
  const rule = RULES[part] ?? (part.startsWith("stores/") ? STORE : undefined);
  if (rule === undefined) return `src/${part} has no row in the table of scripts/check/boundaries.ts`;
  const target = targetOf(`src/${file}`, each.specifier);
  if (target === undefined) return faultOfForeign(file, each, rule);
  if (!target.startsWith("src/")) return `\`${each.specifier}\` is outside of src/`;
  return faultOfOwn(file, target.slice("src/".length), rule);
}

function faultOfOwn(file: string, target: string, { own }: Rule): string | undefined {
  if (partOf(file) === partOf(target)) {
    const knows = !file.startsWith("adapters/") || isPrivate(target) || frameworkOf(file) === frameworkOf(target);
    return knows ? undefined : "an adapter may not import another";
  }
  if (!own.some((path) => (path === "" || path.endsWith("/") ? target.startsWith(path) : target === path))) {
    return `${partOf(file) || "src"} may not import ${target}`;
  }
  return isPrivate(target) ? `${target} is private to its folder` : undefined;
}

function faultOfForeign(file: string, { specifier, typeOnly }: Import, { builtins }: Rule): string | undefined {
  if (specifier.startsWith("node:")) {
    const name = specifier.slice("node:".length);
    if (typeOnly || builtins.includes("*") || builtins.includes(name)) return undefined;
    return `${partOf(file) || "src"} may not import ${specifier}`;
  }
  const name = packageOf(specifier);
  const allowed = PACKAGES[name];
  if (allowed === undefined || !allowed.file.test(file)) return `the package \`${name}\` may not be imported here`;
  if (allowed.use === "type" && !typeOnly) return `of \`${name}\` only types may be imported, with \`import type\``;
  return undefined;
}

/** The part that a file belongs to: its folder, its store, or the empty text for what stands in `src/` itself. */
function partOf(file: string): string {
  const [folder = "", next] = file.split("/");
  if (next === undefined) return "";
  return folder === "stores" ? `stores/${next.replace(/\.ts$/, "")}` : folder;
}

/** `adapters/express` for `adapters/express-augment.ts`. */
function frameworkOf(file: string): string {
  return file.replace(/(-augment)?\.ts$/, "");
}

function isPrivate(path: string): boolean {
  return path.split("/").at(-1)?.startsWith("_") === true;
}
