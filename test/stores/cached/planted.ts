import type { SessionRecord } from "../../../src/core/record.ts";
import type { LoadOutcome, SaveOutcome, SessionStore } from "../../../src/core/store.ts";
import type { CachedStore } from "../../../src/stores/cached.ts";
import { recordOfCopy, slotOf, voidStone } from "../../../src/stores/cached/slot.ts";
import type { Deed, Planted } from "./schedules.ts";

/** A cached store that does one thing otherwise, and who notices. */
export interface PlantedFault extends Planted {
  readonly name: string;
  readonly deeds: readonly Deed[];
}

const isCopy = (record: SessionRecord): boolean => slotOf(record).kind === "copy";
const isOntoCopy = (version: string): boolean => version.startsWith("copy:");

/** Writes whatever is there, a tombstone excepted. */
async function put(cache: SessionStore, record: SessionRecord): Promise<SaveOutcome> {
  const found = await cache.load(record.handle);
  if (found.status === "live") return cache.save(record, found.record.version);
  if (found.status === "missing") await cache.create(record);
  return { status: "saved" };
}

function copyOf(record: SessionRecord): SessionRecord {
  return recordOfCopy({ record, userEpoch: undefined, freshUntil: record.createdAt + 4000 });
}

/** Faults that a cache in front of a store can have, Django's own among them. */
export const plantedFaults: readonly PlantedFault[] = [
  {
    name: "a copy is put there without a lease",
    deeds: ["read", "save"],
    cache: (cache) => ({
      ...cache,
      save: async (record, version) =>
        isCopy(record) && !isOntoCopy(version) ? put(cache, record) : cache.save(record, version),
    }),
  },
  {
    name: "a copy is put there without a lease, where there is nothing",
    deeds: ["read", "end", "evict"],
    cache: (cache) => ({
      ...cache,
      async save(record, version) {
        const outcome = await cache.save(record, version);
        if (outcome.status === "missing" && isCopy(record)) await cache.create(record);
        return outcome;
      },
    }),
  },
  {
    name: "what was written is put there, whatever is there",
    deeds: ["save", "save"],
    cache: (cache) => ({
      ...cache,
      save: async (record, version) =>
        isCopy(record) && isOntoCopy(version) ? put(cache, record) : cache.save(record, version),
    }),
  },
  {
    name: "what was written is put there, whatever is there, tombstones too",
    deeds: ["save", "end"],
    cache: (cache) => {
      // A cache that knows no tombstones, and where an end removes what is there: Django's.
      const gone = new Set<string>();
      return {
        ...cache,
        async load(handle) {
          const found = await cache.load(handle);
          return found.status === "retired" ? { status: "missing" } : found;
        },
        async save(record, version) {
          if (!isCopy(record) || !isOntoCopy(version)) return cache.save(record, version);
          const found = await cache.load(record.handle);
          if (found.status === "live") return cache.save(record, found.record.version);
          gone.add(record.handle);
          await cache.clearExpired?.({ before: Number.MAX_SAFE_INTEGER, limit: 100 });
          await cache.create(record);
          return { status: "saved" };
        },
      };
    },
  },
  {
    name: "a copy of before is removed before the store is written to",
    deeds: ["read", "end"],
    node: (cached) => ({
      ...cached,
      async retire(handle, tombstone, version) {
        await forgetIn(cached, handle);
        return cached.store.retire(handle, tombstone, version);
      },
    }),
  },
  {
    name: "an end is acknowledged before the cache has confirmed it",
    deeds: ["read", "end"],
    node: (cached) => ({
      ...cached,
      async retire(handle, tombstone, version) {
        const outcome = await cached.store.retire(handle, tombstone, version);
        void cached.cache.retire(handle, tombstone);
        return outcome;
      },
    }),
  },
  {
    name: "the store is read before the place is leased",
    deeds: ["read", "save"],
    node: (cached) => ({ ...cached, load: (handle) => readThenLease(cached, handle) }),
  },
  {
    name: "a lease is left standing by who writes",
    deeds: ["read", "save"],
    node: (cached) => ({
      ...cached,
      async save(record, version) {
        const outcome = await cached.store.save(record, version);
        const held = { ...copyOf(record), version: `copy:${record.version}` };
        if (outcome.status === "saved") await cached.cache.save(held, `copy:${version}`);
        return outcome;
      },
    }),
  },
  {
    name: "a touch leaves the copy",
    deeds: ["read", "touch"],
    node: (cached) => ({ ...cached, touch: (...call) => cached.store.touch(...call) }),
  },
  {
    name: "a rotation leaves the copy of the old id",
    deeds: ["read", "rotate"],
    node: (cached) => ({
      ...cached,
      rotate: (...call) => cached.store.rotate?.(...call) ?? { status: "missing" },
    }),
  },
  {
    name: "a revocation leaves the copies of the user's sessions",
    deeds: ["read", "revoke user"],
    node: (cached) => ({ ...cached, ...(cached.store.users && { users: cached.store.users }) }),
  },
  {
    name: "a new session is put into the cache when it is created",
    deeds: ["create", "end of the new"],
    node: (cached) => ({
      ...cached,
      async create(record) {
        const outcome = await cached.store.create(record);
        if (outcome.status === "created") await cached.cache.create(copyOf(record));
        return outcome;
      },
    }),
  },
];

/** Keeps a copy from being there, and says nothing about the session. */
async function forgetIn({ cache }: CachedStore, handle: SessionRecord["handle"]): Promise<void> {
  const found = await cache.load(handle);
  if (found.status !== "live") return;
  const { createdAt, version } = found.record;
  await cache.save({ ...found.record, data: "free1:", version: voidStone(createdAt).token, expiresAt: createdAt }, version);
}

/** Django's way: what was read is put there, if it is not there. */
async function readThenLease({ cache, store }: CachedStore, handle: SessionRecord["handle"]): Promise<LoadOutcome> {
  const found = await cache.load(handle);
  const slot = found.status === "live" ? slotOf(found.record) : undefined;
  if (slot?.kind === "copy" && slot.copy.freshUntil > slot.copy.record.createdAt) {
    return { status: "live", record: slot.copy.record };
  }
  const outcome = await store.load(handle);
  if (outcome.status !== "live") return outcome;
  const again = await cache.load(handle);
  if (again.status === "live") await cache.save(copyOf(outcome.record), again.record.version);
  return outcome;
}
