import { SessionError } from "../../core/errors.ts";
import type { RedisClientLike } from "./client.ts";
import { textOrNull } from "./replies.ts";

type Duplicate = (overrides: object) => object;

/**
 * A function that gives new clients, made as this one was and connected to the same server, for the feed's own connection: it would
 * otherwise stand between the answers to other calls.
 *
 * @throws {SessionError} `ERR_SESSION_CONFIG` for a client of which no such client can be made
 */
export function duplicatesOf(client: RedisClientLike): () => object {
  const { duplicate, isCluster } = client as { duplicate?: unknown; isCluster?: unknown };
  // Each master tells of its own keys alone, and says nothing when a slot moves away.
  if (isCluster === true || "nodeClient" in client) {
    throw config(
      "a cluster's changes cannot be followed; keep sessions that are read from memory on one server or behind Sentinel",
    );
  }
  if ("getSentinelNode" in client) {
    throw config("over `createSentinel`, `listen` must give a client of the master: see the page of the near store");
  }
  if (typeof duplicate !== "function") throw config("`client` has no `duplicate`; give `listen`");
  const overrides = "evalSha" in client ? NODE_REDIS_LISTENER : IOREDIS_LISTENER;
  return () => (duplicate as Duplicate).call(client, overrides);
}

/** What of the client's own settings a listener cannot have: what needs RESP3, and what would hide a loss. */
export const NODE_REDIS_LISTENER = Object.freeze({
  RESP: 2,
  maintNotifications: "disabled",
  clientSideCache: undefined,
  emitInvalidate: false,
  pingInterval: 0,
  disableOfflineQueue: false,
});
const IOREDIS_LISTENER = Object.freeze({
  protocol: 2,
  replyMapping: undefined,
  lazyConnect: true,
  enableOfflineQueue: true,
  autoResubscribe: false,
  autoResendUnfulfilledCommands: false,
  keyPrefix: "",
  retryStrategy: () => null,
  sentinelRetryStrategy: () => null,
});

/** Each master of a cluster tells of its own keys alone, and says nothing when a slot moves away. */
export function noCluster(): SessionError {
  return config("a cluster's changes cannot be followed; a near store needs one server, or a master behind Sentinel");
}

/** What a client puts in front of every key by itself. */
export function keyPrefixOf(client: RedisClientLike): string {
  const { _keyPrefix, options } = client as { _keyPrefix?: unknown; options?: { keyPrefix?: unknown } };
  return textOrNull(_keyPrefix) ?? textOrNull(options?.keyPrefix) ?? "";
}

function config(problem: string): SessionError {
  return new SessionError("ERR_SESSION_CONFIG", `redisFeed: ${problem}`);
}
