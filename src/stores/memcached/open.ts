import type { SecureContext } from "node:tls";
import { SessionError } from "../../core/errors.ts";
import { Access } from "./access.ts";
import { type MemcachedStoreOptions, resolveMemcachedOptions } from "./options.ts";
import { Server } from "./server.ts";
import { Shares } from "./shares.ts";
import { MemcachedSessions, type MemcachedStore } from "./store.ts";

/** A store that connects with its first call. @throws {SessionError} `ERR_SESSION_CONFIG` */
export function openMemcached(options: MemcachedStoreOptions): MemcachedStore {
  const { servers: addresses, prefix, slackSeconds, timeoutMs, connections, tls } = resolveMemcachedOptions(options);
  const settings = { timeoutMs, tls: tls && { secureContext: secureContextOf(tls), ...tls } };
  const servers = addresses.map((address) => new Server(address, settings, connections));
  return new MemcachedSessions(new Access(new Shares(servers), prefix, slackSeconds), async () => {
    await Promise.all(servers.map((server) => server.close()));
  });
}

/** Made once for all connections, and so that a certificate which cannot be read is found at the start. */
function secureContextOf(tls: object): SecureContext {
  try {
    return process.getBuiltinModule("node:tls").createSecureContext(tls);
  } catch (error) {
    throw new SessionError("ERR_SESSION_CONFIG", "memcachedStore: `tls` cannot be used; see the cause", { cause: error });
  }
}
