import { type EventEmitter, once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RedisStore } from "connect-redis";
import session, { MemoryStore } from "express-session";
import pg from "pg";
import { createClient } from "redis";
import { createStorage, type Driver, type Storage } from "unstorage";
import fsDriver from "unstorage/drivers/fs";
import httpDriver from "unstorage/drivers/http";
import lruCacheDriver from "unstorage/drivers/lru-cache";
import memoryDriver from "unstorage/drivers/memory";
import redisDriver from "unstorage/drivers/redis";
import { createStorageServer } from "unstorage/server";
import { newVersion } from "../../../src/core/id.ts";
import {
  expressSessionStore,
  type ExpressSessionStoreLike,
  type ExpressSessionStoreOptions,
} from "../../../src/stores/express-session.ts";
import { unstorageStore, type UnstorageStoreOptions } from "../../../src/stores/unstorage.ts";
import type { StoreTarget } from "../../../src/testing/store-rule.ts";

const require = createRequire(import.meta.url);

type PgSimple = new (options: object) => ExpressSessionStoreLike & { close(): Promise<void> };
type FileStore = new (options: object) => ExpressSessionStoreLike;

// These two bring no types of their own.
const ConnectPgSimple = (require("connect-pg-simple") as (from: object) => PgSimple)(session);
const SessionFileStore = (require("session-file-store") as (from: object) => FileStore)(session);

/** Something that a bridge can be built on, and how to end it. */
export interface Opened<T> {
  readonly over: T;
  end(): unknown;
}

export type Opener<T> = () => Opened<T> | Promise<Opened<T>>;

/** Calls an express-session store as a promise. */
export function called(send: (callback: (error?: unknown, value?: unknown) => void) => unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    send((error, value) => (error ? reject(new Error("The store failed", { cause: error })) : resolve(value)));
  });
}

/** connect-redis, over a client of node-redis of its own. */
export async function connectRedis(port: number, settings: object = {}): Promise<Opened<RedisStore>> {
  const client = createClient({ socket: { host: "127.0.0.1", port }, ...settings });
  client.on("error", () => {});
  await client.connect();
  return { over: new RedisStore({ client, prefix: "app:" }), end: () => client.destroy() };
}

/** connect-pg-simple, over a pool of its own. */
export function connectPg(url: string): Opened<ExpressSessionStoreLike> {
  const pool = new pg.Pool({ connectionString: url, max: 4 });
  // Without a listener it would end the process when the server dies.
  pool.on("error", () => {});
  pool.on("error", () => {});
  const over = new ConnectPgSimple({ pool, createTableIfMissing: true, pruneSessionInterval: false, errorLog() {} });
  return { over, end: () => pool.end() };
}

/** session-file-store on a folder. */
export function sessionFiles(path: string): Opened<ExpressSessionStoreLike> {
  return { over: new SessionFileStore({ path, retries: 0, reapInterval: -1, logFn() {} }), end() {} };
}

/** unstorage with one of its drivers. */
export function storageOn(driver: Driver): Opened<Storage> {
  const storage = createStorage({ driver });
  return { over: storage, end: () => storage.dispose() };
}

/** unstorage's driver for Redis. */
export function storageOnRedis(port: number): Opened<Storage> {
  const driver: Driver<unknown, EventEmitter> = redisDriver({ host: "127.0.0.1", port });
  // Without a listener ioredis prints each attempt that fails.
  driver.getInstance?.().on("error", () => {});
  return storageOn(driver);
}

/** unstorage's own server for its driver `http`, over a storage in memory. */
export async function startStorageServer(
  storage = createStorage({ driver: memoryDriver() }),
  port = 0,
): Promise<Opened<Server>> {
  const server = createServer(createStorageServer(storage).handle).listen(port, "127.0.0.1");
  await once(server, "listening");
  const end = (): void => {
    server.close();
    server.closeAllConnections();
  };
  return { over: server, end };
}

export const portOf = (server: Server): number => (server.address() as AddressInfo).port;

/** unstorage's driver `http`. */
export const storageOnHttp = (port: number): Opened<Storage> => storageOn(httpDriver({ base: `http://127.0.0.1:${port}` }));

/** A prefix or base that nothing else has. */
export function newPrefix(): string {
  return `t${newVersion()}`;
}

interface Place<T> {
  readonly open: Opener<T>;
  readonly remove?: () => void;
}

/** The kit's target for an express-session store: `place` gives each rule a storage of its own, or the prefix does. */
export function expressTarget(
  name: string,
  place: () => Place<ExpressSessionStoreLike>,
  options: Omit<ExpressSessionStoreOptions, "store"> = {},
): StoreTarget {
  return {
    name: `express-session: ${name}`,
    storage() {
      const { open, remove } = place();
      const prefix = `${newPrefix()}-`;
      return {
        async open() {
          const { over, end } = await open();
          const store = expressSessionStore({ store: over, prefix, ...options });
          return endingWith(store, end);
        },
        async corrupt(handle) {
          const { over, end } = await open();
          const key = `${prefix}s-${handle}`;
          const stored = (await called((callback) => over.get(key, callback))) as { sojourn: string; cookie: object };
          await called((callback) => over.set(key, { ...stored, sojourn: stored.sojourn.slice(0, -9) }, callback));
          await end();
        },
        ...(remove && { remove }),
      };
    },
  };
}

/** The kit's target for unstorage. */
export function unstorageTarget(
  name: string,
  place: () => Place<Storage>,
  options: Omit<UnstorageStoreOptions, "storage"> = {},
): StoreTarget {
  return {
    name: `unstorage: ${name}`,
    storage() {
      const { open, remove } = place();
      const base = newPrefix();
      return {
        async open() {
          const { over, end } = await open();
          return endingWith(unstorageStore({ storage: over, base, ...options }), end);
        },
        async corrupt(handle) {
          const { over, end } = await open();
          const key = `${base}:s:${handle}`;
          await over.setItem(key, String(await over.getItem(key)).slice(0, -9));
          await end();
        },
        ...(remove && { remove }),
      };
    },
  };
}

/** A store that ends what it stands on when it is closed, as the kit opens and closes many. */
export function endingWith<S extends { close(): Promise<void> }>(store: S, end: () => unknown): S {
  const close = store.close.bind(store);
  let ending: Promise<void> | undefined;
  store.close = () =>
    (ending ??= (async () => {
      await close();
      await end();
    })());
  return store;
}

function inMemory<T>(over: T): () => Opened<T> {
  return () => ({ over, end() {} });
}

function inFolder<T>(open: (path: string) => Opened<T>): () => Place<T> {
  return () => {
    const folder = mkdtempSync(join(tmpdir(), "sojourn-bridge-"));
    return { open: () => open(join(folder, "sessions")), remove: () => rmSync(folder, { recursive: true }) };
  };
}

/** Each bridge over everything that needs no server. */
export const bridgeTargets: readonly StoreTarget[] = [
  expressTarget("MemoryStore", () => ({ open: inMemory(new MemoryStore()) })),
  expressTarget("session-file-store", inFolder(sessionFiles), { reach: "machine" }),
  unstorageTarget("memory", () => ({ open: inMemory(createStorage({ driver: memoryDriver() })) })),
  unstorageTarget(
    "fs",
    inFolder((base) => storageOn(fsDriver({ base }))),
  ),
  unstorageTarget("lru-cache", () => ({ open: inMemory(createStorage({ driver: lruCacheDriver({ max: 10_000 }) })) })),
];
