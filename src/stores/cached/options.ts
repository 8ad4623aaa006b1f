import { type Clock, systemClock } from "../../core/clock.ts";
import { SessionError } from "../../core/errors.ts";
import { isStateless, type SessionStore } from "../../core/store.ts";

/** Options of `cachedStore`. */
export interface CachedStoreOptions {
  /** The store that decides: every write, and every read that the cache cannot answer, goes to it. */
  readonly store: SessionStore;
  /**
   * The store that holds the copies, and that nothing else uses: best one that every process which uses `store` shares. What a process
   * writes that does not share it is seen here up to `staleSeconds` later. `cachedStore` closes both.
   */
  readonly cache: SessionStore;
  /**
   * How long after a change of the session a copy from before it can still be served, in seconds, where the cache did not hear of the change.
   * More than twice `skewSeconds`, at most 3600. Default 5.
   */
  readonly staleSeconds?: number;
  /** What the clocks of two servers may differ by, in seconds. A copy is served that much shorter. Default 1. */
  readonly skewSeconds?: number;
  /** How long one reader may take to put a copy into the cache, in seconds, before another may try; at most 60. Default 2. */
  readonly leaseSeconds?: number;
  /** How long a call of the cache may take, in seconds, before the request goes on without it; at most 60. Default 0.25. */
  readonly cacheTimeoutSeconds?: number;
  /** After how many failures in a row the cache is given a rest; 0 for never. Default 5. */
  readonly breakerFailures?: number;
  /** How long that rest is, in seconds. Default 1. */
  readonly breakerSeconds?: number;
  /** The time that copies live by. Default the machine's. */
  readonly clock?: Clock;
}

/** Options with every default in place, in milliseconds. */
export interface ResolvedCachedOptions {
  readonly store: SessionStore;
  readonly cache: SessionStore;
  readonly staleMs: number;
  readonly skewMs: number;
  readonly leaseMs: number;
  readonly cacheTimeoutMs: number;
  readonly breakerFailures: number;
  readonly breakerSeconds: number;
  readonly clock: Clock;
}

const NAMES: readonly string[] = [
  "store",
  "cache",
  "staleSeconds",
  "skewSeconds",
  "leaseSeconds",
  "cacheTimeoutSeconds",
  "breakerFailures",
  "breakerSeconds",
  "clock",
] satisfies (keyof CachedStoreOptions)[];

const VERBS = ["load", "create", "save", "touch", "retire"] as const;

/** @throws {SessionError} `ERR_SESSION_CONFIG` */
export function resolveCachedOptions(options: CachedStoreOptions): ResolvedCachedOptions {
  check(typeof options === "object" && options !== null, "takes an object of options");
  for (const name of Object.keys(options)) check(NAMES.includes(name), `has no option \`${name}\``);
  const { store, cache, staleSeconds = 5, skewSeconds = 1, leaseSeconds = 2, cacheTimeoutSeconds = 0.25 } = options;
  const { breakerFailures = 5, breakerSeconds = 1, clock = systemClock } = options;
  checkStores(store, cache);
  check(isWithin(skewSeconds, 0, 3600), "`skewSeconds` must be a number of seconds, 0 or more");
  check(isWithin(staleSeconds, 0, 3600), "`staleSeconds` must be a number of seconds, at most 3600");
  check(
    staleSeconds > 2 * skewSeconds,
    `\`staleSeconds\` must be more than twice \`skewSeconds\`, which is ${skewSeconds}, or no copy could ever be served`,
  );
  for (const [name, value] of Object.entries({ leaseSeconds, cacheTimeoutSeconds })) {
    check(isWithin(value, 0.001, 60), `\`${name}\` must be a number of seconds above 0 and at most 60`);
  }
  check(
    Number.isSafeInteger(breakerFailures) && breakerFailures >= 0,
    "`breakerFailures` must be a whole number, 0 or more",
  );
  check(isWithin(breakerSeconds, 0, 3600), "`breakerSeconds` must be a number of seconds, 0 or more");
  check(isClock(clock), "`clock` must have `now` and `sleep`");
  return Object.freeze({
    store,
    cache,
    // Moments that are stored are whole numbers.
    staleMs: Math.floor(staleSeconds * 1000),
    skewMs: Math.ceil(skewSeconds * 1000),
    leaseMs: Math.ceil(leaseSeconds * 1000),
    cacheTimeoutMs: cacheTimeoutSeconds * 1000,
    breakerFailures,
    breakerSeconds,
    clock,
  });
}

function checkStores(store: SessionStore, cache: SessionStore): void {
  for (const [name, value] of Object.entries({ store, cache })) {
    check(typeof value === "object" && value !== null, `\`${name}\` must be a store`);
    check(!isStateless(value), `\`${name}\` keeps its records in the cookie: there is nothing to share`);
    check(
      VERBS.every((verb) => typeof value[verb] === "function"),
      `\`${name}\` must be a store`,
    );
    check(value.reach !== "none", `\`${name}\` is reached by nobody: there is nothing to share`);
    // A copy of a copy would be as old as both together.
    check((value.staleSeconds ?? 0) === 0, `\`${name}\` keeps copies itself; give the original`);
  }
  check(store !== cache, "`store` and `cache` are the same store");
  check(
    cache.compareAndSwap !== false,
    `the cache \`${cache.name}\` cannot compare and write in one step, so a late copy could undo the end of a session`,
  );
  check(
    store.reach !== "process" || cache.reach === "process",
    `the cache \`${cache.name}\` is shared by processes that do not share the store \`${store.name}\``,
  );
}

function isClock(value: Clock): boolean {
  return typeof value === "object" && value !== null && typeof value.now === "function" && typeof value.sleep === "function";
}

function isWithin(value: number, least: number, most: number): boolean {
  return typeof value === "number" && value >= least && value <= most;
}

function check(holds: boolean, problem: string): void {
  if (!holds) throw new SessionError("ERR_SESSION_CONFIG", `cachedStore: ${problem}`);
}
