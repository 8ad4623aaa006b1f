import { check, checkNames, type KeyedOptions, resolveKeyedOptions, type ResolvedKeyedOptions } from "./keyed/options.ts";
import { Keys } from "./keyed/keys.ts";
import { KeyedSessions, type KeyedStore } from "./keyed/store.ts";
import { unstorageEngine, type UnstorageLike } from "./unstorage/client.ts";

export type { KeyedOptions } from "./keyed/options.ts";
export type { KeyedStore } from "./keyed/store.ts";
export type { UnstorageLike } from "./unstorage/client.ts";

/** Options of {@link unstorageStore}. */
export interface UnstorageStoreOptions extends KeyedOptions {
  /** What `createStorage` of unstorage gave, with any driver. */
  readonly storage: UnstorageLike;
  /** The keys' base: names of letters, digits, `-`, `_`, separated by `:`. Default `sojourn`. */
  readonly base?: string;
  /** Whether the driver can give all keys, which lets `list` and `clearExpired` be. Default true. */
  readonly listing?: boolean;
}

const FACTORY = "unstorageStore";
const NAMES: readonly string[] = ["storage", "base", "listing"] satisfies (keyof UnstorageStoreOptions)[];
const BASE = /^[\w-]{1,60}(?::[\w-]{1,60})*$/;
const LONGEST_BASE = 120;

type Nature = Pick<ResolvedKeyedOptions, "durable" | "reach">;

/** Drivers that are no database over the network. */
const NATURES: Readonly<Record<string, Nature>> = {
  memory: { durable: false, reach: "process" },
  "lru-cache": { durable: false, reach: "process" },
  fs: { durable: true, reach: "machine" },
  "fs-lite": { durable: true, reach: "machine" },
};

/**
 * Keeps sessions in an unstorage storage: Cloudflare KV, S3, Azure, Upstash, Redis, files and what else has a driver.
 *
 * ```ts
 * unstorageStore({ storage: createStorage({ driver: redisDriver({ url }) }) });
 * ```
 *
 * No driver can compare and write in one step. Within one process nothing is lost all the same. Between processes a session that was
 * ended stays ended, and of two writes of one session at the same moment the later one may win without the other being told; so
 * `session.exclusive()` throws, unless `reach` is `"process"`.
 *
 * A storage that fails while it is read is `ERR_SESSION_STORE` with `applied: "no"`; while it is written, its own error. What it gives back
 * other than it was given is `ERR_SESSION_UNREADABLE`. Data with a NUL or half a surrogate pair is refused with `ERR_SESSION_DATA`. After
 * `close`, which leaves the storage open, every call is `ERR_SESSION_USAGE`.
 *
 * By default it is taken to be durable and shared over the network, but for the drivers `memory`, `lru-cache`, `fs` and `fs-lite`, where
 * nothing of another kind is mounted in the storage.
 *
 * @throws {SessionError} `ERR_SESSION_CONFIG`
 */
export function unstorageStore(options: UnstorageStoreOptions): KeyedStore {
  checkNames(FACTORY, options, NAMES);
  const { storage, base = "sojourn", listing = true } = options;
  const isObject = typeof storage === "object" && storage !== null;
  const verbs = isObject ? [storage.getItem, storage.setItem, storage.removeItem, storage.getKeys] : [];
  check(
    FACTORY,
    isObject && verbs.every((verb) => typeof verb === "function"),
    "`storage` must be what `createStorage` gave",
  );
  const isBase = typeof base === "string" && base.length <= LONGEST_BASE && BASE.test(base);
  check(FACTORY, isBase, "`base` must be names of letters, digits, - or _, separated by :");
  check(FACTORY, typeof listing === "boolean", "`listing` is true or false");
  return new KeyedSessions({
    name: "unstorage",
    engine: unstorageEngine(storage, base, listing),
    keys: new Keys(`${base}:`, ":"),
    shared: storage,
    ...resolveKeyedOptions(FACTORY, options, natureOf(storage)),
  });
}

/** What `prefixStorage` gave lists the mounts of the whole, and not the one that it leads to: so all of them must be of one nature. */
function natureOf(storage: UnstorageLike): Nature {
  const drivers = (storage.getMounts?.() ?? []).map(({ driver: { name = "" } }) => name);
  const [nature, ...others] = drivers.map((name) => (Object.hasOwn(NATURES, name) ? NATURES[name] : undefined));
  const isOne = others.every((other) => other?.durable === nature?.durable && other?.reach === nature?.reach);
  return (isOne ? nature : undefined) ?? { durable: true, reach: "network" };
}
