import type { SessionStore, UserIndex } from "../core/store.ts";
import { type CachedStoreOptions, resolveCachedOptions } from "./cached/options.ts";
import { CachedSessions } from "./cached/store.ts";

export type { CachedStoreOptions } from "./cached/options.ts";

/** A {@link SessionStore} behind a cache. */
export interface CachedStore extends SessionStore {
  /** The store that decides. */
  readonly store: SessionStore;
  /** The store that holds the copies. */
  readonly cache: SessionStore;
  readonly staleSeconds: number;
  /** Resolves once the copies that reads have left to be put into the cache are there, or are given up. For tests. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Keeps copies of sessions in a fast store in front of the one that decides, as Django's `cached_db` does, with two differences: a late
 * copy never brings back an older state or an ended session, and every copy runs out by itself.
 *
 * ```ts
 * cachedStore({ cache: redisStore({ client, prefix: "copies:" }), store: postgresStore({ client: pool }) });
 * ```
 *
 * Every write, every lock and every `load` with `fresh` goes to `store`; after a write the cache has to confirm that no older copy is
 * left. What it does not confirm is published as `cacheError`, sent again, and this process passes the cache by meanwhile; other processes
 * may serve the older copy for `staleSeconds` at the longest. So may processes that do not share the cache, as with `memoryStore()` for
 * one. A cache that fails or hangs fails no request. The abilities are those of `store`. `close` closes both.
 *
 * @throws {SessionError} `ERR_SESSION_CONFIG`
 */
export function cachedStore(options: CachedStoreOptions): CachedStore {
  const resolved = resolveCachedOptions(options);
  const { store, cache } = resolved;
  const sessions = new CachedSessions(resolved);
  const { users, rotate, list, clearExpired } = store;
  const cached: CachedStore = {
    name: sessions.name,
    reach: store.reach,
    durable: store.durable,
    staleSeconds: resolved.staleMs / 1000,
    store,
    cache,
    ...(store.compareAndSwap === undefined ? {} : { compareAndSwap: store.compareAndSwap }),
    load: (handle, call) => sessions.load(handle, call),
    create: (record, call) => sessions.create(record, call),
    save: (record, expectedVersion, call) => sessions.save(record, expectedVersion, call),
    touch: (handle, version, expiresAt, call) => sessions.touch(handle, version, expiresAt, call),
    retire: (handle, tombstone, expectedVersion, call) => sessions.retire(handle, tombstone, expectedVersion, call),
    settled: () => sessions.settled(),
    close: () => sessions.close(),
    ...(rotate && { rotate: (...call) => sessions.rotate(rotate, ...call) }),
    ...(users && { users: usersOver(users, sessions) }),
    ...(list && { list: (page, call) => list.call(store, page, call) }),
    ...(clearExpired && { clearExpired: (batch, call) => sessions.clearExpired(clearExpired, batch, call) }),
    // For `sojourn migrate`: the tables are the store's.
    ...("migrate" in store && typeof store.migrate === "function" && { migrate: store.migrate.bind(store) as unknown }),
  };
  // A store from a URL knows it after its first call.
  if (store.cancels !== undefined) Object.defineProperty(cached, "cancels", { enumerable: true, get: () => store.cancels });
  return cached;
}

function usersOver(users: UserIndex, sessions: CachedSessions): UserIndex {
  return {
    epoch: (userId, call) => users.epoch(userId, call),
    advanceEpoch: (userId, atLeast, call) => sessions.advanceEpoch(users, userId, atLeast, call),
    sessionsOf: (userId, call) => users.sessionsOf(userId, call),
  };
}
