import { resolve } from "node:path";
import { isCachedUrl, splitCachedUrl } from "../stores/cached/url.ts";

/** A store's URL, taken apart as `storeFromUrl` does. */
export interface StoreUrl {
  /** `sqlite`, `file`, `memory`, `cookie`, `module`, or something that no store has. */
  readonly scheme: string;
  /** What follows: for most a path, relative to the working directory. */
  readonly rest: string;
}

/** The URL of the store that decides: of a cached store the one behind the cache. */
export function decidingUrl(url: string): string {
  return isCachedUrl(url) ? splitCachedUrl(url).store : url;
}

/**
 * Takes the URL of a store apart, of a cached store that of the store behind the cache.
 *
 * @throws {SessionError} `ERR_SESSION_CONFIG` for a cached store's that cannot be one
 */
export function parseStoreUrl(whole: string): StoreUrl {
  const url = decidingUrl(whole);
  const colon = url.indexOf(":");
  if (colon === -1) return { scheme: "", rest: url };
  const rest = url.slice(colon + 1);
  return { scheme: url.slice(0, colon), rest: rest.startsWith("//") ? rest.slice(2) : rest };
}

/** A store's URL as it may be shown: without the user and the passwords of a network store. */
export function shownUrl(url: string): string {
  return url
    .replaceAll(/((?:^|[:=])[a-z][\w+.-]*:\/\/)[^/@]*@/gi, "$1…@")
    .replaceAll(/([?&][^=&]*(?:user|pass)[^=&]*=)[^&]*/gi, "$1…");
}

/** What a URL names, the same however it is written: without users, passwords and options, and paths from the root on. */
export function placeOf(url: string, cwd: string): string {
  const { scheme, rest } = parseStoreUrl(url);
  if (scheme === "sqlite" || scheme === "file") return `${scheme}:${resolve(cwd, rest)}`;
  return url.replace(/^([a-z][\w+.-]*:\/\/)(?:[^/@]*@)?([^?#]*).*$/is, "$1$2").toLowerCase();
}
