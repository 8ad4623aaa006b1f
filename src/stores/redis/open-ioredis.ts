import type { RedisAddress } from "./address.ts";
import type { RedisClientLike } from "./client.ts";
import { CONNECT_MS, connectedOnce, type OpenedClient } from "./connecting.ts";

/** What the module `ioredis` exports, as far as it is used. */
export interface IoRedisModule {
  readonly Redis: new (options: object) => IoRedisClient;
  readonly Cluster: new (nodes: readonly object[], options: object) => IoRedisClient;
}

type IoRedisClient = RedisClientLike & {
  readonly status: string;
  connect(): Promise<unknown>;
  disconnect(): void;
  on(event: string, listener: (error: unknown) => void): unknown;
};

/** The longest that it waits between two attempts to connect. */
const RETRY_MS = 1000;

export function openIoRedis(ioredis: IoRedisModule, address: RedisAddress): OpenedClient {
  const client = clientOf(ioredis, address);
  return {
    client,
    connected: connectedOnce(client),
    isReady: () => client.status === "ready",
    end: () => client.disconnect(),
  };
}

function clientOf({ Redis, Cluster }: IoRedisModule, address: RedisAddress): IoRedisClient {
  const { kind, tls, hosts, credentials, database, master, sentinelCredentials } = address;
  const node = { ...credentials, ...(tls ? { tls: {} } : {}), connectTimeout: CONNECT_MS };
  if (kind === "cluster") {
    // It looks names up by itself, after which a certificate's name is none that it knows.
    const dnsLookup = { dnsLookup: (name: string, found: (error: null, name: string) => void) => found(null, name) };
    return new Cluster([...hosts], {
      lazyConnect: true,
      enableOfflineQueue: false,
      redisOptions: node,
      ...(tls ? dnsLookup : {}),
    });
  }
  const settings = {
    ...node,
    db: database,
    lazyConnect: true,
    enableOfflineQueue: false,
    // Calls whose reply was lost are not kept for the next connection: the session sends them again itself, once.
    maxRetriesPerRequest: 0,
    retryStrategy: (times: number) => Math.min(2 ** times * 25, RETRY_MS),
  };
  if (kind === "single") return new Redis({ ...settings, ...hosts[0] });
  return new Redis({
    ...settings,
    sentinels: [...hosts],
    name: master,
    sentinelUsername: sentinelCredentials.username,
    sentinelPassword: sentinelCredentials.password,
    ...(tls ? { sentinelTLS: {}, enableTLSForSentinelMode: true } : {}),
  });
}
