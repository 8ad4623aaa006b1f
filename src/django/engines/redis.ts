import { SessionError } from "../../core/errors.ts";
import type { SessionHandle } from "../../core/id.ts";
import { type CacheKeyOptions, sessionCacheKey } from "../cache-key.ts";
import type { CacheEntry, DjangoCachePort } from "./cache.ts";

/** As much of node-redis (5 or newer) as is used. */
export interface DjangoNodeRedisLike {
  withTypeMapping(mapping: Record<number, unknown>): { sendCommand(args: (string | Buffer)[]): Promise<unknown> };
}

/** As much of ioredis (5 or newer) as is used. */
export interface DjangoIoRedisLike {
  callBuffer(command: string, args: (string | Buffer)[]): Promise<unknown>;
}

/** A connected client of one server, of either library. */
export type DjangoRedisLike = DjangoNodeRedisLike | DjangoIoRedisLike;

/** Django's cache on Redis: `CACHES[SESSION_CACHE_ALIAS]` with `RedisCache`, or django-redis with its default serializer. */
export interface DjangoRedisCache extends Omit<CacheKeyOptions, "engine"> {
  readonly redis: DjangoRedisLike;
}

const BLOB_STRING = 36;
const LOAD = "local v = redis.call('GET', KEYS[1]) return {v, redis.call('PTTL', KEYS[1])}";
const SAVE = `local v = redis.call('GET', KEYS[1])
if v == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) return {v, -3} end
return {v, redis.call('PTTL', KEYS[1])}`;
const REMOVE = `local v = redis.call('GET', KEYS[1])
if v and (ARGV[1] == '' or v == ARGV[1]) then redis.call('DEL', KEYS[1]) return {v, -3} end
return {v, redis.call('PTTL', KEYS[1])}`;
const DONE = -3;

/** The cache on Redis. Every call is one command. The client stays open. */
export class RedisCache implements DjangoCachePort {
  readonly #send: (args: (string | Buffer)[]) => Promise<unknown>;
  readonly #keyOf: (handle: SessionHandle) => string;

  constructor({ redis, ...key }: DjangoRedisCache, engine: "cache" | "cached_db") {
    const client: object = redis;
    if ("callBuffer" in client && typeof client.callBuffer === "function") {
      this.#send = ([command = "", ...args]) => (redis as DjangoIoRedisLike).callBuffer(String(command), args);
    } else if ("withTypeMapping" in client && typeof client.withTypeMapping === "function") {
      const binary = (redis as DjangoNodeRedisLike).withTypeMapping({ [BLOB_STRING]: Buffer });
      this.#send = (args) => binary.sendCommand(args);
    } else {
      throw new SessionError(
        "ERR_SESSION_CONFIG",
        "djangoSessions: `cache.redis` is neither a client of node-redis nor of ioredis",
      );
    }
    this.#keyOf = (handle) => sessionCacheKey(handle, { ...key, engine });
  }

  async get(handle: SessionHandle): Promise<CacheEntry | undefined> {
    return entryOf(await this.#eval(LOAD, handle));
  }

  async add(handle: SessionHandle, pickle: string, leftMs: number): Promise<boolean> {
    const value = Buffer.from(pickle, "latin1");
    return (await this.#send(["SET", this.#keyOf(handle), value, "PX", milliseconds(leftMs), "NX"])) !== null;
  }

  async put(handle: SessionHandle, pickle: string, leftMs: number): Promise<void> {
    await this.#send(["SET", this.#keyOf(handle), Buffer.from(pickle, "latin1"), "PX", milliseconds(leftMs)]);
  }

  async replace(
    handle: SessionHandle,
    expected: string,
    pickle: string,
    leftMs: number,
  ): Promise<CacheEntry | true | undefined> {
    const [before, after] = [Buffer.from(expected, "latin1"), Buffer.from(pickle, "latin1")];
    return doneOr(await this.#eval(SAVE, handle, before, after, milliseconds(leftMs)));
  }

  async remove(handle: SessionHandle, expected?: string): Promise<CacheEntry | true | undefined> {
    return doneOr(await this.#eval(REMOVE, handle, Buffer.from(expected ?? "", "latin1")));
  }

  async close(): Promise<void> {}

  #eval(script: string, handle: SessionHandle, ...args: (string | Buffer)[]): Promise<unknown> {
    return this.#send(["EVAL", script, "1", this.#keyOf(handle), ...args]);
  }
}

function milliseconds(left: number): string {
  return String(Math.max(1, Math.round(left)));
}

function doneOr(reply: unknown): CacheEntry | true | undefined {
  return Number((reply as readonly unknown[])[1]) === DONE ? true : entryOf(reply);
}

function entryOf(reply: unknown): CacheEntry | undefined {
  const [value, left] = reply as readonly [unknown, unknown];
  if (!Buffer.isBuffer(value)) return undefined;
  return { pickle: value.toString("latin1"), left: Number(left) < 0 ? undefined : Number(left) };
}
