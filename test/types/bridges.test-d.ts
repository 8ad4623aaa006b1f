// Compiled, never run: every line that is marked as an error has to be one.
import { RedisStore } from "connect-redis";
import { MemoryStore, type Store } from "express-session";
import { createStorage, prefixStorage, type Storage } from "unstorage";
import { expressSessionStore } from "sojourn/stores/express-session";
import { unstorageStore } from "sojourn/stores/unstorage";

// What an application adds to its sessions of express-session is nothing to the bridge.
declare module "express-session" {
  interface SessionData {
    views: number;
  }
}

declare const anyStore: Store;
declare const client: object;

expressSessionStore({ store: new MemoryStore() });
expressSessionStore({ store: anyStore, prefix: "app-", reach: "machine", durable: true });
expressSessionStore({ store: new RedisStore({ client }), readBack: false, endedSeconds: 86_400 });
// @ts-expect-error a store has to be able to remove
expressSessionStore({ store: { get() {}, set() {} } });
// @ts-expect-error "none" is for stores that keep nothing
expressSessionStore({ store: anyStore, reach: "none" });
// @ts-expect-error it cannot compare and write in one step
const compares: true = expressSessionStore({ store: anyStore }).compareAndSwap;
void compares;

const storage: Storage = createStorage();
unstorageStore({ storage });
unstorageStore({ storage: createStorage<string>(), base: "app:sessions", listing: false });
unstorageStore({ storage: prefixStorage(storage, "app") });
// @ts-expect-error a storage has to be able to list, even where it is not used
unstorageStore({ storage: { getItem: storage.getItem, setItem: storage.setItem, removeItem: storage.removeItem } });
