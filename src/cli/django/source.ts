import { statSync } from "node:fs";
import { resolve } from "node:path";
import type { Codec } from "../../codec/codec.ts";
import type { SessionHandle } from "../../core/id.ts";
import type { DjangoCachePort } from "../../django/engines/cache.ts";
import { fileEngine } from "../../django/engines/file.ts";
import { MemcachedCache } from "../../django/engines/memcached.ts";
import { type DjangoRedisLike, RedisCache } from "../../django/engines/redis.ts";
import { signedCookieEngine } from "../../django/engines/signed-cookies.ts";
import { pythonJson, type PythonSerializer } from "../../django/python-json.ts";
import { pythonPickle } from "../../django/python-pickle.ts";
import { djangoCodec } from "../../django/session-codec.ts";
import { parseRedisUrl } from "../../stores/redis/address.ts";
import { openClient } from "../../stores/redis/open-client.ts";
import type { StatelessStore } from "../../core/store.ts";
import type { Context } from "../context.ts";
import { CliError } from "../errors.ts";
import { requirePresence } from "../peek.ts";
import { parseStoreUrl, shownUrl } from "../store-url.ts";
import type { DjangoSettings } from "./options.ts";
import { type DjangoRow, DjangoTable } from "./table.ts";

/** Where a Django project keeps its sessions, opened for looking. */
export interface DjangoSource {
  /** What to call it in messages. */
  readonly label: string;
  /** What its data is written with. */
  readonly codec: Codec;
  /** Gives the session of a key. Absent for signed cookies. */
  readonly find?: (key: string) => Promise<DjangoRow | undefined>;
  /** All of them, in the order of their keys. Absent where they cannot be listed. */
  readonly rows?: () => AsyncIterable<DjangoRow>;
  /** What opens a signed cookie. */
  readonly cookie?: StatelessStore;
  close(): Promise<void>;
}

type Parts = Omit<DjangoSource, "label">;

const PAGE = 200;

/**
 * Opens what a URL names.
 *
 * @throws {CliError} ERR_CLI_OPTION_VALUE for a URL of something else, ERR_CLI_SECRET_KEY, ERR_CLI_STORE_MISSING, ERR_CLI_NO_TABLE
 */
export async function openDjango(ctx: Context, settings: DjangoSettings): Promise<DjangoSource> {
  const { scheme, rest } = parseStoreUrl(settings.url);
  const label = `Django's ${shownUrl(settings.url)}`;
  switch (scheme) {
    case "redis":
    case "rediss":
      return { label, ...(await redisSource(settings)) };
    case "memcached":
      return { label, ...memcachedSource(settings, rest) };
    case "file":
      return { label, ...filesSource(ctx, settings, resolve(ctx.cwd, rest)) };
    case "cookie":
      return { label: "Django's signed cookies", ...cookieSource(settings) };
    default:
      return { label, ...(await tableSource(ctx, settings)) };
  }
}

async function tableSource(ctx: Context, settings: DjangoSettings): Promise<Parts> {
  const codec = codecOf(settings);
  const table = await DjangoTable.open(ctx, settings);
  if (table === undefined) {
    throw new CliError(
      "ERR_CLI_OPTION_VALUE",
      "--django takes sqlite:FILE, postgres://…, mysql://…, redis://…, memcached://…, file:FOLDER or cookie:",
    );
  }
  return {
    codec,
    find: (key) => table.find(key),
    async *rows() {
      for (let after: string | undefined = ""; after !== undefined;) {
        const page = await table.after(after, PAGE);
        yield* page;
        after = page.at(-1)?.key;
      }
    },
    close: () => table.close(),
  };
}

/** What text in tables and files is signed and written with. */
export function codecOf(settings: DjangoSettings): Codec {
  return djangoCodec({ keys: settings.keys(), salt: settings.salt, legacy: settings.legacy });
}

function filesSource(ctx: Context, settings: DjangoSettings, dir: string): Parts {
  const { cookieName, cookieAgeSeconds, zone } = settings;
  const codec = codecOf(settings);
  requirePresence(settings.url, ctx.cwd);
  if (!statSync(dir).isDirectory()) throw new CliError("ERR_CLI_OPTION_VALUE", "--django file: takes a folder");
  const store = fileEngine({ dir, cookieName, codec, cookieAgeSeconds, fromLocal: zone.fromLocal });
  const find = async (key: string): Promise<DjangoRow | undefined> => {
    const found = await store.load(key as SessionHandle);
    return found.status === "live" ? { key, ...found.record } : undefined;
  };
  return {
    codec,
    find,
    async *rows() {
      for (let after = "" as SessionHandle | undefined; after !== undefined;) {
        const page = (await store.list?.({ after, limit: PAGE })) ?? [];
        for (const record of page) yield { key: record.handle, ...record };
        after = page.at(-1)?.handle;
      }
    },
    close: async () => undefined,
  };
}

async function redisSource(settings: DjangoSettings): Promise<Parts> {
  const opened = await openClient(parseRedisUrl(settings.url).address);
  await opened.connected;
  // What the URL named is one server, and its clients have what Django's caches are read with.
  const redis = opened.client as unknown as DjangoRedisLike;
  const options = { redis, keyPrefix: settings.keyPrefix, version: settings.keyVersion };
  return {
    ...cacheSource(["cache", "cached_db"].map((engine) => new RedisCache(options, engine as "cache" | "cached_db"))),
    close: async () => opened.end(),
  };
}

function memcachedSource({ keyPrefix, keyVersion }: DjangoSettings, memcached: string): Parts {
  const options = { memcached, keyPrefix, version: keyVersion };
  return cacheSource([new MemcachedCache(options, "cache"), new MemcachedCache(options, "cached_db")]);
}

/** A cache, where the engines `cache` and `cached_db` keep sessions under keys of their own. */
function cacheSource(ports: readonly DjangoCachePort[]): Parts {
  return {
    codec: plainCodec("django(pickle)", pythonPickle()),
    async find(key) {
      for (const port of ports) {
        const entry = await port.get(key as SessionHandle);
        if (entry === undefined) continue;
        return { key, data: entry.pickle, expiresAt: Date.now() + (entry.left ?? Number.NaN) };
      }
      return undefined;
    },
    async close() {
      for (const port of ports) await port.close();
    },
  };
}

function cookieSource(settings: DjangoSettings): Parts {
  const { cookieAgeSeconds, legacy } = settings;
  const cookie = signedCookieEngine({ keys: settings.keys(), cookieAgeSeconds, now: () => Date.now(), legacy });
  return { codec: plainCodec("django(json)", pythonJson), cookie, close: async () => undefined };
}

/** A codec for what is kept as the serializer's own text. */
function plainCodec(name: string, { stringify, parse }: PythonSerializer): Codec {
  return { name, stringify, parse, encode: (plain: string) => plain, decode: (text: string) => text };
}
