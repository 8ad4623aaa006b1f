import { SessionError } from "../../core/errors.ts";
import type { Confirmation, RedisClientLike } from "./client.ts";

/** Options of `redisStore`. */
export interface RedisStoreOptions {
  /**
   * A client of node-redis (`createClient`, `createCluster`, `createSentinel`) or of ioredis (`Redis`, `Cluster`). The store never
   * closes it. Best one that nothing else uses.
   */
  readonly client: RedisClientLike;
  /** What the store's keys begin with; without `{`. Default `sojourn:`. */
  readonly prefix?: string;
  /**
   * What the indexes hold. `all`: every session, which lets `list` and `clearExpired` be. `users`: the sessions of users alone;
   * other visitors' cost no more than their own key, and expired ones are left to Redis. Default `all`.
   */
  readonly index?: "all" | "users";
  /**
   * Over how many slots of a cluster the sessions are spread, 1 to 1024. Revoking a user writes to each. It names the keys, so it cannot be
   * changed under stored sessions. Default 16 on a cluster, and else 1, which makes a rotation one step.
   */
  readonly shards?: number;
  /**
   * How long Redis keeps a record or a tombstone past its deadline, in seconds, before it removes it by itself; at least what the
   * clocks of servers may differ by. Default 3600.
   */
  readonly slackSeconds?: number;
  /**
   * Ends, rotations and revocations resolve only once this many replicas have them (`WAIT`), and reject when they have not within
   * `timeoutMs`. For these the store opens a connection of its own, a duplicate of the client's. Default: they do not wait.
   */
  readonly confirm?: Confirmation;
}

/** Options with every default in place, but for `shards`, which depends on the client. */
export interface ResolvedRedisOptions {
  readonly client: RedisClientLike;
  readonly prefix: string;
  readonly index: "all" | "users";
  readonly shards: number | undefined;
  readonly slackMs: number;
  readonly confirm: Confirmation | undefined;
}

const NAMES: readonly string[] = [
  "client",
  "prefix",
  "index",
  "shards",
  "slackSeconds",
  "confirm",
] satisfies (keyof RedisStoreOptions)[];

const MOST_SHARDS = 1024;
const LONGEST_PREFIX = 200;

/** @throws {SessionError} `ERR_SESSION_CONFIG` */
export function resolveRedisOptions(options: RedisStoreOptions): ResolvedRedisOptions {
  check(typeof options === "object" && options !== null, "takes an object of options");
  for (const name of Object.keys(options)) check(NAMES.includes(name), `has no option \`${name}\``);
  const { client, prefix = "sojourn:", index = "all", shards, slackSeconds = 3600, confirm } = options;
  checkKeyOptions({ prefix, shards }, "redisStore");
  check(index === "all" || index === "users", '`index` is "all" or "users"');
  check(Number.isFinite(slackSeconds) && slackSeconds >= 60, "`slackSeconds` must be a number of seconds, 60 or more");
  if (confirm !== undefined) {
    check(typeof confirm === "object" && confirm !== null, "`confirm` is an object with `replicas` and `timeoutMs`");
    check(isWhole(confirm.replicas, 1, 100), "`confirm.replicas` must be a whole number, 1 or more");
    // 0 would wait for ever.
    check(isWhole(confirm.timeoutMs, 1, 60_000), "`confirm.timeoutMs` must be a whole number of milliseconds, 1 to 60000");
  }
  return Object.freeze({
    client,
    prefix,
    index,
    shards,
    slackMs: Math.ceil(slackSeconds * 1000),
    confirm: confirm === undefined ? undefined : Object.freeze({ replicas: confirm.replicas, timeoutMs: confirm.timeoutMs }),
  });
}

/** What names the keys, alike for the store and for a feed of its changes. @throws {SessionError} `ERR_SESSION_CONFIG` */
export function checkKeyOptions({ prefix, shards }: { prefix: unknown; shards: unknown }, asked: string): void {
  const sound = typeof prefix === "string" && prefix.length <= LONGEST_PREFIX && prefix.isWellFormed();
  // A brace would be the hash tag in place of the shard's own.
  const named = sound && !prefix.includes("{");
  check(named, `\`prefix\` must be a text of at most ${LONGEST_PREFIX} characters without {`, asked);
  const counted = shards === undefined || isWhole(shards, 1, MOST_SHARDS);
  check(counted, `\`shards\` must be a whole number from 1 to ${MOST_SHARDS}`, asked);
}

function isWhole(value: unknown, least: number, most: number): boolean {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= least && value <= most;
}

/** @param asked the function that was called, for the message */
export function check(holds: boolean, problem: string, asked = "redisStore"): void {
  if (!holds) throw new SessionError("ERR_SESSION_CONFIG", `${asked}: ${problem}`);
}
