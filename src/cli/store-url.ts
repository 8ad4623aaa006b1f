/** A store's URL, taken apart as `storeFromUrl` does. */
export interface StoreUrl {
  /** `sqlite`, `file`, `memory`, `cookie`, `module`, or something that no store has. */
  readonly scheme: string;
  /** What follows: for most a path, relative to the working directory. */
  readonly rest: string;
}

/** Takes a store's URL apart. */
export function parseStoreUrl(url: string): StoreUrl {
  const colon = url.indexOf(":");
  if (colon === -1) return { scheme: "", rest: url };
  const rest = url.slice(colon + 1);
  return { scheme: url.slice(0, colon), rest: rest.startsWith("//") ? rest.slice(2) : rest };
}

/** A store's URL as it may be shown: without the user and the password of a network store. */
export function shownUrl(url: string): string {
  return url.replace(/^([a-z][\w+.-]*:\/\/)[^/@]*@/i, "$1…@");
}
