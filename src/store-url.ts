import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { SessionError } from "./core/errors.ts";
import { isStateless, type SessionStore, type StatelessStore } from "./core/store.ts";
import { cachedStore } from "./stores/cached.ts";
import { splitCachedUrl } from "./stores/cached/url.ts";
import { cookieStore } from "./stores/cookie.ts";
import { fileStore } from "./stores/file.ts";
import { memcachedStoreFromUrl } from "./stores/memcached/from-url.ts";
import { memoryStore } from "./stores/memory.ts";
import { mysqlStoreFromUrl } from "./stores/mysql/from-url.ts";
import { nearStore } from "./stores/near.ts";
import { postgresPartsFromUrl, postgresStoreFromUrl } from "./stores/postgres/from-url.ts";
import { redisPartsFromUrl, redisStoreFromUrl } from "./stores/redis/from-url.ts";
import { sqliteStore } from "./stores/sqlite.ts";

/** The environment variable that a `cookie:` URL takes its keys from: one key or several, separated by blanks or commas. */
export const KEYS_VARIABLE = "SOJOURN_KEYS";

type Opened = SessionStore | StatelessStore;

/** Each scheme, and what makes a store of the rest of the URL, or of the whole. */
const SCHEMES: Readonly<Record<string, (rest: string, env: Environment, url: string) => Opened>> = {
  sqlite: (rest) => sqliteStore(required(rest, "sqlite:sessions.db")),
  file: (rest) => fileStore(required(rest, "file:./sessions")),
  memory: () => memoryStore(),
  cookie: (_rest, env) => cookieStore({ keys: keysFrom(env) }),
  module: (rest) => storeFromModule(required(rest, "module:./my-store.js")),
  redis: (_rest, _env, url) => redisStoreFromUrl(url),
  rediss: (_rest, _env, url) => redisStoreFromUrl(url),
  "redis+sentinel": (_rest, _env, url) => redisStoreFromUrl(url),
  "rediss+sentinel": (_rest, _env, url) => redisStoreFromUrl(url),
  "redis+cluster": (_rest, _env, url) => redisStoreFromUrl(url),
  "rediss+cluster": (_rest, _env, url) => redisStoreFromUrl(url),
  postgres: (_rest, _env, url) => postgresStoreFromUrl(url),
  postgresql: (_rest, _env, url) => postgresStoreFromUrl(url),
  mysql: (_rest, _env, url) => mysqlStoreFromUrl(url),
  mariadb: (_rest, _env, url) => mysqlStoreFromUrl(url),
  memcached: (_rest, _env, url) => memcachedStoreFromUrl(url),
  near: (rest) => nearStoreFromUrl(rest),
  cached: (_rest, env, url) => cachedStoreFromUrl(url, env),
};

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Opens the store that a URL names, so that an environment variable can choose it:
 *
 * - `sqlite:sessions.db`, `sqlite::memory:`: one database file
 * - `file:./sessions`: one file a session
 * - `memory:`: this process alone
 * - `cookie:`: in the cookie, sealed with the keys in `SOJOURN_KEYS`
 * - `redis://host`, `rediss://host`: Redis, with the installed `redis` or `ioredis`
 * - `redis+sentinel://host,host/master`: a Redis behind sentinels; `redis+cluster://host,host`: a cluster; `rediss+…`: with TLS
 * - `postgres://user@host/database`: PostgreSQL, with the installed `pg` or `postgres`
 * - `mysql://user@host/database`, `mariadb://…`: MySQL or MariaDB, with the installed `mysql2` or `mariadb`
 * - `memcached://host`, `memcached://a,b`: Memcached, one server or several
 * - `near:redis://host`, `near:postgres://…`: one of these, with what is read often in the memory of the process
 * - `cached:postgres://host/database?cache=redis://host`: any of these with another one in front as its cache
 * - `module:./my-store.js`: a module of your own, whose default export is a store, or a function that gives one
 *
 * Paths are relative to the working directory.
 *
 * @throws {SessionError} ERR_SESSION_CONFIG
 */
export function storeFromUrl(url: string, env: Environment = globalThis.process?.env ?? {}): Opened {
  const colon = url.indexOf(":");
  const open = colon === -1 ? undefined : Object.entries(SCHEMES).find(([scheme]) => scheme === url.slice(0, colon))?.[1];
  if (open === undefined) {
    const known = Object.keys(SCHEMES)
      .map((scheme) => `${scheme}:`)
      .join(", ");
    throw config(`A store's URL begins with one of ${known}`);
  }
  return open(withoutSlashes(url.slice(colon + 1)), env, url);
}

/** The store that the rest of a `near:` URL names, and the feed of its changes. */
function nearStoreFromUrl(url: string): Opened {
  if (/^rediss?(\+sentinel|\+cluster)?:/.test(url)) return nearStore(redisPartsFromUrl(url));
  if (/^postgres(ql)?:/.test(url)) return nearStore(postgresPartsFromUrl(url));
  throw config("A near store's URL is `near:redis://…` or `near:postgres://…`");
}

function cachedStoreFromUrl(url: string, env: Environment): Opened {
  const { store, cache } = splitCachedUrl(url);
  // That neither is stateless is checked there.
  return cachedStore({ store: storeFromUrl(store, env) as SessionStore, cache: storeFromUrl(cache, env) as SessionStore });
}

/** `file:///var/x` and `sqlite:///var/x` mean `/var/x`; `sqlite://./x` means `./x`. */
function withoutSlashes(rest: string): string {
  return rest.startsWith("//") ? rest.slice(2) : rest;
}

function required(rest: string, example: string): string {
  if (rest === "") throw config(`The store's URL lacks its path, as in \`${example}\``);
  return rest;
}

function keysFrom(env: Environment): string[] {
  const keys = (env[KEYS_VARIABLE] ?? "").split(/[\s,]+/).filter((key) => key !== "");
  if (keys.length === 0) {
    throw config(`A \`cookie:\` store needs keys in ${KEYS_VARIABLE}; \`sojourn generate-key\` makes one`);
  }
  return keys;
}

function storeFromModule(path: string): Opened {
  let exported: unknown;
  try {
    const require = createRequire(pathToFileURL(`${process.cwd()}/`));
    exported = require(path.startsWith("/") || path.startsWith(".") ? path : `./${path}`);
  } catch (error) {
    throw config("The store's module cannot be loaded; see the cause", error);
  }
  const chosen = typeof exported === "object" && exported !== null && "default" in exported ? exported.default : exported;
  const store: unknown = typeof chosen === "function" ? (chosen as () => unknown)() : chosen;
  if (!isStore(store)) {
    throw config("The store's module has no store as its default export, nor a function that gives one at once");
  }
  return store;
}

function isStore(value: unknown): value is Opened {
  if (typeof value !== "object" || value === null || !("name" in value)) return false;
  const candidate = value as Partial<SessionStore> & Opened;
  if (isStateless(candidate)) return typeof candidate.open === "function" && typeof candidate.seal === "function";
  const verbs = [candidate.load, candidate.create, candidate.save, candidate.touch, candidate.retire];
  return verbs.every((verb) => typeof verb === "function");
}

function config(message: string, cause?: unknown): SessionError {
  return new SessionError("ERR_SESSION_CONFIG", message, { cause });
}
