import { type Codec, CodecError } from "../../codec/codec.ts";
import { publish } from "../../core/events.ts";
import type { SessionHandle } from "../../core/id.ts";
import type { SaveOutcome, SessionStore } from "../../core/store.ts";
import { within } from "../../core/store-limit.ts";
import { readPickle } from "../pickle-read.ts";
import { writePickle } from "../pickle-write.ts";
import { readPythonJson } from "../python/json-read.ts";
import { writePythonJson } from "../python/json-write.ts";
import { READ_DEPTH } from "../python/limits.ts";
import type { DjangoCachePort } from "./cache.ts";
import { djangoRecord } from "./record.ts";

/** What stands before a pickle that came out of the cache, so that it is never taken for the row's text. */
const CACHED = "p:";

/** For how long the cache is waited for: far less than for a store, as the row is there all the same. */
const CACHE_MS = 250;

/** The codec of the database engine, for records that may have come out of the cache. */
export function cachedCodec(codec: Codec): Codec {
  return Object.freeze({
    ...codec,
    decode: (text: string, context: Parameters<Codec["decode"]>[1]) =>
      text.startsWith(CACHED) ? jsonOf(text.slice(CACHED.length)) : codec.decode(text, context),
  });
}

/**
 * `django.contrib.sessions.backends.cached_db`: the row decides, the cache is read first. What was read from the cache is compared with
 * the row before anything is written onto it, and what was put into the cache once more after: a copy that comes late would bring back an
 * older state, or an ended session. A cache that fails, or does not answer in time, is reported and done without.
 */
export function cachedDatabaseEngine(
  database: SessionStore,
  cache: DjangoCachePort,
  codec: Codec,
  now: () => number,
): SessionStore {
  const quietly = async <R>(call: () => Promise<R>): Promise<R | undefined> => {
    try {
      return await within({ store: {} }, call, CACHE_MS);
    } catch (error) {
      publish("storeError", { store: "django cached_db", error });
      return undefined;
    }
  };
  const pickleOf = (data: string): string => {
    const value = readPythonJson(codec.decode(data, { place: "" }), READ_DEPTH);
    return writePickle(value).toString("latin1");
  };
  const row = async (handle: SessionHandle): Promise<Exclude<SaveOutcome, { status: "saved" }>> => {
    const found = await database.load(handle);
    if (found.status === "live") return { status: "conflict", record: found.record };
    await quietly(() => cache.remove(handle));
    return { status: "missing" };
  };
  const isCurrent = async (handle: SessionHandle, data: string): Promise<boolean> => {
    try {
      const found = await database.load(handle);
      return found.status === "live" && found.record.version === data;
    } catch (error) {
      // What was asked for is done, and only the copy is in doubt.
      publish("storeError", { store: "django cached_db", error });
      return false;
    }
  };
  const copied = async (handle: SessionHandle, data: string, copy: (pickle: string) => Promise<unknown>): Promise<void> => {
    const put = await quietly(async () => ({ answer: await copy(pickleOf(data)) }));
    if (put === undefined || !(await isCurrent(handle, data))) await quietly(() => cache.remove(handle));
  };
  return {
    ...database,
    name: "django cached_db",
    async load(handle, options) {
      const entry = options?.fresh === true ? undefined : await quietly(() => cache.get(handle));
      if (entry?.left !== undefined && isReadable(entry.pickle)) {
        return { status: "live", record: djangoRecord(handle, CACHED + entry.pickle, now() + entry.left) };
      }
      const found = await database.load(handle, options);
      if (found.status === "live" && found.record.expiresAt > now()) {
        const { data, expiresAt } = found.record;
        await copied(handle, data, (pickle) => cache.add(handle, pickle, expiresAt - now()));
      }
      return found;
    },
    async save(record, expectedVersion, options) {
      const { handle, data, expiresAt } = record;
      if (expectedVersion.startsWith(CACHED)) return row(handle);
      const outcome = await database.save(record, expectedVersion, options);
      if (outcome.status === "saved") await copied(handle, data, (pickle) => cache.put(handle, pickle, expiresAt - now()));
      else await quietly(() => cache.remove(handle));
      return outcome;
    },
    async touch(handle, version, expiresAt, options) {
      if (version.startsWith(CACHED)) return { status: "stale" };
      return database.touch(handle, version, expiresAt, options);
    },
    async retire(handle, tombstone, expectedVersion, options) {
      if (expectedVersion?.startsWith(CACHED) === true) {
        const found = await row(handle);
        return found.status === "conflict" ? found : { status: "missing" };
      }
      const outcome = await database.retire(handle, tombstone, expectedVersion, options);
      if (outcome.status !== "conflict") await quietly(() => cache.remove(handle));
      return outcome;
    },
    async close() {
      await cache.close();
      await database.close?.();
    },
  };
}

function jsonOf(pickle: string): string {
  try {
    return writePythonJson(readPickle(Buffer.from(pickle, "latin1")).value);
  } catch (error) {
    throw error instanceof CodecError ? error : new CodecError("format", "The cached pickle holds what JSON cannot carry");
  }
}

/** A cache whose entry makes no sense is asked no further: the row is there. */
function isReadable(pickle: string): boolean {
  try {
    jsonOf(pickle);
    return true;
  } catch {
    return false;
  }
}
