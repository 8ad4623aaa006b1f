import { join } from "node:path";
import { writeFileSync } from "node:fs";
import { redisExchange } from "./exchange.ts";
import { freePort, removeServerFolder, serverFolder, ServerProcess, until } from "./process.ts";
import { requireProgram } from "./programs.ts";
import { infoField, startRedis, type RedisServer } from "./redis.ts";
import { startAll, stopAll, type Announce } from "./redis-cluster.ts";

/** A master, two replicas, and three sentinels that agree on which is which. */
export interface RedisSentinel extends AsyncDisposable {
  /** The name that clients ask for. */
  readonly masterName: string;
  readonly sentinels: readonly { readonly host: string; readonly port: number }[];
  readonly nodes: readonly RedisServer[];
  /** The master at this moment, as the first sentinel says. */
  master(): Promise<RedisServer>;
  stop(): Promise<void>;
}

const MASTER_NAME = "sojourn";

/**
 * Starts one master, two replicas and three sentinels; a master that is killed is replaced within about three seconds.
 *
 * @param announce for the first master
 */
export async function startRedisSentinel(extra: readonly string[] = [], announce?: Announce): Promise<RedisSentinel> {
  const common = ["--repl-diskless-sync-delay", "0", ...extra];
  const first = await startRedis({ args: common });
  const announced = (await announce?.(first.port)) ?? first.port;
  const replicaArgs = ["--replicaof", "127.0.0.1", String(announced), ...common];
  const replicas = await startAll([startRedis({ args: replicaArgs }), startRedis({ args: replicaArgs })], (each) =>
    each.stop(),
  );
  const nodes = [first, ...replicas];
  const sentinels: Sentinel[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(sentinels.map((sentinel) => sentinel.stop()));
    await stopAll(nodes);
  };
  try {
    // Sentinels that start earlier find the replicas only ten seconds later.
    for (const replica of replicas) {
      await until("the replica follows its master", async () => {
        return infoField(await replica.command("INFO", "replication"), "master_link_status") === "up";
      });
    }
    for (let each = 0; each < 3; each += 1) sentinels.push(await startSentinel(announced));
    for (const { port } of sentinels) {
      await until("the sentinels know each other and the replicas", async () => {
        const info = await redisExchange(port, "INFO", "sentinel");
        return info.includes("status=ok") && info.includes("slaves=2") && info.includes("sentinels=3");
      });
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    masterName: MASTER_NAME,
    sentinels: sentinels.map(({ port }) => ({ host: "127.0.0.1", port })),
    nodes,
    async master() {
      const reply = await redisExchange(sentinels[0]?.port ?? 0, "SENTINEL", "get-master-addr-by-name", MASTER_NAME);
      const named = (port: number): boolean => reply.includes(`\r\n${port}\r\n`);
      const master = named(announced) ? first : nodes.find(({ port }) => named(port));
      if (master === undefined) throw new Error("The sentinel names a master that was not started here");
      return master;
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

interface Sentinel {
  readonly port: number;
  stop(): Promise<void>;
}

async function startSentinel(masterPort: number): Promise<Sentinel> {
  const port = await freePort();
  const folder = serverFolder("sentinel");
  const file = join(folder, "sentinel.conf");
  const lines = [
    `port ${port}`,
    "bind 127.0.0.1",
    `dir ${folder}`,
    `sentinel monitor ${MASTER_NAME} 127.0.0.1 ${masterPort} 2`,
    `sentinel down-after-milliseconds ${MASTER_NAME} 1000`,
    `sentinel failover-timeout ${MASTER_NAME} 5000`,
    `sentinel parallel-syncs ${MASTER_NAME} 2`,
  ];
  writeFileSync(file, `${lines.join("\n")}\n`);
  const server = await ServerProcess.start({
    program: requireProgram("redis-server"),
    args: [file, "--sentinel"],
    async ready() {
      const reply = await redisExchange(port, "PING");
      if (!reply.startsWith("+PONG")) throw new Error(reply);
    },
  });
  return {
    port,
    async stop() {
      await server.stop();
      removeServerFolder(folder);
    },
  };
}
