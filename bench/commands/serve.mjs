// A server process whose store's calls are counted: `node serve.mjs sojourn|express-session ENGINE URLS`. Tells its port, and when asked the
// calls of its store so far, and the statements that it gave to SQLite.
import Database from "better-sqlite3";
import { createSessions, memoryStore, storeFromUrl } from "../../dist/index.js";
import { nearStore } from "../../dist/stores/near.js";
import { redisFeed, redisStore } from "../../dist/stores/redis.js";
import { sqliteStore } from "../../dist/stores/sqlite.js";
import { listen } from "../http/bare.mjs";
import { clients } from "../http/clients.mjs";
import { es, esStores } from "../http/peers.mjs";
import { on } from "../http/sojourn.mjs";

const [library, engine, given] = process.argv.slice(2);
const urls = JSON.parse(given);
let calls = 0;
let statements = 0;

/** A database whose statements are counted, set as the one of the HTTP benchmark. */
function openSqlite(name) {
  const database = new Database(`${urls.sqlite}-${name}`, { verbose: () => void statements++ });
  database.pragma("journal_mode = WAL");
  database.pragma("synchronous = NORMAL");
  return database;
}

/** This library's store, and express-session's usual one. */
const STORES = {
  sojourn: {
    memory: () => memoryStore(),
    sqlite: () => sqliteStore({ database: openSqlite("own") }),
    postgres: () => storeFromUrl(urls.postgres),
    redis: async () => redisStore({ client: await clients.nodeRedis(urls) }),
    async "near-redis"() {
      const client = await clients.nodeRedis(urls);
      return nearStore({ store: redisStore({ client }), feed: redisFeed({ client }) });
    },
  },
  "express-session": {
    memory: () => esStores.memory(),
    sqlite: () => esStores.sqlite(openSqlite("peer")),
    postgres: () => esStores.postgres(clients.pool(urls)),
    redis: async () => esStores.redis(await clients.nodeRedis(urls)),
  },
};

/** A store of this library's contract that counts how often it is called. */
function counted(store) {
  // Another object that inherits: what the store has fixed is then not the proxy's own.
  return new Proxy(Object.create(store), {
    get(_target, key) {
      const value = store[key];
      if (key === "users" && value !== undefined) return (users ??= counted(value));
      if (typeof value !== "function") return value;
      return (...args) => {
        calls++;
        return value.apply(store, args);
      };
    },
  });
}
let users;

/** The same for express-session's, which call themselves. */
function countedInPlace(store) {
  for (const verb of ["get", "set", "touch", "destroy"]) {
    const own = store[verb];
    store[verb] = function count(...args) {
      calls++;
      return own.apply(this, args);
    };
  }
  return store;
}

const store = await STORES[library][engine]();
const isOwn = library === "sojourn";
const app = isOwn
  ? on.express(createSessions({ store: counted(store), cookie: { secure: false } }))
  : es(countedInPlace(store));
const port = await listen(app);
process.on("message", () => process.send({ calls, statements }));
process.on("disconnect", () => process.exit());
process.send({ port });
