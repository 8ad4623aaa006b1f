import type { TestContext } from "node:test";
import type { ChangeFeed, FeedListener, StoreChange } from "../../../src/core/feed.ts";
import type { SessionHandle } from "../../../src/core/id.ts";
import type { SessionStore } from "../../../src/core/store.ts";
import { resolveNearOptions } from "../../../src/stores/near/options.ts";
import type { Flights } from "../../../src/stores/near/flights.ts";
import { NearSessions, type NearStore } from "../../../src/stores/near/store.ts";
import { postgresFeed, postgresStore } from "../../../src/stores/postgres.ts";
import { redisFeed, redisStore } from "../../../src/stores/redis.ts";
import type { ServerProcess } from "../../servers/process.ts";
import { startProxy, type FaultProxy } from "../../servers/proxy.ts";
import { startRedis } from "../../servers/redis.ts";
import { newPrefix, single, type Library } from "../redis/targets.ts";
import { startLab } from "../sql/lab.ts";
import { newTable } from "../sql/targets.ts";
import { postgresClients, redisListener, type Driver } from "./targets.ts";

/** A server, and how near stores are put over it. */
export interface NearLab {
  readonly process: ServerProcess;
  readonly port: number;
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
  /** A store and its feed, through these ports, over clients of their own that end with the test. */
  open(t: TestContext, place: string, ports: { readonly store: number; readonly feed: number }): Promise<Parts>;
  newPlace(): string;
  /** Ends the connections of feeds, as an operator would. */
  killFeeds(): Promise<void>;
}

interface Parts {
  readonly store: SessionStore;
  readonly feed: ChangeFeed;
}

/** What is done to a near store to see that a promise catches it. */
export interface Plant {
  readonly feed?: (feed: ChangeFeed) => ChangeFeed;
  readonly flights?: Flights;
  readonly patienceMs?: number;
}

/** A near store behind proxies, and a store on another node. */
export interface NearRig {
  readonly lab: NearLab;
  readonly near: NearStore;
  /** Keeps nothing, and has its own way to the server. */
  readonly other: SessionStore;
  readonly storeProxy: FaultProxy;
  readonly feedProxy: FaultProxy;
  readonly staleSeconds: number;
  /** For how much longer a change is waited for. */
  readonly patienceMs: number;
  /** Resolves when the near store was told that this record was changed. */
  told(handle: SessionHandle): Promise<void>;
}

export async function nearRig(t: TestContext, lab: NearLab, staleSeconds: number, plant: Plant = {}): Promise<NearRig> {
  const place = lab.newPlace();
  const [storeProxy, feedProxy] = await Promise.all([startProxy(lab.port), startProxy(lab.port)]);
  const parts = await lab.open(t, place, { store: storeProxy.port, feed: feedProxy.port });
  const { store: other } = await lab.open(t, place, { store: lab.port, feed: lab.port });
  const { feed, told } = watched(parts.feed);
  const options = resolveNearOptions({ ...parts, feed: plant.feed?.(feed) ?? feed, staleSeconds });
  const near: NearStore = new NearSessions({ ...options, store: named(parts.store) }, plant.flights);
  t.after(async () => {
    await near.close();
    await Promise.all([storeProxy.stop(), feedProxy.stop()]);
  });
  return { lab, near, other, storeProxy, feedProxy, staleSeconds, patienceMs: plant.patienceMs ?? 10_000, told };
}

let names = 0;

/** The store, with a name by which its events are told from others'. */
function named(store: SessionStore): SessionStore {
  return Object.defineProperty(store, "name", { value: `${store.name}${++names}` });
}

/** A feed that also tells the test. */
export function watched(feed: ChangeFeed): { feed: ChangeFeed; told(handle: SessionHandle): Promise<void> } {
  const waiting = new Map<SessionHandle, PromiseWithResolvers<void>>();
  return {
    feed: listening(feed, (listener) => ({
      ...listener,
      changed(change: StoreChange) {
        listener.changed(change);
        if (typeof change === "object" && "handle" in change) waiting.get(change.handle)?.resolve();
      },
    })),
    told(handle) {
      const told = Promise.withResolvers<void>();
      waiting.set(handle, told);
      return told.promise;
    },
  };
}

/** A feed whose listener is another. */
export function listening(feed: ChangeFeed, to: (listener: FeedListener) => FeedListener): ChangeFeed {
  return {
    name: feed.name,
    ...(feed.home !== undefined && { home: feed.home }),
    open: (listener) =>
      feed.open(
        to({
          changed: (change) => listener.changed(change),
          marked: (mark) => listener.marked(mark),
          lost: (error) => listener.lost(error),
        }),
      ),
  };
}

export async function redisLab(library: Library, args: readonly string[] = []): Promise<NearLab> {
  // What was acknowledged outlives `kill -9`.
  const server = await startRedis({ args: ["--appendonly", "yes", "--appendfsync", "always", ...args] });
  const node = server.process;
  return {
    process: node,
    port: server.port,
    pause: () => node.pause(),
    resume: () => node.resume(),
    stop: () => server.stop(),
    newPlace: newPrefix,
    async open(t, prefix, ports) {
      const { client, end } = await single(library, ports.store)();
      t.after(end);
      const feed = redisFeed({ client, prefix, listen: () => redisListener(library, ports.feed) });
      return { store: redisStore({ client, prefix }), feed };
    },
    async killFeeds() {
      await server.command("CLIENT", "KILL", "TYPE", "pubsub");
    },
  };
}

export async function postgresLab(driver: Driver, settings: readonly string[] = []): Promise<NearLab> {
  const lab = await startLab("postgres", settings);
  return {
    process: lab.process,
    port: lab.port,
    pause: () => lab.pause(),
    resume: () => lab.resume(),
    stop: () => lab.stop(),
    newPlace: newTable,
    async open(t, table, ports) {
      const { client, end } = postgresClients[driver].open(lab.url(ports.store));
      t.after(end);
      const url = lab.url(ports.feed);
      const listen = () => postgresClients[driver].listener(url);
      return { store: postgresStore({ client, table }), feed: postgresFeed({ client, table, listen }) };
    },
    async killFeeds() {
      const found = await lab.admin("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ILIKE 'LISTEN %'");
      if (found.length === 0) throw new Error("There is no connection that listens");
    },
  };
}
