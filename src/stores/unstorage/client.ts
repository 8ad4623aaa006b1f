import type { KeyedEngine } from "../keyed/engine.ts";

/** As much of an unstorage `Storage` as is used. */
export interface UnstorageLike {
  getItem(key: string): Promise<unknown>;
  setItem(key: string, value: string, options?: { readonly ttl?: number }): Promise<unknown>;
  removeItem(key: string): Promise<unknown>;
  getKeys(base?: string): Promise<readonly string[]>;
  getMounts?(base?: string): readonly { readonly driver: { readonly name?: string | undefined } }[];
}

const LONGEST_SECONDS = 2 ** 31 - 1;

/** An unstorage storage as an engine; without `keys` where it cannot list all of them. */
export function unstorageEngine(storage: UnstorageLike, base: string, listing: boolean): KeyedEngine {
  const engine: KeyedEngine = {
    async get(key) {
      const value = await storage.getItem(key);
      // The drivers of files give the system's failures in place of a value.
      if (value instanceof Error) throw value;
      return value;
    },
    async set(key, text, keepUntil) {
      // Drivers that know of no time to live leave it out.
      const ttl = Math.min(Math.max(1, Math.ceil((keepUntil - Date.now()) / 1000)), LONGEST_SECONDS);
      await storage.setItem(key, text, { ttl });
    },
    async remove(key) {
      await storage.removeItem(key);
    },
  };
  return listing ? { ...engine, keys: async () => storage.getKeys(base) } : engine;
}
