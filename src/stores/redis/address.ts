import { SessionError } from "../../core/errors.ts";
import type { RedisClientLike } from "./client.ts";
import { resolveRedisOptions, type ResolvedRedisOptions } from "./options.ts";

/** Where a server listens. */
export interface RedisHost {
  readonly host: string;
  readonly port: number;
}

/** Who the store is to a server. Both undefined: nobody in particular. */
export interface RedisCredentials {
  readonly username: string | undefined;
  readonly password: string | undefined;
}

/** What a URL names: one server, a master that sentinels know, or a cluster. */
export interface RedisAddress {
  readonly kind: "single" | "sentinel" | "cluster";
  readonly tls: boolean;
  /** The server, the sentinels, or nodes of the cluster; at least one. */
  readonly hosts: readonly [RedisHost, ...RedisHost[]];
  readonly credentials: RedisCredentials;
  /** 0 on a cluster, which has no other. */
  readonly database: number;
  /** The name that the sentinels know the master by; empty for the other kinds. */
  readonly master: string;
  readonly sentinelCredentials: RedisCredentials;
}

/** A URL taken apart: where the server is, and the store's options. */
export interface RedisUrl {
  readonly address: RedisAddress;
  readonly options: Omit<ResolvedRedisOptions, "client">;
}

const EXAMPLES: Readonly<Record<RedisAddress["kind"], string>> = {
  single: "redis://user:password@host:6379/0",
  sentinel: "redis+sentinel://user:password@host:26379,host:26379/master/0",
  cluster: "redis+cluster://user:password@host:6379,host:6379",
};
const PORTS: Readonly<Record<RedisAddress["kind"], number>> = { single: 6379, sentinel: 26_379, cluster: 6379 };
const SENTINEL_NAMES: readonly string[] = ["sentinelUsername", "sentinelPassword"];

// No `URL`: that knows one host only.
const SHAPE =
  /^(?<scheme>rediss?(?:\+(?<kind>sentinel|cluster))?):\/\/(?:(?<user>[^@/?#]*)@)?(?<hosts>[^@/?#]+)(?<path>\/[^?#]*)?(?:\?(?<query>[^#]*))?$/;
const HOST = /^(?:\[(?<address>[0-9a-f:.%]+)\]|(?<name>[^[\]:]+))(?::(?<port>\d{1,5}))?$/i;

/** @throws {SessionError} `ERR_SESSION_CONFIG` for a URL that cannot be one; the message holds nothing of it */
export function parseRedisUrl(url: string): RedisUrl {
  const found = SHAPE.exec(url)?.groups;
  if (found === undefined) throw config(`A Redis URL looks like ${Object.values(EXAMPLES).join(" or ")}`);
  const kind = (found["kind"] ?? "single") as RedisAddress["kind"];
  const [first, ...others] = (found["hosts"] ?? "").split(",").map((host) => hostOf(host, kind));
  if (first === undefined || (kind === "single" && others.length > 0)) throw malformed(kind);
  const { options, sentinel } = queryOf(found["query"], kind);
  const address: RedisAddress = {
    kind,
    tls: found["scheme"]?.startsWith("rediss") === true,
    hosts: [first, ...others],
    credentials: credentialsOf(found["user"], kind),
    ...pathOf(found["path"], kind),
    sentinelCredentials: sentinel,
  };
  const { client: _none, ...settings } = resolveRedisOptions({ ...options, client: {} as RedisClientLike });
  return { address, options: settings };
}

function hostOf(text: string, kind: RedisAddress["kind"]): RedisHost {
  const { address, name, port } = HOST.exec(text)?.groups ?? {};
  const host = address ?? (name === undefined ? undefined : decoded(name, kind));
  const number = port === undefined ? PORTS[kind] : Number(port);
  if (host === undefined || number < 1 || number > 65_535) throw malformed(kind);
  return { host, port: number };
}

function credentialsOf(text: string | undefined, kind: RedisAddress["kind"]): RedisCredentials {
  if (text === undefined) return { username: undefined, password: undefined };
  const colon = text.indexOf(":");
  const username = decoded(colon === -1 ? text : text.slice(0, colon), kind);
  const password = colon === -1 ? "" : decoded(text.slice(colon + 1), kind);
  return { username: username === "" ? undefined : username, password: password === "" ? undefined : password };
}

/** `/0`, with a sentinel's master before it, `/master/0`. */
function pathOf(path: string | undefined, kind: RedisAddress["kind"]): Pick<RedisAddress, "master" | "database"> {
  const parts = (path ?? "").split("/").slice(1);
  const master = kind === "sentinel" ? decoded(parts.shift() ?? "", kind) : "";
  const database = parts.shift() ?? "";
  const isNumber = kind === "cluster" ? /^0?$/ : /^\d{0,9}$/;
  if (parts.length > 0 || !isNumber.test(database) || (kind === "sentinel" && master === "")) throw malformed(kind);
  return { master, database: Number(database) };
}

interface Query {
  readonly options: Record<string, unknown>;
  readonly sentinel: RedisCredentials;
}

/** The options of the store that a URL may have, and how each is read. */
const OPTIONS: Readonly<Record<string, (value: string) => unknown>> = {
  prefix: String,
  index: String,
  shards: numberOf,
  slackSeconds: numberOf,
  confirm(value) {
    const [replicas = "", timeoutMs = "", ...more] = value.split(",");
    if (more.length > 0) throw config("`confirm` in a Redis URL is `replicas,timeoutMs`, as in `confirm=1,100`");
    return { replicas: numberOf(replicas), timeoutMs: numberOf(timeoutMs) };
  },
};

function queryOf(query: string | undefined, kind: RedisAddress["kind"]): Query {
  const options: Record<string, unknown> = {};
  const sentinel = new Map<string, string>();
  const known = [...Object.keys(OPTIONS), ...(kind === "sentinel" ? SENTINEL_NAMES : [])];
  for (const [name, value] of new URLSearchParams(query)) {
    if (!known.includes(name) || Object.hasOwn(options, name) || sentinel.has(name)) {
      throw config(`A Redis URL of this kind may have ${known.join(", ")} behind its ?, each once`);
    }
    const read = OPTIONS[name];
    if (read === undefined) sentinel.set(name, value);
    else options[name] = read(value);
  }
  const [username, password] = SENTINEL_NAMES.map((name) => sentinel.get(name));
  return { options, sentinel: { username, password } };
}

/** A number, or what no option takes for one. */
function numberOf(text: string): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
}

function decoded(text: string, kind: RedisAddress["kind"]): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw malformed(kind);
  }
}

function malformed(kind: RedisAddress["kind"]): SessionError {
  return config(`This Redis URL cannot be read; it looks like ${EXAMPLES[kind]}`);
}

function config(problem: string): SessionError {
  return new SessionError("ERR_SESSION_CONFIG", problem);
}
