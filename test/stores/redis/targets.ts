import { Cluster, Redis } from "ioredis";
import { createClient, createCluster, createSentinel } from "redis";
import { newVersion } from "../../../src/core/id.ts";
import { Keys, sessionKey } from "../../../src/stores/redis/keys.ts";
import { redisStore, type RedisClientLike, type RedisStore, type RedisStoreOptions } from "../../../src/stores/redis.ts";
import type { StoreTarget } from "../../../src/testing/store-rule.ts";
import type { RedisCluster } from "../../servers/redis-cluster.ts";
import type { RedisSentinel } from "../../servers/redis-sentinel.ts";

/** A client of either library, and how to end it. */
export interface OpenedClient {
  readonly client: RedisClientLike;
  /** Sends one command to the node of `key`. */
  command(key: string, ...words: string[]): Promise<unknown>;
  end(): Promise<void>;
}

export type Opener = () => Promise<OpenedClient>;

export const libraries = ["node-redis", "ioredis"] as const;
export type Library = (typeof libraries)[number];

/** A client, made and not connected. */
interface Made extends OpenedClient {
  readonly connect: () => Promise<unknown>;
}

/** Connects it; a client that does not connect would try on for ever, and keep the tests from ending. */
async function connected({ connect, ...client }: Made): Promise<OpenedClient> {
  try {
    await connect();
    return client;
  } catch (error) {
    await client.end();
    throw error;
  }
}

function ofIoRedis(client: Redis | Cluster): Promise<OpenedClient> {
  client.on("error", () => {});
  return connected({
    client,
    connect: () => client.connect(),
    command: (_key, word = "", ...words) => client.call(word, ...words),
    end: async () => client.disconnect(),
  });
}

/** A client of one server. */
export function single(library: Library, port: number, settings: object = {}): Opener {
  if (library === "ioredis") {
    return () => ofIoRedis(new Redis({ host: "127.0.0.1", port, lazyConnect: true, ...settings }));
  }
  return () => {
    const client = createClient({ socket: { host: "127.0.0.1", port }, ...settings });
    client.on("error", () => {});
    return connected({
      client,
      connect: () => client.connect(),
      command: (_key, ...words) => client.sendCommand(words),
      end: async () => client.destroy(),
    });
  };
}

/** A cluster client. */
export function clustered(library: Library, cluster: RedisCluster): Opener {
  const nodes = cluster.nodes.map(({ port }) => ({ host: "127.0.0.1", port }));
  if (library === "ioredis") return () => ofIoRedis(new Cluster(nodes, { lazyConnect: true }));
  return () => {
    const client = createCluster({ rootNodes: nodes.map((socket) => ({ socket })) });
    client.on("error", () => {});
    return connected({
      client,
      connect: () => client.connect(),
      command: (key, ...words) => client.sendCommand(key, false, words),
      end: async () => client.destroy(),
    });
  };
}

/** A client that finds the master through sentinels. */
export function sentinelled(library: Library, trio: RedisSentinel): Opener {
  const sentinels = trio.sentinels.map(({ host, port }) => ({ host, port }));
  const name = trio.masterName;
  if (library === "ioredis") return () => ofIoRedis(new Redis({ sentinels, name, lazyConnect: true }));
  return () => {
    const client = createSentinel({ name, sentinelRootNodes: sentinels, scanInterval: 500 });
    client.on("error", () => {});
    return connected({
      client,
      connect: () => client.connect(),
      command: (_key, ...words) => client.sendCommand(false, words),
      end: async () => void (await client.destroy()),
    });
  };
}

/** A store that ends its own client when it is closed, as the kit opens and closes many. */
export async function opened(open: Opener, options: Omit<RedisStoreOptions, "client">): Promise<RedisStore> {
  const { client, end } = await open();
  const store = redisStore({ client, ...options });
  const close = store.close.bind(store);
  let ending: Promise<void> | undefined;
  store.close = () => (ending ??= close().then(end));
  return store;
}

/** A prefix that nothing else has. */
export function newPrefix(): string {
  return `${newVersion()}:`;
}

/** The kit's target: a new prefix for each rule. */
export function target(name: string, open: Opener, options: Omit<RedisStoreOptions, "client" | "prefix"> = {}): StoreTarget {
  return {
    name,
    storage() {
      const prefix = newPrefix();
      return {
        open: () => opened(open, { prefix, ...options }),
        async corrupt(handle) {
          const { client, command, end } = await open();
          const { isCluster } = client as { isCluster?: boolean };
          const shards = options.shards ?? ("nodeClient" in client || isCluster === true ? 16 : 1);
          const keys = new Keys(prefix, shards);
          const key = sessionKey(keys.shardOf(handle), handle);
          await command(key, "SET", key, "S1L              now:yesterday:0:1:-:");
          await end();
        },
      };
    },
  };
}
