import { SessionError } from "../../core/errors.ts";

/** The two URLs that a `cached:` URL is made of. */
export interface CachedUrl {
  /** The store that decides. */
  readonly store: string;
  readonly cache: string;
}

const SCHEME = "cached:";
const SHAPE = /^([^?&]+(?:[?&](?!cache=)[^?&]*)*)[?&]cache=(.+)$/s;

/** True for a URL of the `cached:` kind, also one that is wrong otherwise. */
export function isCachedUrl(url: string): boolean {
  return url.startsWith(SCHEME);
}

/**
 * Takes `cached:STORE?cache=CACHE` apart. What follows the first `cache=` is the cache's URL as it is, up to the end, whatever is in it; so
 * the store's own parameters stand before it, as in `cached:postgres://host/db?sslmode=require&cache=redis://host`.
 *
 * @throws {SessionError} `ERR_SESSION_CONFIG`; the message holds nothing of the URL
 */
export function splitCachedUrl(url: string): CachedUrl {
  const [, store, cache] = SHAPE.exec(url.slice(SCHEME.length)) ?? [];
  if (!isCachedUrl(url) || store === undefined || cache === undefined) {
    throw new SessionError(
      "ERR_SESSION_CONFIG",
      "A cached store's URL is `cached:postgres://host/database?cache=redis://host`: the store's, and behind `cache=`, up to the end, the cache's",
    );
  }
  return { store, cache: asCache(cache) };
}

/** What a cache has in place of the defaults of a store, so that a server which holds sessions can hold copies as well. */
const SETTINGS: readonly (readonly [url: RegExp, settings: Readonly<Record<string, string>>])[] = [
  [/^rediss?(?:\+\w+)?:/, { prefix: "sojourn-copies:", index: "users" }],
  [/^memcached:/, { prefix: "sojourn-copies:" }],
];

function asCache(url: string): string {
  const [, settings = {}] = SETTINGS.find(([scheme]) => scheme.test(url)) ?? [];
  const start = url.indexOf("?");
  const given = new URLSearchParams(start === -1 ? "" : url.slice(start + 1));
  const missing = Object.entries(settings).filter(([name]) => !given.has(name));
  const added = missing.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&");
  if (added === "") return url;
  return `${url}${start === -1 ? "?" : "&"}${added}`;
}
