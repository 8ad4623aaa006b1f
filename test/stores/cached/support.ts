import type { SessionEvent } from "../../../src/core/events.ts";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { SessionError } from "../../../src/core/errors.ts";
import { newVersion } from "../../../src/core/id.ts";
import type { SessionRecord, Tombstone } from "../../../src/core/record.ts";
import type { SessionStore } from "../../../src/core/store.ts";
import { cachedStore, type CachedStore, type CachedStoreOptions } from "../../../src/stores/cached.ts";
import { memoryStore, type MemoryStore } from "../../../src/stores/memory.ts";
import { type FakeClock, fakeClock } from "../../../src/testing/fake-clock.ts";
import { record as aRecord } from "../redis/support.ts";

/**
 * What goes wrong with a call: `refuse`: nothing is done, and the store says so. `break`: nothing is done, and nobody can know. `lose`: it
 * is done, and nobody can know. `hang`: nothing is done, and there is no reply. `late`: it waits for {@link Line.deliver}, and is done then.
 */
export type Trouble = "refuse" | "break" | "lose" | "hang" | "late" | undefined;

/** The line between a node and a store: what was called, and what goes wrong. */
export interface Line {
  readonly store: SessionStore;
  /** `cache.load`, `store.save` … in the order of the calls. */
  readonly calls: string[];
  /** Asked before each call. Default nothing. */
  trouble: (verb: string) => Trouble;
  /** Lets the late calls through, in their order. */
  deliver(): Promise<void>;
}

/** Every line writes its calls to `calls`. */
export function line(name: string, store: SessionStore, calls: string[] = []): Line {
  const late: (() => unknown)[] = [];
  const made: Line = {
    calls,
    trouble: () => undefined,
    store: undefined as unknown as SessionStore,
    async deliver() {
      for (const send of late.splice(0)) await send();
    },
  };
  const through =
    (verb: string, send: (...args: never[]) => unknown, self: unknown) =>
    async (...args: never[]): Promise<unknown> => {
      calls.push(`${name}.${verb}`);
      const trouble = made.trouble(verb);
      switch (trouble) {
        case "refuse":
          throw new SessionError("ERR_SESSION_STORE", "Refused", { applied: "no" });
        case "break":
          throw new Error("The connection broke");
        case "lose":
          await send.apply(self, args);
          throw new Error("The reply was lost");
        case "hang":
          return new Promise(() => undefined);
        case "late":
          return new Promise((resolve, reject) => {
            late.push(async () => {
              await Promise.resolve(send.apply(self, args)).then(resolve, reject);
            });
          });
        case undefined:
          return send.apply(self, args);
      }
    };
  const copy: Record<string, unknown> = { ...store, name: store.name, reach: store.reach, durable: store.durable };
  for (const [key, value] of Object.entries(copy))
    if (typeof value === "function") copy[key] = through(key, value as never, store);
  const { users } = store;
  if (users !== undefined) {
    copy["users"] = Object.fromEntries(
      Object.entries(users).map(([key, value]) => [key, through(key, value as never, users)]),
    );
  }
  (made as { store: SessionStore }).store = copy as unknown as SessionStore;
  return made;
}

/** One process of an application. */
export interface Node {
  readonly cached: CachedStore;
  readonly cache: Line;
  readonly store: Line;
  /** What it called since this was asked last, both lines together. */
  calls(): string[];
}

/** A cache and a store, and processes that share them. */
export interface Rig {
  readonly clock: FakeClock;
  readonly cache: MemoryStore;
  readonly store: MemoryStore;
  /** @param aheadMs how far the process's clock is ahead */
  node(settings?: Omit<CachedStoreOptions, "store" | "cache" | "clock">, aheadMs?: number): Node;
}

export function rig(): Rig {
  const [clock, cache, store] = [fakeClock(Date.now()), memoryStore(), memoryStore()];
  return {
    clock,
    cache,
    store,
    node(settings = {}, aheadMs = 0) {
      const calls: string[] = [];
      const [front, back] = [line("cache", cache, calls), line("store", store, calls)];
      const own = { now: () => clock.now() + aheadMs, sleep: (ms: number) => clock.sleep(ms) };
      const cached = cachedStore({ cache: front.store, store: back.store, clock: own, ...settings });
      return { cached, cache: front, store: back, calls: () => calls.splice(0) };
    },
  };
}

/** A session in the store, of which no copy is in the cache yet. */
export async function stored({ store, clock }: Rig, fields: Partial<SessionRecord> = {}): Promise<SessionRecord> {
  const session = aRecord({ createdAt: clock.now(), expiresAt: clock.now() + 3_600_000, ...fields });
  await store.create(session);
  return session;
}

export function stone({ clock }: Rig, fields: Partial<Tombstone> = {}): Tombstone {
  return { reason: "ended", token: newVersion(), successor: null, until: clock.now() + 60_000, ...fields };
}

/** The `cacheError` events of a piece of work, as their reasons. */
export async function reasonsOf(work: () => Promise<unknown>): Promise<string[]> {
  const reasons: string[] = [];
  const note = (message: unknown): void => void reasons.push(String((message as SessionEvent).reason));
  subscribe("sojourn:cacheError", note);
  try {
    await work();
  } finally {
    unsubscribe("sojourn:cacheError", note);
  }
  return reasons;
}

/** Gives everything that can go on a turn. */
export async function turn(): Promise<void> {
  for (let turns = 0; turns < 5; turns++) await new Promise((resolve) => setImmediate(resolve));
}
