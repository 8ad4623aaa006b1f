import type { MemcachedServer } from "../../servers/memcached.ts";
import { memcachedTarget, startServers } from "../memcached/targets.ts";
import { served, type StoreFamily, type StorePart } from "./family.ts";

function serversOf(count: number, connections: number): StorePart {
  const name = count === 1 ? "one server" : `${count} servers, ${connections} connections to each`;
  const start = async (): Promise<{ servers: readonly MemcachedServer[]; stop(): Promise<unknown> }> => {
    const servers = await startServers(count);
    return { servers, stop: () => Promise.all(servers.map((server) => server.stop())) };
  };
  return served(name, ["memcached"], start, (started) => [
    memcachedTarget(`memcached (${name})`, () => started().servers, { connections }),
  ]);
}

export const memcached: StoreFamily = {
  name: "Memcached",
  page: "docs/stores/memcached.md",
  parts: [serversOf(1, 1), serversOf(3, 2)],
};
