/** `KEY_FUNCTION` of a cache. */
export type CacheKeyFunction = (key: string, keyPrefix: string, version: number | string) => string;

/** Options of {@link sessionCacheKey}, by the names of Django's `CACHES`. */
export interface CacheKeyOptions {
  /** The session engine: `cache` or `cached_db`. Default `cache`. */
  readonly engine?: "cache" | "cached_db" | undefined;
  /** `cache_key_prefix` of a session class of one's own, in place of the engine's. */
  readonly cacheKeyPrefix?: string | undefined;
  /** `KEY_PREFIX`. Default none. */
  readonly keyPrefix?: string | undefined;
  /** `VERSION`. Default 1. */
  readonly version?: number | string | undefined;
  /** `KEY_FUNCTION`. Default Django's own: prefix, version and key, with colons between. */
  readonly keyFunction?: CacheKeyFunction | undefined;
}

/** The key under which Django's cache holds a session: `:1:django.contrib.sessions.cache` and the session key, unless set otherwise. */
export function sessionCacheKey(sessionKey: string, options: CacheKeyOptions = {}): string {
  const { engine = "cache", keyPrefix = "", version = 1, keyFunction = defaultKeyFunction } = options;
  const { cacheKeyPrefix = `django.contrib.sessions.${engine}` } = options;
  return keyFunction(cacheKeyPrefix + sessionKey, keyPrefix, version);
}

const defaultKeyFunction: CacheKeyFunction = (key, keyPrefix, version) => `${keyPrefix}:${version}:${key}`;

/** True for a key that Memcached takes, and Django's back end for it: at most 250 bytes, no blanks, no control characters. */
export function isMemcachedKey(key: string): boolean {
  if (Buffer.byteLength(key) > 250) return false;
  for (let index = 0; index < key.length; index++) {
    const code = key.charCodeAt(index);
    if (code <= 0x20 || code === 0x7f) return false;
  }
  return true;
}
