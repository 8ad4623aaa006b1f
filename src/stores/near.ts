import { resolveNearOptions, type NearStoreOptions } from "./near/options.ts";
import { NearSessions, type NearStore } from "./near/store.ts";

export type { ChangeFeed, FeedConnection, FeedListener, StoreChange } from "../core/feed.ts";
export type { NearStoreOptions } from "./near/options.ts";
export type { NearStats, NearStore } from "./near/store.ts";

/**
 * Keeps what a store answered in the memory of the process, so that a hot read costs no round trip, and has it forgotten as soon as the
 * server tells of a change, whoever made it.
 *
 * ```ts
 * nearStore({ store: redisStore({ client }), feed: redisFeed({ client }) });
 * nearStore({ store: postgresStore({ client }), feed: postgresFeed({ client }) });
 * ```
 *
 * What was written here is seen here at once; what was written elsewhere as soon as the feed tells of it, and within `staleSeconds`
 * whatever becomes of the feed: when it is lost or silent, everything is forgotten, and until it is back every load asks the store. All
 * other verbs, and loads with `fresh`, go to the store. The feed is opened with the first load. Until it has worked once, loads reject
 * with `ERR_SESSION_CONFIG` if it can never work.
 *
 * @throws {SessionError} `ERR_SESSION_CONFIG`
 */
export function nearStore(options: NearStoreOptions): NearStore {
  return new NearSessions(resolveNearOptions(options));
}
