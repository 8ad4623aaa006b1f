import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { systemClock } from "../../../src/core/clock.ts";
import { redisStore, type RedisClientLike, type RedisStore } from "../../../src/stores/redis.ts";
import { world, type World } from "../../core/support.ts";
import { until } from "../../servers/process.ts";
import { startProxy, type Fault, type FaultProxy } from "../../servers/proxy.ts";
import { startRedis, type RedisServer } from "../../servers/redis.ts";
import { outcomeOf } from "./support.ts";
import { newPrefix, single, type Library, type Opener } from "./targets.ts";

// A client is not told to give up early: the time limit is the library's own, in front of every client alike.
const TIMEOUT_SECONDS = 0.5;
export const LONGEST_MS = 3 * TIMEOUT_SECONDS * 1000 + 400;

/** Servers, proxies in front of them, and what all of these may do to those who ask. */
export interface Network {
  readonly servers: readonly RedisServer[];
  readonly proxies: readonly FaultProxy[];
  readonly open: Opener;
}

export interface Rig extends Network {
  readonly client: RedisClientLike;
  readonly store: RedisStore;
  readonly world: World;
  /** How many replies were dropped or cut so far. */
  readonly hits: number;
  /** The longest that a timed call took, in milliseconds. */
  longest: number;
  /** What every proxy does from now on; a single reply is dropped or cut at the one that is asked first. */
  fault(fault: Fault): void;
  /** Sends one command to every server by itself. */
  everywhere(...command: readonly string[]): Promise<void>;
  /** The call's outcome; its time is noted. */
  timed(call: () => unknown): Promise<string>;
}

/** A client, a store over it, and sessions on top. */
export async function rigOn(t: TestContext, network: Network): Promise<Rig> {
  const { servers, proxies, open } = network;
  const { client, end } = await open();
  t.after(end);
  t.after(() => proxies.forEach((proxy) => proxy.set({ kind: "pass" })));
  const store = redisStore({ client, prefix: newPrefix() });
  t.after(() => store.close());
  const settings = { clock: systemClock, storeTimeoutSeconds: TIMEOUT_SECONDS, breakerFailures: 1_000_000 };
  const hits = (): number => proxies.reduce((sum, proxy) => sum + proxy.hits, 0);
  const made: Rig = {
    ...network,
    client,
    store,
    world: world({ store, ...settings }),
    longest: 0,
    get hits() {
      return hits();
    },
    fault(fault) {
      let left = 1;
      const once = (request: Buffer): boolean => {
        if (!("matches" in fault) || fault.matches === undefined || left === 0 || !fault.matches(request)) return false;
        left -= 1;
        return true;
      };
      for (const proxy of proxies) proxy.set("matches" in fault ? { ...fault, matches: once } : fault);
    },
    async everywhere(...command) {
      for (const server of servers) await server.command(...command);
    },
    async timed(call) {
      const started = performance.now();
      const outcome = await outcomeOf(call);
      made.longest = Math.max(made.longest, performance.now() - started);
      return outcome;
    },
  };
  return made;
}

/** One server of the test's own, behind a proxy. */
export async function singleRig(t: TestContext, library: Library, args: readonly string[] = []): Promise<Rig> {
  const server = await startRedis({ args });
  t.after(() => server.stop());
  const proxy = await startProxy(server.port);
  t.after(() => proxy.stop());
  return rigOn(t, { servers: [server], proxies: [proxy], open: single(library, proxy.port) });
}

export const isScript = (request: Buffer): boolean => /evalsha/i.test(request.toString("latin1"));
export const plus = (data: { count?: number }): number => (data.count = (data.count ?? 0) + 1);

/** A visitor whose session counts to one. */
export async function visitor({ world: { request } }: Rig): Promise<string> {
  const { cookie } = await request({ handle: async (s) => void plus(await s.load()) });
  return cookie ?? assert.fail("no cookie");
}

export const countOf = async ({ world: { open } }: Rig, cookie: string): Promise<number | undefined> =>
  (await open({ cookie }).session.load()).count;

/** Resolves once requests work again, by themselves. */
export const recovered = (made: Rig, cookie: string): Promise<void> =>
  until("requests work again", async () => (await made.timed(() => countOf(made, cookie))) === "done", 10);
