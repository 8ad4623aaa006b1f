import { openMemcached } from "./memcached/open.ts";
import type { MemcachedStoreOptions } from "./memcached/options.ts";
import type { MemcachedStore } from "./memcached/store.ts";

export { memcachedStoreFromUrl } from "./memcached/from-url.ts";
export type { MemcachedStoreOptions } from "./memcached/options.ts";
export type { MemcachedStore } from "./memcached/store.ts";

/**
 * Keeps sessions in Memcached 1.6 or newer, on one server or spread over several: one item a session, removed by the server's own
 * expiry. With a client of its own, which connects with the first call and again by itself.
 *
 * ```ts
 * memcachedStore({ servers: ["10.0.0.1:11211", "10.0.0.2:11211"] });
 * ```
 *
 * Memcached forgets: an item that is evicted, and all of them with a restart, are sessions that are over. None is changed by that, and
 * none comes back. Every write replaces the state of the item that was seen (compare-and-swap). While a server is away, its share
 * of the calls is `ERR_SESSION_STORE`: with `applied: "no"` when the call was not sent, or was refused for want of memory. A session
 * larger than the server's items is `ERR_SESSION_TOO_LARGE`; an item that holds something else is `ERR_SESSION_UNREADABLE`; text with
 * half a surrogate pair is refused with `ERR_SESSION_DATA`. After `close` every call is `ERR_SESSION_USAGE`.
 *
 * @throws {SessionError} `ERR_SESSION_CONFIG`
 */
export function memcachedStore(options: MemcachedStoreOptions): MemcachedStore {
  return openMemcached(options);
}
