import { createHash } from "node:crypto";

/**
 * Which of several servers keeps a key: the one whose name, hashed together with the key, gives the highest number (rendezvous hashing). It
 * depends on the set of names alone, not on their order, and a name that comes or goes moves no key between the others. Whether a
 * server is up has no part in it. Where sessions are kept depends on this: it never changes.
 */
export class Shares<Server extends { readonly name: string }> {
  readonly #servers: readonly Server[];

  /** @param servers at least one, with different names */
  constructor(servers: readonly Server[]) {
    this.#servers = servers.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** The server that keeps this key. */
  of(key: string): Server {
    let best = this.#servers[0] as Server;
    if (this.#servers.length === 1) return best;
    let highest = -1;
    for (const server of this.#servers) {
      const weight = createHash("sha256").update(`${server.name}\n${key}`).digest().readUIntBE(0, 6);
      if (weight <= highest) continue;
      highest = weight;
      best = server;
    }
    return best;
  }
}
