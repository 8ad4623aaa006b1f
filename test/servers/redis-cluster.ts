import { freePort, runProgram, until } from "./process.ts";
import { requireProgram } from "./programs.ts";
import { infoField, startRedis, type RedisServer } from "./redis.ts";

/** Three masters and three replicas. */
export interface RedisCluster extends AsyncDisposable {
  /** Every node; which of them is a master changes with a failover. */
  readonly nodes: readonly RedisServer[];
  /** The nodes that are masters at this moment, by what they say of themselves. */
  masters(): Promise<RedisServer[]>;
  /** Resolves when every running node sees a whole cluster and every replica follows its master. */
  untilWhole(seconds?: number): Promise<void>;
  stop(): Promise<void>;
}

const NODES = 6;

/** Starts a Redis Cluster of six nodes on free ports; a master that is killed is replaced within about three seconds. */
export async function startRedisCluster(extra: readonly string[] = []): Promise<RedisCluster> {
  const nodes = await startAll(
    Array.from({ length: NODES }, async () => {
      const bus = await freePort();
      const args = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-port", String(bus)];
      // A master that is killed in the first seconds would otherwise have no replica yet.
      return startRedis({ args: [...args, "--repl-diskless-sync-delay", "0", ...extra] });
    }),
  );
  const running = (): RedisServer[] => nodes.filter((node) => node.process.isRunning);
  const cluster: RedisCluster = {
    nodes,
    async masters() {
      const roles = await Promise.all(
        running().map(async (node) => ({ node, info: await node.command("INFO", "replication") })),
      );
      return roles.filter(({ info }) => infoField(info, "role") === "master").map(({ node }) => node);
    },
    untilWhole: (seconds) =>
      until("the cluster is whole", async () => (await Promise.all(running().map(isWhole))).every(Boolean), seconds),
    stop: () => stopAll(nodes),
    [Symbol.asyncDispose]: () => stopAll(nodes),
  };
  try {
    const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`);
    const create = ["--cluster", "create", ...addresses, "--cluster-replicas", "1", "--cluster-yes"];
    await runProgram(requireProgram("redis-cli"), create);
    await cluster.untilWhole(30);
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

async function isWhole(node: RedisServer): Promise<boolean> {
  const state = infoField(await node.command("CLUSTER", "INFO"), "cluster_state");
  const replication = await node.command("INFO", "replication");
  const follows = infoField(replication, "role") === "master" || infoField(replication, "master_link_status") === "up";
  return state === "ok" && follows;
}

/** Waits for all; when one does not start, stops the others. */
export async function startAll(starts: readonly Promise<RedisServer>[]): Promise<RedisServer[]> {
  const results = await Promise.allSettled(starts);
  const started = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const failed = results.find((result) => result.status === "rejected");
  if (failed === undefined) return started;
  await stopAll(started);
  throw failed.reason;
}

export async function stopAll(servers: readonly RedisServer[]): Promise<void> {
  await Promise.all(servers.map((server) => server.stop()));
}
