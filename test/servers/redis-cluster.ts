import { freePort, until } from "./process.ts";
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

const MASTERS = 3;
const NODES = 2 * MASTERS;
const SLOTS = 16_384;

/** A node, and the port on which the others speak with it. */
interface Node extends AsyncDisposable {
  readonly server: RedisServer;
  readonly bus: number;
}

/** Puts something in front of a server's port, and gives the port that clients are told instead. */
export type Announce = (port: number) => Promise<number>;

/** Starts a Redis Cluster of six nodes on free ports; a master that is killed is replaced within about three seconds. */
export async function startRedisCluster(extra: readonly string[] = [], announce?: Announce): Promise<RedisCluster> {
  const started = await startAll(
    Array.from({ length: NODES }, () => startRedisNode(extra, announce)),
    ({ server }) => server.stop(),
  );
  const nodes = started.map(({ server }) => server);
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
    await join(started);
    await cluster.untilWhole(30);
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

/** Starts a node that knows no other. */
export async function startRedisNode(extra: readonly string[] = [], announce?: Announce): Promise<Node> {
  const [port, bus] = [await freePort(), await freePort()];
  const args = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-port", String(bus)];
  if (announce !== undefined) args.push("--cluster-announce-port", String(await announce(port)));
  // A master that is killed in the first seconds would otherwise have no replica yet.
  const server = await startRedis({ port, args: [...args, "--repl-diskless-sync-delay", "0", ...extra] });
  return { bus, server, [Symbol.asyncDispose]: () => server.stop() };
}

/**
 * Makes the nodes a cluster: a third of the slots for each master, and a replica for each. `redis-cli --cluster create` introduces the
 * nodes once and then waits for ever: on a busy machine, an introduction that took longer than the nodes' time limit was forgotten.
 */
async function join(nodes: readonly Node[]): Promise<void> {
  const masters = nodes.slice(0, MASTERS).map(({ server }) => server);
  for (const [index, master] of masters.entries()) {
    const [first, end] = [index, index + 1].map((each) => Math.floor((each * SLOTS) / MASTERS));
    await order(master, "CLUSTER", "ADDSLOTSRANGE", String(first), String(Number(end) - 1));
    await order(master, "CLUSTER", "SET-CONFIG-EPOCH", String(index + 1));
  }
  await introduce(nodes);
  const ids = await Promise.all(masters.map(async (master) => (await master.command("CLUSTER", "MYID")).split("\r\n")[1]));
  for (const [index, { server }] of nodes.slice(MASTERS).entries()) {
    await order(server, "CLUSTER", "REPLICATE", ids[index] ?? "");
  }
  await until("every node knows which are replicas", async () => {
    const known = await Promise.all(nodes.map(({ server }) => server.command("CLUSTER", "NODES")));
    return known.every((list) => linesOf(list).filter((line) => line.includes("slave")).length === NODES - MASTERS);
  });
}

/** Until every node knows every other one; those that do not are introduced again. */
export async function introduce(nodes: readonly Node[]): Promise<void> {
  const [first] = nodes;
  let last = 0;
  await until(
    "the nodes of the cluster know each other",
    async () => {
      const known = await Promise.all(nodes.map(({ server }) => server.command("CLUSTER", "NODES")));
      if (known.every((list) => linesOf(list).length === nodes.length && !list.includes("handshake"))) return true;
      if (performance.now() - last > 1500) {
        last = performance.now();
        for (const { server, bus } of nodes.slice(1)) {
          await first?.server.command("CLUSTER", "MEET", "127.0.0.1", String(server.port), String(bus));
        }
      }
      return false;
    },
    30,
  );
}

async function order(node: RedisServer, ...words: readonly string[]): Promise<void> {
  const reply = await node.command(...words);
  if (!reply.startsWith("+OK")) throw new Error(`${words.join(" ")}: ${reply}`);
}

/** The lines of `CLUSTER NODES`, one a node. */
function linesOf(nodes: string): string[] {
  return nodes.split("\n").filter((line) => /^[0-9a-f]{40} /.test(line));
}

async function isWhole(node: RedisServer): Promise<boolean> {
  const state = infoField(await node.command("CLUSTER", "INFO"), "cluster_state");
  const replication = await node.command("INFO", "replication");
  const follows = infoField(replication, "role") === "master" || infoField(replication, "master_link_status") === "up";
  return state === "ok" && follows;
}

/** Waits for all; when one does not start, stops the others. */
export async function startAll<T>(starts: readonly Promise<T>[], stop: (started: T) => Promise<void>): Promise<T[]> {
  const results = await Promise.allSettled(starts);
  const started = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const failed = results.find((result) => result.status === "rejected");
  if (failed === undefined) return started;
  await Promise.all(started.map(stop));
  throw failed.reason;
}

export async function stopAll(servers: readonly RedisServer[]): Promise<void> {
  await Promise.all(servers.map((server) => server.stop()));
}
