import { SessionError } from "../../core/errors.ts";
import type { RedisAddress } from "./address.ts";
import type { OpenedClient } from "./connecting.ts";
import { openIoRedis, type IoRedisModule } from "./open-ioredis.ts";
import { openNodeRedis, type NodeRedisModule } from "./open-node-redis.ts";

/**
 * Makes a client of `redis` or of `ioredis`, whichever is installed, and lets it connect.
 *
 * @throws {SessionError} `ERR_SESSION_CONFIG` when neither is installed
 */
export async function openClient(address: RedisAddress): Promise<OpenedClient> {
  const redis = await imported<NodeRedisModule>("redis");
  if (redis !== undefined) return openNodeRedis(redis, address);
  const ioredis = await imported<IoRedisModule>("ioredis");
  if (ioredis !== undefined) return openIoRedis(ioredis, address);
  throw new SessionError("ERR_SESSION_CONFIG", "A redis: URL needs a client: install `redis` or `ioredis`");
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
