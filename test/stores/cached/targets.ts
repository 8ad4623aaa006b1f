import type { SessionHandle } from "../../../src/core/id.ts";
import type { SessionStore } from "../../../src/core/store.ts";
import { cachedStore, type CachedStore, type CachedStoreOptions } from "../../../src/stores/cached.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { StoreTarget } from "../../../src/testing/store-rule.ts";
import { storeTargets } from "../targets.ts";

export type Settings = Omit<CachedStoreOptions, "store" | "cache">;

/** A target of the kit: one storage in front of another, new ones for each rule. */
export function cachedTarget(
  name: string,
  cache: StoreTarget,
  store: StoreTarget,
  change?: (cached: CachedStore) => SessionStore,
  settings: Settings = {},
): StoreTarget {
  return {
    name,
    async storage() {
      const front = await cache.storage();
      const back = await store.storage();
      return {
        async open() {
          const cached = cachedStore({ cache: await front.open(), store: await back.open(), ...settings });
          return change === undefined ? cached : change(cached);
        },
        // A copy hides the damage for as long as it may be served.
        ...(back.corrupt && change === undefined && { corrupt: back.corrupt.bind(back) }),
        async remove() {
          await front.remove?.();
          await back.remove?.();
        },
      };
    },
  };
}

/** Loads a session until the cache has a copy of it. */
export async function warm(cached: CachedStore, handle: SessionHandle): Promise<void> {
  for (let reads = 0; reads < 2; reads++) {
    await cached.load(handle);
    await cached.settled();
  }
}

/** A cached store whose every session has a copy as soon as it is written, so that whatever is read is read from the cache. */
export function warmed(cached: CachedStore): SessionStore {
  const { rotate } = cached;
  return {
    ...cached,
    // Nothing in the cache fails here: the strict rules hold.
    staleSeconds: 0,
    async create(record) {
      const { handle } = record;
      const outcome = await cached.create(record);
      if (outcome.status === "created") await warm(cached, handle);
      return outcome;
    },
    async touch(handle, version, expiresAt) {
      const outcome = await cached.touch(handle, version, expiresAt);
      if (outcome.status === "touched") await warm(cached, handle);
      return outcome;
    },
    ...(rotate && {
      async rotate(...call: Parameters<typeof rotate>) {
        const [, , { handle }] = call;
        const outcome = await rotate(...call);
        if (outcome.status === "rotated") await warm(cached, handle);
        return outcome;
      },
    }),
  };
}

export const named = (start: string): StoreTarget => {
  const found = storeTargets.find(({ name }) => name.startsWith(start));
  if (found === undefined) throw new Error(`There is no target ${start}`);
  return found;
};

const memory: StoreTarget = { name: "memory", storage: () => ({ open: () => memoryStore() }) };
const file = named("file");

/** Cached stores that need no server, as the kit runs on them. */
export const cachedTargets: readonly StoreTarget[] = [
  cachedTarget("cached (memory, memory)", memory, memory),
  cachedTarget("cached (memory, memory), every copy there", memory, memory, warmed),
  cachedTarget("cached (file, sqlite), every copy there", file, named("sqlite (node:sqlite)"), warmed),
];
