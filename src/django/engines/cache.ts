import type { SessionHandle } from "../../core/id.ts";
import type { SessionRecord } from "../../core/record.ts";
import type { SessionStore } from "../../core/store.ts";
import { djangoRecord } from "./record.ts";

/** One entry: the pickle, one character for each byte, and for how long it is kept. */
export interface CacheEntry {
  readonly pickle: string;
  /** Milliseconds; undefined for one that is kept until it is removed. */
  readonly left: number | undefined;
}

/** One of Django's caches, as the engines use it. */
export interface DjangoCachePort {
  get(handle: SessionHandle): Promise<CacheEntry | undefined>;
  /** Gives false when there is an entry already. */
  add(handle: SessionHandle, pickle: string, leftMs: number): Promise<boolean>;
  put(handle: SessionHandle, pickle: string, leftMs: number): Promise<void>;
  /** Replaces what is still `expected`. Gives what stands in the way, or true. */
  replace(handle: SessionHandle, expected: string, pickle: string, leftMs: number): Promise<CacheEntry | true | undefined>;
  /** Removes what is still `expected`, or whatever is there. Gives what stands in the way, or true. */
  remove(handle: SessionHandle, expected?: string): Promise<CacheEntry | true | undefined>;
  close(): Promise<void>;
}

/** `django.contrib.sessions.backends.cache`: the dictionary, pickled. Saves compare it with what was read, in one step of the cache. */
export function cacheEngine(cache: DjangoCachePort, cookieAgeSeconds: number, now: () => number): SessionStore {
  const recordOf = (handle: SessionHandle, { pickle, left }: CacheEntry): SessionRecord =>
    djangoRecord(handle, pickle, now() + (left ?? cookieAgeSeconds * 1000));
  return {
    name: "django cache",
    reach: "network",
    durable: true,
    async load(handle) {
      const entry = await cache.get(handle);
      return entry === undefined ? { status: "missing" } : { status: "live", record: recordOf(handle, entry) };
    },
    async create({ handle, data, expiresAt }) {
      return { status: (await cache.add(handle, data, expiresAt - now())) ? "created" : "exists" };
    },
    async save({ handle, data, expiresAt }, expectedVersion) {
      const outcome = await cache.replace(handle, expectedVersion, data, expiresAt - now());
      if (outcome === true) return { status: "saved" };
      return outcome === undefined ? { status: "missing" } : { status: "conflict", record: recordOf(handle, outcome) };
    },
    async touch(handle, version, expiresAt) {
      const outcome = await cache.replace(handle, version, version, expiresAt - now());
      return { status: outcome === true ? "touched" : "stale" };
    },
    async retire(handle, tombstone, expectedVersion) {
      const outcome = await cache.remove(handle, expectedVersion);
      if (outcome === true) return { status: "retired", tombstone };
      return outcome === undefined ? { status: "missing" } : { status: "conflict", record: recordOf(handle, outcome) };
    },
    close: () => cache.close(),
  };
}
