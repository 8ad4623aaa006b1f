import assert from "node:assert/strict";
import { after, afterEach, before, describe } from "node:test";
import { needs } from "../servers/needs.ts";
import { startProxy, type FaultProxy } from "../servers/proxy.ts";
import { startRedisCluster } from "../servers/redis-cluster.ts";
import { startRedisSentinel } from "../servers/redis-sentinel.ts";
import type { RedisServer } from "../servers/redis.ts";
import { endAfter } from "../servers/watchdog.ts";
import { rigOn } from "./redis/fault-rig.ts";
import { faultTests } from "./redis/faults.ts";
import { clustered, libraries, sentinelled, type Library, type Opener } from "./redis/targets.ts";

endAfter(180);

const unhandled: unknown[] = [];
process.on("unhandledRejection", (reason) => unhandled.push(reason));
afterEach(() => assert.deepEqual(unhandled, []));

interface Topology {
  readonly servers: readonly RedisServer[];
  open(library: Library): Opener;
  stop(): Promise<void>;
}

/** Each is told the port of a proxy, and tells it to its clients. */
const topologies = {
  async "redis faults behind sentinels"(announce) {
    const trio = await startRedisSentinel([], announce);
    return { servers: trio.nodes, open: (library) => sentinelled(library, trio), stop: () => trio.stop() };
  },
  async "redis faults on a cluster"(announce) {
    const cluster = await startRedisCluster([], announce);
    return { servers: cluster.nodes, open: (library) => clustered(library, cluster), stop: () => cluster.stop() };
  },
} satisfies Readonly<Record<string, (announce: (port: number) => Promise<number>) => Promise<Topology>>>;

for (const [name, start] of Object.entries(topologies)) {
  describe(name, { skip: needs("redis") }, () => {
    const proxies: FaultProxy[] = [];
    let topology: Topology;
    before(async () => {
      topology = await start(async (port) => {
        const proxy = await startProxy(port);
        proxies.push(proxy);
        return proxy.port;
      });
    });
    after(async () => {
      await topology.stop();
      for (const proxy of proxies) await proxy.stop();
    });
    for (const library of libraries) {
      describe(library, () => {
        faultTests((t) => rigOn(t, { servers: topology.servers, proxies, open: topology.open(library) }), 40);
      });
    }
  });
}
