import type { Codec } from "../codec/codec.ts";
import { systemClock } from "../core/clock.ts";
import { SessionError } from "../core/errors.ts";
import type { CookieOptions, SessionsOptions } from "../core/options.ts";
import { Sessions } from "../core/sessions.ts";
import type { SessionStore, StatelessStore } from "../core/store.ts";
import { cacheEngine, type DjangoCachePort } from "./engines/cache.ts";
import { cachedCodec, cachedDatabaseEngine } from "./engines/cached-database.ts";
import { databaseEngine } from "./engines/database.ts";
import { fileEngine } from "./engines/file.ts";
import { type DjangoDatabaseClient, openDjangoDatabase, quoted } from "./engines/open.ts";
import { type DjangoMemcachedCache, MemcachedCache } from "./engines/memcached.ts";
import { type DjangoRedisCache, RedisCache } from "./engines/redis.ts";
import { signedCookieEngine } from "./engines/signed-cookies.ts";
import { DEFAULT_COOKIE_AGE_SECONDS } from "./expiry.ts";
import { DEFAULT_COOKIE_NAME } from "./file-name.ts";
import { type DjangoKeys, djangoKeys, type DjangoSecret } from "./keys.ts";
import { pythonJson } from "./python-json.ts";
import { pythonPickle } from "./python-pickle.ts";
import { djangoCodec, type DjangoCodecOptions } from "./session-codec.ts";
import { djangoFormat } from "./session-format.ts";
import { localZone } from "./zone.ts";

/** `CACHES[SESSION_CACHE_ALIAS]`. */
export type DjangoCache = DjangoRedisCache | DjangoMemcachedCache;

/** `SESSION_ENGINE`, by the last word of its module. */
export type DjangoEngine =
  | { readonly name: "db"; readonly database: DjangoDatabaseClient; readonly table?: string }
  | {
      readonly name: "cached_db";
      readonly database: DjangoDatabaseClient;
      readonly table?: string;
      readonly cache: DjangoCache;
    }
  | { readonly name: "cache"; readonly cache: DjangoCache }
  | { readonly name: "file"; readonly dir: string }
  | { readonly name: "signed_cookies" };

/** What of {@link SessionsOptions} means the same with Django's sessions. */
type Shared<T extends object> = Pick<
  SessionsOptions<T>,
  | "expireAtBrowserClose"
  | "saveEveryRequest"
  | "load"
  | "merge"
  | "together"
  | "schema"
  | "onGone"
  | "onUnreadable"
  | "onStoreError"
  | "contentionSeconds"
  | "storeTimeoutSeconds"
  | "breakerFailures"
  | "breakerSeconds"
  | "clockSkewSeconds"
  | "maxBytes"
  | "clock"
>;

/** Options of {@link djangoSessions}; what has a setting of Django's is named with it. */
export interface DjangoSessionsOptions<T extends object = Record<string, unknown>> extends Shared<T> {
  /** `SECRET_KEY`. */
  readonly secretKey: DjangoSecret;
  /** `SECRET_KEY_FALLBACKS`: read, and written back with the current one. Default none. */
  readonly secretKeyFallbacks?: readonly DjangoSecret[] | undefined;
  /** `SESSION_ENGINE` and what it needs. */
  readonly engine: DjangoEngine;
  /** `SESSION_COOKIE_AGE`, in seconds. Default 1209600 (14 days). */
  readonly cookieAgeSeconds?: number | undefined;
  /**
   * `SESSION_COOKIE_NAME` (default `sessionid`), `_PATH`, `_DOMAIN`, `_SECURE`, `_HTTPONLY`, `_SAMESITE`. `secure` is true unless it is
   * said; both sides must say the same.
   */
  readonly cookie?: Omit<CookieOptions, "partitioned" | "readAlso"> | undefined;
  /** `TIME_ZONE`, where `USE_TZ` is False. Default `UTC`, as with `USE_TZ = True`. */
  readonly timeZone?: string | undefined;
  /** The salt's class name differs for a `SessionStore` of another name. Default Django's own. */
  readonly salt?: string | undefined;
  /** Formats of Django before 3.1, of sessions and of the hashes in logins. Default `refuse`. */
  readonly legacy?: DjangoCodecOptions["legacy"];
}

/** No session of Django's ends by its age alone: so far off that nothing comes near it. */
const NEVER_SECONDS = 10_000_000_000;

const SHARED: readonly (keyof Shared<never>)[] = [
  ...(["expireAtBrowserClose", "saveEveryRequest", "load", "merge", "together", "schema"] as const),
  ...(["onGone", "onUnreadable", "onStoreError", "contentionSeconds", "storeTimeoutSeconds"] as const),
  ...(["breakerFailures", "breakerSeconds", "clockSkewSeconds", "maxBytes", "clock"] as const),
];

const OWN: readonly string[] = [
  ...(["secretKey", "secretKeyFallbacks", "engine", "cookieAgeSeconds", "cookie", "timeZone", "salt", "legacy"] as const),
] satisfies (keyof DjangoSessionsOptions)[];

