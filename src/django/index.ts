export {
  type AuthHashCheck,
  authHash,
  type AuthHashOptions,
  checkAuthHash,
  type CheckAuthHashOptions,
} from "./auth-hash.ts";
export { type CacheKeyFunction, type CacheKeyOptions, isMemcachedKey, sessionCacheKey } from "./cache-key.ts";
export {
  fileCacheName,
  type FileCacheEntry,
  fromDatabaseCache,
  fromFileCache,
  fromMemcached,
  MEMCACHED_FLAGS,
  toDatabaseCache,
  toFileCache,
  toMemcached,
} from "./cache-value.ts";
export {
  DEFAULT_COOKIE_AGE_SECONDS,
  expiresAtBrowserClose,
  expiryAgeSeconds,
  expiryAt,
  type ExpiryOptions,
  storedExpiry,
} from "./expiry.ts";
export { DEFAULT_COOKIE_NAME, sessionFileName } from "./file-name.ts";
export { type DjangoHash, type DjangoKeys, djangoKeys, type DjangoKeysOptions, type DjangoSecret } from "./keys.ts";
export { type LegacyOptions, readLegacy, writeLegacy } from "./legacy.ts";
export { moveFromDjango, moveToDjango } from "./move.ts";
export { type DjangoMessage, MESSAGE_LEVELS, readMessages, writeMessages } from "./messages.ts";
export { DJANGO_KEYS, TEST_COOKIE_VALUE } from "./names.ts";
export type { WritePickleOptions } from "./pickle-write.ts";
export { pythonJson, type PythonSerializer } from "./python-json.ts";
export { pythonPickle } from "./python-pickle.ts";
export { djangoCodec, type DjangoCodecOptions } from "./session-codec.ts";
export { isMadeSessionKey, isSessionKey, newSessionKey } from "./session-key.ts";
export {
  dumps,
  loads,
  type LoadsOptions,
  SESSION_SALT,
  sign,
  type Signed,
  SIGNED_COOKIE_SALT,
  type SigningRefusal,
  type SignOptions,
  signTimestamped,
  type SignTimestampedOptions,
  type Timestamped,
  unsign,
  type UnsignOptions,
  unsignTimestamped,
  type UnsignTimestampedOptions,
} from "./signing.ts";
export { type DjangoCache, type DjangoEngine, djangoSessions, type DjangoSessionsOptions } from "./django-sessions.ts";
export type { DjangoDatabaseClient, DjangoSqliteLike } from "./engines/open.ts";
export type { DjangoMemcachedCache } from "./engines/memcached.ts";
export type { DjangoIoRedisLike, DjangoNodeRedisLike, DjangoRedisCache, DjangoRedisLike } from "./engines/redis.ts";
export {
  type DjangoLogin,
  djangoLogin,
  djangoLogout,
  type DjangoUser,
  djangoUser,
  type DjangoUserOptions,
  type DjangoUserRow,
} from "./users.ts";
