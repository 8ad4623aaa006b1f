// The store of the race tests' server: `BRIDGE=express-session:PORT`, over a Redis; or `unstorage:PORT`, or `express-session:memory`.
import { RedisStore } from "connect-redis";
import { MemoryStore } from "express-session";
import { createClient } from "redis";
import { expressSessionStore, type KeyedStore } from "../../../src/stores/express-session.ts";
import { unstorageStore } from "../../../src/stores/unstorage.ts";
import { endingWith, storageOnRedis } from "./targets.ts";

const [bridge, place = ""] = (process.env["BRIDGE"] ?? "").split(":");

function onUnstorage(port: number): KeyedStore {
  const { over, end } = storageOnRedis(port);
  return endingWith(unstorageStore({ storage: over }), end);
}

function onConnectRedis(port: number): KeyedStore {
  const client = createClient({ socket: { host: "127.0.0.1", port } });
  client.on("error", () => {});
  // What is asked meanwhile waits in the client.
  client.connect().catch(() => {});
  return endingWith(expressSessionStore({ store: new RedisStore({ client }) }), () => client.destroy());
}

function chosen(): KeyedStore {
  if (bridge === "unstorage") return onUnstorage(Number(place));
  return place === "memory" ? expressSessionStore({ store: new MemoryStore() }) : onConnectRedis(Number(place));
}

export default chosen();
