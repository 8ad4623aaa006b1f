import { Redis } from "ioredis";
import pg from "pg";
import postgres from "postgres";
import { createClient } from "redis";
import { nearStore, type NearStore } from "../../../src/stores/near.ts";
import { postgresFeed, postgresStore, type PostgresFeedOptions } from "../../../src/stores/postgres.ts";
import { redisFeed, redisStore, type RedisFeedOptions } from "../../../src/stores/redis.ts";
import { Keys, sessionKey } from "../../../src/stores/redis/keys.ts";
import type { StoreTarget } from "../../../src/testing/store-rule.ts";
import { newPrefix, single, type Library } from "../redis/targets.ts";
import { newTable } from "../sql/targets.ts";
import { ready } from "./support.ts";

/** What a near store is made with here, besides its store and feed. */
export interface NearSettings {
  readonly staleSeconds?: number;
}

/** A near store that ends its own client when it is closed, as the kit opens and closes many. */
export function endingWith(near: NearStore, end: () => Promise<unknown>): NearStore {
  const close = near.close.bind(near);
  let ending: Promise<void> | undefined;
  near.close = () => (ending ??= close().then(async () => void (await end())));
  return near;
}

/** A new client for a feed alone, as an application would make one. */
export function redisListener(library: Library, port: number): object {
  return library === "node-redis"
    ? createClient({ RESP: 2, socket: { host: "127.0.0.1", port } })
    : new Redis({ protocol: 2, host: "127.0.0.1", port, lazyConnect: true });
}

/** Opens a near store over Redis, with a client of its own. */
export async function openNearRedis(
  library: Library,
  port: number,
  prefix: string,
  settings: NearSettings = {},
  feedOptions: Partial<RedisFeedOptions> = {},
): Promise<NearStore> {
  const { client, end } = await single(library, port)();
  const feed = redisFeed({ client, prefix, ...feedOptions });
  return endingWith(nearStore({ store: redisStore({ client, prefix }), feed, ...settings }), end);
}

/** What a driver of PostgreSQL makes of a URL: a client, and one for a feed alone. */
export const postgresClients = {
  pg: {
    open(url: string) {
      const client = new pg.Pool({ connectionString: url, max: 4 });
      return { client, end: () => client.end() };
    },
    listener: (url: string) => new pg.Client({ connectionString: url }),
  },
  postgres: {
    open(url: string) {
      const client = postgres(url, { onnotice: () => undefined, backoff: () => 0.1, max: 4 });
      return { client, end: () => client.end({ timeout: 1 }) };
    },
    listener: (url: string) => postgres(url, { onnotice: () => undefined, backoff: () => 0.1, max: 1 }),
  },
} as const;

export type Driver = keyof typeof postgresClients;

/** Opens a near store over PostgreSQL, with a client of its own. */
export function openNearPostgres(
  driver: Driver,
  url: string,
  table: string,
  settings: NearSettings = {},
  feedOptions: Partial<PostgresFeedOptions> = {},
): NearStore {
  const { client, end } = postgresClients[driver].open(url);
  const feed = postgresFeed({ client, table, ...feedOptions });
  return endingWith(nearStore({ store: postgresStore({ client, table }), feed, ...settings }), end);
}

/** The kit's target: near stores over Redis on this port, each with its feed at work. */
export function nearRedisTarget(library: Library, port: () => number): StoreTarget {
  return {
    name: `near redis (${library})`,
    storage() {
      const prefix = newPrefix();
      const opened: NearStore[] = [];
      return {
        async open() {
          const near = await openNearRedis(library, port(), prefix);
          opened.push(near);
          await ready(near);
          return near;
        },
        async corrupt(handle) {
          const client = new Redis(port());
          const keys = new Keys(prefix, 1);
          await client.set(sessionKey(keys.shardOf(handle), handle), "S1L              now:yesterday:0:1:-:");
          client.disconnect();
          await Promise.all(opened.map((near) => near.sync()));
        },
      };
    },
  };
}

/** The kit's target: near stores over the PostgreSQL at this URL, each with its feed at work. */
export function nearPostgresTarget(driver: Driver, url: () => string): StoreTarget {
  return {
    name: `near postgres (${driver})`,
    storage() {
      const table = newTable();
      const opened: NearStore[] = [];
      return {
        async open() {
          const near = openNearPostgres(driver, url(), table);
          opened.push(near);
          await ready(near);
          return near;
        },
        async corrupt(handle) {
          const client = new pg.Client({ connectionString: url() });
          await client.connect();
          await client.query(`ALTER TABLE ${table} DROP CONSTRAINT ${table}_created_at_check`);
          await client.query(`UPDATE ${table} SET created_at = 9223372036854775807 WHERE session_handle = '${handle}'`);
          await client.end();
          await Promise.all(opened.map((near) => near.sync()));
        },
      };
    },
  };
}