/** What logins are noted and compared with. */
export interface DjangoLogins {
  readonly keys: DjangoKeys;
  readonly legacy: NonNullable<DjangoCodecOptions["legacy"]>;
}

const logins = new WeakMap<object, DjangoLogins>();

/** The secrets of sessions that {@link djangoSessions} made, by their format. */
export function loginsOf(format: object): DjangoLogins | undefined {
  return logins.get(format);
}

/**
 * Sessions that are Django's: the same cookie, the same table, cache or files, the same signatures, so that one login serves both sides.
 *
 * ```ts
 * const sessions = djangoSessions({
 *   secretKey: process.env.SECRET_KEY,
 *   engine: { name: "db", database: { postgres: new Pool({ connectionString }) } },
 * });
 * ```
 *
 * Deadlines move with writes alone, as in Django. `login` is `djangoLogin`; there are no users, locks and tombstones, which Django's
 * records have no place for. `docs/django/sharing.md` says what a Django writer can do to our writes.
 *
 * @throws {SessionError} ERR_SESSION_CONFIG
 */
export function djangoSessions<T extends object = Record<string, unknown>>(options: DjangoSessionsOptions<T>): Sessions<T> {
  for (const name of Object.keys(options)) {
    const known = OWN.includes(name) || (SHARED as readonly string[]).includes(name);
    if (!known) throw config(`There is no option \`${name.replace(/[^\w.$-]/g, "?").slice(0, 60)}\``);
  }
  const { cookieAgeSeconds = DEFAULT_COOKIE_AGE_SECONDS, cookie = {}, timeZone = "UTC", legacy = "refuse" } = options;
  const keys = refusing(() => djangoKeys(options));
  const zone = refusing(() => localZone(timeZone));
  const { store, codec } = opened(options, keys, zone, cookieAgeSeconds);
  const format = djangoFormat(zone);
  logins.set(format, { keys, legacy });
  const shared = Object.fromEntries(SHARED.map((name) => [name, options[name]])) as Shared<T>;
  const sessions: SessionsOptions<T> & { readonly store: SessionStore | StatelessStore } = {
    ...shared,
    store,
    codec,
    cookie: { ...cookie, name: cookie.name ?? DEFAULT_COOKIE_NAME },
    idleSeconds: cookieAgeSeconds,
    firstSeconds: cookieAgeSeconds,
    absoluteSeconds: NEVER_SECONDS,
  };
  return new Sessions<T>(sessions, format);
}

function opened<T extends object>(
  { engine, cookie, clock = systemClock, salt, legacy }: DjangoSessionsOptions<T>,
  keys: DjangoKeys,
  zone: ReturnType<typeof localZone>,
  cookieAgeSeconds: number,
): { store: SessionStore | StatelessStore; codec: Codec } {
  const now = (): number => clock.now();
  const codec = djangoCodec({ keys, salt, legacy, clock });
  const database = (client: DjangoDatabaseClient, table = "django_session"): SessionStore =>
    databaseEngine({ database: openDjangoDatabase(client), table: quoted(table, "mysql" in client ? "`" : '"'), zone });
  switch (engine.name) {
    case "db":
      return { store: database(engine.database, engine.table), codec };
    case "cached_db": {
      const cache = cacheOf(engine.cache, "cached_db");
      const store = cachedDatabaseEngine(database(engine.database, engine.table), cache, codec, now);
      return { store, codec: cachedCodec(codec) };
    }
    case "cache":
      return {
        store: cacheEngine(cacheOf(engine.cache, "cache"), cookieAgeSeconds, now),
        codec: plainCodec("django(pickle)", pythonPickle()),
      };
    case "file": {
      const cookieName = cookie?.name ?? DEFAULT_COOKIE_NAME;
      const { fromLocal } = zone;
      return { store: fileEngine({ dir: engine.dir, cookieName, codec, cookieAgeSeconds, fromLocal }), codec };
    }
    case "signed_cookies":
      return {
        store: signedCookieEngine({ keys, cookieAgeSeconds, now, legacy }),
        codec: plainCodec("django(json)", pythonJson),
      };
    default:
      throw config("`engine.name` is db, cached_db, cache, file or signed_cookies");
  }
}

function cacheOf(cache: DjangoCache, engine: "cache" | "cached_db"): DjangoCachePort {
  return "memcached" in cache ? new MemcachedCache(cache, engine) : new RedisCache(cache, engine);
}

/** A codec for engines that keep the serializer's own text. */
function plainCodec(name: string, { stringify, parse }: Pick<Codec, "stringify" | "parse">): Codec {
  return Object.freeze({ name, stringify, parse, encode: (plain: string) => plain, decode: (text: string) => text });
}

function refusing<R>(call: () => R): R {
  try {
    return call();
  } catch (error) {
    throw error instanceof TypeError || error instanceof RangeError ? config(error.message.replace(/\.$/, "")) : error;
  }
}

function config(problem: string): SessionError {
  return new SessionError("ERR_SESSION_CONFIG", `djangoSessions: ${problem}`);
}
