import { SessionError } from "../../core/errors.ts";
import type { SessionHandle } from "../../core/id.ts";
import { parseAddress } from "../../stores/memcached/addresses.ts";
import { afterWriting, checkReply, LostReply, notStored } from "../../stores/memcached/failures.ts";
import type { Reply } from "../../stores/memcached/replies.ts";
import type { Request } from "../../stores/memcached/requests.ts";
import { Server } from "../../stores/memcached/server.ts";
import { type CacheKeyOptions, isMemcachedKey, sessionCacheKey } from "../cache-key.ts";
import { fromMemcached, toMemcached } from "../cache-value.ts";
import type { CacheEntry, DjangoCachePort } from "./cache.ts";

/** Django's cache on one Memcached: `CACHES[SESSION_CACHE_ALIAS]` with `PyMemcacheCache` or `PyLibMCCache`. */
export interface DjangoMemcachedCache extends Omit<CacheKeyOptions, "engine"> {
  /** The server: `host:port`, or the path of a socket. Of several servers each client of Python's spreads keys in its own way. */
  readonly memcached: string;
  /** Seconds to wait for the connection, and for each reply. Default 4. */
  readonly timeoutSeconds?: number | undefined;
}

interface Item extends CacheEntry {
  readonly cas: string;
}

const CONNECTIONS = 2;
const TRIES = 100;

/** The cache on Memcached. What is compared is the item's token, which is another after each change. */
export class MemcachedCache implements DjangoCachePort {
  readonly #server: Server;
  readonly #keyOf: (handle: SessionHandle) => string;

  constructor({ memcached, timeoutSeconds = 4, ...options }: DjangoMemcachedCache, engine: "cache" | "cached_db") {
    const address = typeof memcached === "string" ? parseAddress(memcached) : undefined;
    if (address === undefined || !(timeoutSeconds > 0)) {
      throw new SessionError("ERR_SESSION_CONFIG", "djangoSessions: `cache.memcached` looks like 127.0.0.1:11211");
    }
    this.#server = new Server(address, { timeoutMs: timeoutSeconds * 1000, tls: undefined }, CONNECTIONS);
    this.#keyOf = (handle) => sessionCacheKey(handle, { ...options, engine });
  }

  async get(handle: SessionHandle): Promise<CacheEntry | undefined> {
    const key = this.#keyOf(handle);
    return isMemcachedKey(key) ? this.#find(key) : undefined;
  }

  async add(handle: SessionHandle, pickle: string, leftMs: number): Promise<boolean> {
    const { code } = await this.#write("add", ["STORED", "NOT_STORED"], this.#writable(handle), pickle, leftMs);
    return code === "STORED";
  }

  async put(handle: SessionHandle, pickle: string, leftMs: number): Promise<void> {
    await this.#write("set", ["STORED"], this.#writable(handle), pickle, leftMs);
  }

  async replace(
    handle: SessionHandle,
    expected: string,
    pickle: string,
    leftMs: number,
  ): Promise<CacheEntry | true | undefined> {
    const key = this.#writable(handle);
    return this.#onto(key, expected, async ({ cas }) => {
      const codes = ["STORED", "EXISTS", "NOT_FOUND"];
      return (await this.#write("cas", codes, key, pickle, leftMs, ` ${cas}`)).code === "STORED";
    });
  }

  async remove(handle: SessionHandle, expected?: string): Promise<CacheEntry | true | undefined> {
    const key = this.#keyOf(handle);
    // A cookie may hold anything: under such a key there is nothing, as Django has it.
    if (!isMemcachedKey(key)) return undefined;
    return this.#onto(key, expected, async ({ cas }) => {
      const request = { chunks: [`md ${key} C${cas}\r\n`], answers: [{ codes: ["HD", "EX", "NF"] }] };
      return (await this.#change(request)).code === "HD";
    });
  }

  close(): Promise<void> {
    return this.#server.close();
  }

  #writable(handle: SessionHandle): string {
    const key = this.#keyOf(handle);
    if (isMemcachedKey(key)) return key;
    throw new SessionError("ERR_SESSION_USAGE", "Memcached takes keys of at most 250 bytes without blanks");
  }

  /** Changes what is still expected; looks again when another was faster. */
  async #onto(
    key: string,
    expected: string | undefined,
    change: (item: Item) => Promise<boolean>,
  ): Promise<CacheEntry | true | undefined> {
    for (let tries = 0; tries < TRIES; tries++) {
      const item = await this.#find(key);
      if (item === undefined || (expected !== undefined && item.pickle !== expected)) return item;
      if (await change(item)) return true;
    }
    throw notStored("The session is written by too many at once");
  }

  async #find(key: string): Promise<Item | undefined> {
    const request = { chunks: [`mg ${key} c f t v\r\n`], answers: [{ codes: ["VA", "EN"] }] };
    let reply: Reply;
    try {
      reply = await this.#ask(request);
    } catch (error) {
      throw error instanceof LostReply ? notStored(error.message, error) : error;
    }
    if (reply.value === undefined) return undefined;
    const flag = (mark: string): string => reply.words.find((word) => word.startsWith(mark))?.slice(1) ?? "";
    const left = Number(flag("t"));
    return {
      pickle: fromMemcached(reply.value, Number(flag("f"))),
      left: left < 0 ? undefined : left * 1000,
      cas: flag("c"),
    };
  }

  #write(
    command: string,
    codes: readonly string[],
    key: string,
    pickle: string,
    leftMs: number,
    condition = "",
  ): Promise<Reply> {
    const { value, flags } = toMemcached(pickle);
    // As a moment, since a number of seconds may be no more than thirty days.
    const exptime = Math.max(1, Math.round((Date.now() + leftMs) / 1000));
    const head = `${command} ${key} ${flags} ${exptime} ${value.length}${condition}\r\n`;
    return this.#change({ chunks: [head, Buffer.concat([value, Buffer.from("\r\n")])], answers: [{ codes }] });
  }

  async #change(request: Request): Promise<Reply> {
    try {
      return await this.#ask(request);
    } catch (error) {
      throw afterWriting(error);
    }
  }

  async #ask(request: Request): Promise<Reply> {
    const connection = await this.#server.ready();
    const [reply] = await connection.ask(request);
    if (reply === undefined) throw notStored("Memcached gave no reply");
    checkReply(reply);
    return reply;
  }
}
