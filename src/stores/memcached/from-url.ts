import { SessionError } from "../../core/errors.ts";
import type { MemcachedStoreOptions } from "./options.ts";
import { openMemcached } from "./open.ts";
import type { MemcachedStore } from "./store.ts";

/**
 * A store on the servers that a URL names: `memcached://host:port`, `memcached://a:11211,b:11211`, or `memcached:///path/of/a/socket`.
 * Behind a `?` may stand `prefix`, `slackSeconds`, `timeoutSeconds`, `connections` and `tls=true`, as in the options of `memcachedStore`.
 *
 * @throws {SessionError} `ERR_SESSION_CONFIG`
 */
export function memcachedStoreFromUrl(url: string): MemcachedStore {
  return openMemcached(optionsIn(url));
}

const SHAPE = /^memcached:\/\/([^/?#@]*)(\/[^?#]*)?(?:\?([^#]*))?$/;

function optionsIn(url: string): MemcachedStoreOptions {
  const [whole, hosts = "", path = "", query = ""] = SHAPE.exec(url) ?? [];
  const isSocket = hosts === "" && path.length > 1;
  if (whole === undefined || (hosts === "" && !isSocket) || (hosts !== "" && path.length > 1)) {
    throw config(
      "A Memcached URL looks like memcached://localhost:11211 or memcached://a:11211,b:11211, without a password",
    );
  }
  const options: Record<string, unknown> = { servers: isSocket ? [path] : hosts.split(",") };
  for (const [name, value] of new URLSearchParams(query)) {
    const read = READERS[name];
    if (read === undefined) throw config(`A Memcached URL may have ${Object.keys(READERS).join(", ")} behind its ?`);
    options[name] = read(value);
  }
  return options as unknown as MemcachedStoreOptions;
}

/** What may stand behind the `?`; what they give is checked with the options. */
const READERS: Readonly<Record<string, (value: string) => unknown>> = {
  prefix: (value) => value,
  slackSeconds: numberOf,
  timeoutSeconds: numberOf,
  connections: numberOf,
  tls: (value) => (value === "true" || value === "false" ? value === "true" : value),
};

function numberOf(text: string): number {
  return text.trim() === "" ? Number.NaN : Number(text);
}

function config(problem: string): SessionError {
  return new SessionError("ERR_SESSION_CONFIG", problem);
}
