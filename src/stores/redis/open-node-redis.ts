import type { RedisAddress, RedisCredentials, RedisHost } from "./address.ts";
import type { RedisClientLike } from "./client.ts";
import { CONNECT_MS, connectedOnce, connectOrEnd, type OpenedClient } from "./connecting.ts";
import { NODE_REDIS_LISTENER } from "./listening.ts";
import { endingOf } from "./node-redis-end.ts";

/** What the module `redis` exports, as far as it is used. */
export interface NodeRedisModule {
  createClient(options: object): NodeRedisClient & { readonly isReady: boolean };
  createCluster(options: object): NodeRedisClient & { readonly isReady: boolean };
  createSentinel(options: object): NodeRedisClient & { getMasterNode(): object | undefined };
}

type NodeRedisClient = RedisClientLike & {
  connect(): Promise<unknown>;
  destroy(): unknown;
  on(event: string, listener: (error: unknown) => void): unknown;
};

/** After how long a cluster is looked at anew, when one of its nodes does not answer. */
const LOOK_AGAIN_MS = 1000;
/**
 * Without the client's own timeout (node-redis 6 and newer), an `AbortSignal` that lives five seconds for each command and costs as much as it:
 * it is for commands that are not sent yet, which wait for a connection, and are refused here, or behind a full socket, where they are as
 * unknown as those in the socket.
 */
const COMMANDS = { commandOptions: { timeout: undefined } };
/** How often sentinels are asked who is master, beyond what they tell by themselves. */
const SCAN_MS = 2000;

export function openNodeRedis(redis: NodeRedisModule, address: RedisAddress): OpenedClient {
  if (address.kind === "single") return openSingle(redis, address);
  return address.kind === "cluster" ? openCluster(redis, address) : openSentinel(redis, address);
}

function openSingle(redis: NodeRedisModule, address: RedisAddress): OpenedClient {
  const [host] = address.hosts;
  const client = redis.createClient({ ...COMMANDS, ...nodeOptions(address), socket: socketOptions(address, host) });
  const ending = endingOf(client);
  const connected = connectedOnce({ connect: ending.connect, on: (...listener) => client.on(...listener) });
  return { client, connected, isReady: () => client.isReady, end: ending.end };
}

function openCluster(redis: NodeRedisModule, address: RedisAddress): OpenedClient {
  const life = new AbortController();
  const client = redis.createCluster({
    ...COMMANDS,
    rootNodes: address.hosts.map((host) => ({ socket: { ...socketOptions(address, host), ...lasting(life) } })),
    defaults: { ...nodeOptions(address), socket: { ...socketOptions(address), ...lasting(life) } },
    topologyRefreshOnReconnectionAttemptStrategy: LOOK_AGAIN_MS,
  });
  client.on("error", () => {});
  const end = (): void => destroy(client, life);
  // It would wait for a node that is down until that comes back, though another has taken its place.
  return { client, connected: connectOrEnd(client, end, "node-error"), isReady: () => client.isReady, end };
}

function openSentinel(redis: NodeRedisModule, address: RedisAddress): OpenedClient {
  const life = new AbortController();
  const socket = { ...socketOptions(address), ...lasting(life) };
  const client = redis.createSentinel({
    ...COMMANDS,
    name: address.master,
    sentinelRootNodes: [...address.hosts],
    nodeClientOptions: { ...nodeOptions(address), socket },
    sentinelClientOptions: { ...login(address.sentinelCredentials), socket },
    scanInterval: SCAN_MS,
    // Else it keeps calls while there is no master, and asks the sentinels without a pause.
    maxCommandRediscovers: 0,
  });
  client.on("error", () => {});
  const end = (): void => destroy(client, life);
  const listener = (): object => {
    const master = client.getMasterNode();
    if (master === undefined) throw new Error("The sentinels know no master at the moment");
    return redis.createClient({
      ...nodeOptions(address),
      ...NODE_REDIS_LISTENER,
      socket: { ...socketOptions(address), ...master },
    });
  };
  const isReady = (): boolean => client.getMasterNode() !== undefined;
  return { client, connected: connectOrEnd(client, end), isReady, listener, end };
}

/**
 * Ends a client of several servers, and with it every socket: of those that are being opened it does not know yet, and would leave them
 * open, and the process with them. A client of sentinels ends later, when what it is connecting to has answered.
 */
function destroy(client: NodeRedisClient, life: AbortController): void {
  void Promise.resolve(client.destroy()).catch(() => undefined);
  life.abort();
}

/** Socket options for as long as a client lives: no socket outlasts it, and none is opened afterwards. */
function lasting({ signal }: AbortController): object {
  const reconnectStrategy = (retries: number, cause: Error): number | Error =>
    // Else as the client has it by itself.
    signal.aborted ? cause : Math.min(2 ** retries * 50, 2000) + Math.floor(Math.random() * 200);
  return { signal, reconnectStrategy };
}

function nodeOptions({ credentials, database }: RedisAddress): object {
  return { ...login(credentials), ...(database === 0 ? {} : { database }), disableOfflineQueue: true };
}

function login({ username, password }: RedisCredentials): object {
  return { ...(username === undefined ? {} : { username }), ...(password === undefined ? {} : { password }) };
}

function socketOptions({ tls }: RedisAddress, host?: RedisHost): object {
  return { ...host, connectTimeout: CONNECT_MS, ...(tls ? { tls } : {}) };
}
