import { systemClock, type Clock } from "../../core/clock.ts";
import { SessionError } from "../../core/errors.ts";
import type { ChangeFeed } from "../../core/feed.ts";
import { isStateless, type SessionStore } from "../../core/store.ts";

/** Options of `nearStore`. */
export interface NearStoreOptions {
  /** The store that holds the sessions. Closing the near store closes it. */
  readonly store: SessionStore;
  /** The feed of the same store's changes: `redisFeed`, `postgresFeed`. Closing the near store closes it. */
  readonly feed: ChangeFeed;
  /** How many records are kept in memory at most; what was used the longest ago goes first. Default 10,000. */
  readonly maxEntries?: number;
  /** How many bytes they may take, by estimate: two for each character. Default 64 MiB. */
  readonly maxBytes?: number;
  /**
   * How long at most after a change on another node the state from before may still be served here, in seconds, 0.2 to 60: so long
   * the feed may be silent before everything is forgotten. Five marks go through it in this time. Default 5.
   */
  readonly staleSeconds?: number;
  /** Tells which copies are past their deadline and not to be served. Default: the machine's own. */
  readonly clock?: Clock;
}

/** Options with every default in place. */
export type ResolvedNearOptions = Required<NearStoreOptions>;

const NAMES: readonly string[] = [
  "store",
  "feed",
  "maxEntries",
  "maxBytes",
  "staleSeconds",
  "clock",
] satisfies (keyof NearStoreOptions)[];

/** @throws {SessionError} `ERR_SESSION_CONFIG` */
export function resolveNearOptions(options: NearStoreOptions): ResolvedNearOptions {
  check(isObject(options), "takes an object of options");
  for (const name of Object.keys(options)) check(NAMES.includes(name), `has no option \`${name}\``);
  const { store, feed, maxEntries = 10_000, maxBytes = 64 * 2 ** 20, staleSeconds = 5, clock = systemClock } = options;
  check(
    isObject(store) && typeof store.load === "function" && !isStateless(store),
    "`store` must be a store that keeps state",
  );
  check(isObject(feed) && typeof feed.open === "function", "`feed` must be a feed of changes, as `redisFeed` gives");
  // A copy of a copy would be kept although what it was taken from had been out of date.
  check((store.staleSeconds ?? 0) === 0, "`store` keeps copies itself; give the original");
  const sameHome = store.home === undefined || feed.home === undefined || store.home === feed.home;
  check(
    sameHome,
    "`feed` reports the changes of another place; give the feed the store's prefix and shards, or table and schema",
  );
  check(Number.isSafeInteger(maxEntries) && maxEntries >= 1, "`maxEntries` must be a whole number, 1 or more");
  check(Number.isSafeInteger(maxBytes) && maxBytes >= 1, "`maxBytes` must be a whole number, 1 or more");
  check(
    typeof staleSeconds === "number" && staleSeconds >= 0.2 && staleSeconds <= 60,
    "`staleSeconds` must be a number of seconds from 0.2 to 60",
  );
  check(isObject(clock) && typeof clock.now === "function", "`clock` must have `now`");
  return Object.freeze({ store, feed, maxEntries, maxBytes, staleSeconds, clock });
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

function check(holds: boolean, problem: string): void {
  if (!holds) throw new SessionError("ERR_SESSION_CONFIG", `nearStore: ${problem}`);
}
