import type { ConnectionOptions } from "node:tls";
import { SessionError } from "../../core/errors.ts";
import { type Address, parseAddress } from "./addresses.ts";

/** Options of `memcachedStore`. */
export interface MemcachedStoreOptions {
  /**
   * The servers: `host`, `host:port`, `[::1]:port`, or the path of a socket. Each keeps its share of the sessions, which depends on
   * this list: change it only as the store's page says.
   */
  readonly servers: readonly string[];
  /** What the store's keys begin with: at most 200 printable ASCII characters without a space. Default `sojourn:`. */
  readonly prefix?: string;
  /**
   * How long Memcached keeps a record or a tombstone past its deadline, in seconds, before it removes it by itself; at least what the
   * clocks of servers may differ by. Default 3600.
   */
  readonly slackSeconds?: number;
  /** After how many seconds without a connection or without a reply a connection is given up, 0.1 to 60. Default 5. */
  readonly timeoutSeconds?: number;
  /** How many connections to keep to each server, 1 to 16. Default 1: requests do not wait for each other's replies. */
  readonly connections?: number;
  /** True, or options of `node:tls`, for servers that were started with TLS. Default false. */
  readonly tls?: boolean | ConnectionOptions;
}

/** Options with every default in place. */
export interface ResolvedMemcachedOptions {
  readonly servers: readonly Address[];
  readonly prefix: string;
  readonly slackSeconds: number;
  readonly timeoutMs: number;
  readonly connections: number;
  readonly tls: ConnectionOptions | undefined;
}

const NAMES: readonly string[] = [
  "servers",
  "prefix",
  "slackSeconds",
  "timeoutSeconds",
  "connections",
  "tls",
] satisfies (keyof MemcachedStoreOptions)[];

// A key has at most 250 bytes, and a handle 48.
const LONGEST_PREFIX = 200;

/** @throws {SessionError} `ERR_SESSION_CONFIG` */
export function resolveMemcachedOptions(options: MemcachedStoreOptions): ResolvedMemcachedOptions {
  check(typeof options === "object" && options !== null, "takes an object of options");
  for (const name of Object.keys(options)) check(NAMES.includes(name), `has no option \`${name}\``);
  const { servers, prefix = "sojourn:", slackSeconds = 3600, timeoutSeconds = 5, connections = 1, tls = false } = options;
  const prefixSound = typeof prefix === "string" && prefix.length <= LONGEST_PREFIX && /^[\x21-\x7e]*$/.test(prefix);
  check(
    prefixSound,
    `\`prefix\` must be at most ${LONGEST_PREFIX} printable ASCII characters, without spaces: Memcached's keys have no others`,
  );
  check(
    Number.isFinite(slackSeconds) && slackSeconds >= 60 && slackSeconds <= LONGEST_SLACK,
    `\`slackSeconds\` must be a number of seconds, 60 to ${LONGEST_SLACK}`,
  );
  check(
    Number.isFinite(timeoutSeconds) && timeoutSeconds >= 0.1 && timeoutSeconds <= 60,
    "`timeoutSeconds` must be a number of seconds, 0.1 to 60",
  );
  const count = Number.isInteger(connections) && connections >= 1 && connections <= 16;
  check(count, "`connections` must be a whole number from 1 to 16");
  check(
    typeof tls === "boolean" || (typeof tls === "object" && tls !== null),
    "`tls` is true, false, or options of node:tls",
  );
  return Object.freeze({
    servers: addressesOf(servers),
    prefix,
    slackSeconds,
    timeoutMs: Math.ceil(timeoutSeconds * 1000),
    connections,
    tls: tls === false ? undefined : Object.freeze(tls === true ? {} : { ...tls }),
  });
}

const LONGEST_SLACK = 30 * 86_400;

function addressesOf(servers: readonly string[]): readonly Address[] {
  check(Array.isArray(servers) && servers.length > 0, "`servers` must be a list with at least one server");
  const addresses = servers.map((server) => {
    const address = typeof server === "string" ? parseAddress(server) : undefined;
    check(address !== undefined, "each of `servers` must be `host`, `host:port`, `[address]:port` or the path of a socket");
    return address;
  });
  check(new Set(addresses.map(({ name }) => name)).size === addresses.length, "`servers` names a server twice");
  return Object.freeze(addresses);
}

function check(holds: boolean, problem: string): asserts holds {
  if (!holds) throw new SessionError("ERR_SESSION_CONFIG", `memcachedStore: ${problem}`);
}
