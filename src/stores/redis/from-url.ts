import { SessionError } from "../../core/errors.ts";
import { portOf, type RedisClientLike, type RedisPort } from "./client.ts";
import { Keys } from "./keys.ts";
import { resolveRedisOptions, type RedisStoreOptions } from "./options.ts";
import { RedisSessions, type RedisStore } from "./store.ts";

/** A client that the store opened itself, and how to end it. */
interface OpenedClient {
  readonly client: RedisClientLike;
  end(): Promise<void>;
}

/** What the modules of the two libraries export, as far as it is used. */
interface NodeRedisModule {
  createClient(options: object): RedisClientLike & { connect(): Promise<unknown>; destroy(): void; on: On };
}
interface IoRedisModule {
  Redis: new (url: string, options: object) => RedisClientLike & { connect(): Promise<unknown>; disconnect(): void; on: On };
}
type On = (event: string, listener: () => void) => unknown;

/**
 * Opens the Redis that a URL names: `redis://user:password@host:port/database`, `rediss://` for TLS. Behind a `?` may stand `prefix`
 * and `index` as in the options of `redisStore`. The first call connects, with `redis` or `ioredis`, whichever is installed; the store reconnects by
 * itself. While there is no connection, calls fail at once, with `applied: "no"`.
 *
 * @throws {SessionError} `ERR_SESSION_CONFIG` for a URL that cannot be one; the first call rejects with it when neither client is installed
 */
export function redisStoreFromUrl(url: string): RedisStore {
  const { address, options } = parse(url);
  const { prefix, ...settings } = resolveRedisOptions({ ...options, client: {} as RedisClientLike });
  let opening: Promise<OpenedClient> | undefined;
  let ready: RedisPort | undefined;
  const port = (): RedisPort | Promise<RedisPort> => ready ?? connect();
  async function connect(): Promise<RedisPort> {
    opening ??= open(address);
    try {
      ready = portOf((await opening).client);
    } catch (error) {
      opening = undefined;
      throw error;
    }
    return ready;
  }
  return new RedisSessions(port, new Keys(prefix, 1), settings, async () => {
    ready?.close();
    await (await opening?.catch(() => undefined))?.end();
  });
}

function parse(url: string): { address: string; options: Omit<RedisStoreOptions, "client"> } {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !["redis:", "rediss:"].includes(parsed.protocol) || parsed.hostname === "") {
    throw config("A Redis URL looks like redis://localhost:6379 or rediss://user:password@host:6379/0");
  }
  const options: Record<string, string> = {};
  for (const [name, value] of parsed.searchParams) {
    if (name !== "prefix" && name !== "index") throw config("A Redis URL may have `prefix` and `index` behind its ?");
    options[name] = value;
  }
  parsed.search = "";
  return { address: parsed.href, options };
}

async function open(address: string): Promise<OpenedClient> {
  const redis = await imported<NodeRedisModule>("redis");
  if (redis !== undefined) {
    const client = redis.createClient({ url: address, disableOfflineQueue: true });
    await connectedOnce(client);
    return { client, end: async () => client.destroy() };
  }
  const ioredis = await imported<IoRedisModule>("ioredis");
  if (ioredis !== undefined) {
    const client = new ioredis.Redis(address, { lazyConnect: true, enableOfflineQueue: false });
    await connectedOnce(client);
    return { client, end: async () => client.disconnect() };
  }
  throw config("A redis: URL needs a client: install `redis` or `ioredis`");
}

/**
 * Waits for the first connection, or for the first time that there was none: the client goes on trying by itself, and until it succeeds
 * its calls fail at once.
 */
async function connectedOnce(client: { connect(): Promise<unknown>; on: On }): Promise<void> {
  const failed = new Promise<void>((resolve) => client.on("error", resolve));
  await Promise.race([client.connect().catch(() => undefined), failed]);
}

/** A package that may not be there. The name is a variable, so that bundlers do not look for it. */
async function imported<T>(name: string): Promise<T | undefined> {
  try {
    return (await import(name)) as T;
  } catch (error) {
    const code: unknown = error instanceof Error ? Reflect.get(error, "code") : undefined;
    if (code === "ERR_MODULE_NOT_FOUND") return undefined;
    throw error;
  }
}

function config(problem: string): SessionError {
  return new SessionError("ERR_SESSION_CONFIG", problem);
}
