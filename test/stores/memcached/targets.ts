import { newVersion } from "../../../src/core/id.ts";
import { memcachedStore, type MemcachedStore, type MemcachedStoreOptions } from "../../../src/stores/memcached.ts";
import type { StoreTarget } from "../../../src/testing/store-rule.ts";
import { exchange } from "../../servers/exchange.ts";
import { type MemcachedServer, startMemcached } from "../../servers/memcached.ts";

/** The kit stores a megabyte of data, which is more than the items of a server that is not told otherwise. */
export const LARGE_ITEMS = ["-I", "4m"] as const;

/** A prefix that nothing else has. */
export function newPrefix(): string {
  return `${newVersion()}:`;
}

/** What servers are called in the options. */
export function addressesOf(servers: readonly MemcachedServer[]): string[] {
  return servers.map(({ host, port }) => `${host}:${port}`);
}

/** A store on these servers. */
export function openStore(
  servers: readonly MemcachedServer[],
  options: Partial<MemcachedStoreOptions> = {},
): MemcachedStore {
  return memcachedStore({ servers: addressesOf(servers), prefix: newPrefix(), ...options });
}

/** Sends a command to a server, past the store, and gives the reply up to `end`. */
export function command(server: MemcachedServer, text: string, end = "\r\n"): Promise<string> {
  return exchange(server.port, `${text}\r\n`, (reply) => reply.endsWith(end));
}

/** The kit's target: a new prefix for each rule, on servers that are running. */
export function memcachedTarget(
  name: string,
  servers: () => readonly MemcachedServer[],
  options: Partial<MemcachedStoreOptions> = {},
): StoreTarget {
  return {
    name,
    storage() {
      const prefix = newPrefix();
      return {
        open: () => openStore(servers(), { prefix, ...options }),
        async corrupt(handle) {
          const damage = 'sojourn1:live:["v","yesterday",0,null,0]\t{}';
          // Where the session is not, this changes nothing.
          await Promise.all(
            servers().map((server) => command(server, `replace ${prefix}${handle} 0 0 ${damage.length}\r\n${damage}`)),
          );
        },
      };
    },
  };
}

/** The servers that a suite runs on, large enough for the kit. */
export function startServers(count: number): Promise<MemcachedServer[]> {
  return Promise.all(Array.from({ length: count }, () => startMemcached({ megabytes: 128, args: LARGE_ITEMS })));
}
