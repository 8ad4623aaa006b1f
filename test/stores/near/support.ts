import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { SessionEvent, SessionEventName } from "../../../src/core/events.ts";
import type { ChangeFeed, FeedConnection, FeedListener, StoreChange } from "../../../src/core/feed.ts";
import type { SessionHandle } from "../../../src/core/id.ts";
import type { LoadOutcome, SessionStore } from "../../../src/core/store.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { NearStore } from "../../../src/stores/near.ts";
import { until } from "../../servers/process.ts";

/** A feed that tells what the test says. */
export class ScriptedFeed implements ChangeFeed {
  readonly name = "scripted";
  /** True when marks do not come back. */
  mute = false;
  /** What marks are refused with. */
  refusal: Error | undefined;
  opened = 0;
  closed = 0;
  ended = 0;
  marks = 0;
  #listener: FeedListener | undefined;
  readonly #waiting: string[] = [];

  open(listener: FeedListener): FeedConnection {
    this.opened += 1;
    this.#listener = listener;
    return {
      mark: async (mark) => {
        this.marks += 1;
        if (this.refusal !== undefined) throw this.refusal;
        if (this.mute) this.#waiting.push(mark);
        else queueMicrotask(() => listener.marked(mark));
      },
      close: () => void (this.closed += 1),
    };
  }

  close(): void {
    this.ended += 1;
  }

  /** The present connection's listener, for telling it things late. */
  get listener(): FeedListener {
    if (this.#listener === undefined) throw new Error("The feed was not opened");
    return this.#listener;
  }

  tell(change: StoreChange): void {
    this.listener.changed(change);
  }

  lose(error: unknown = new Error("lost")): void {
    this.listener.lost(error);
  }

  /** Lets marks come back again, those that did not included. */
  unmute(): void {
    this.mute = false;
    for (const mark of this.#waiting.splice(0)) this.listener.marked(mark);
  }
}

let names = 0;

/** A memory store with a name of its own, whose loads are counted and can be held. */
export class CountedStore {
  readonly store: SessionStore;
  loads = 0;
  #hold: { readonly asked: () => void; readonly released: Promise<void> } | undefined;

  constructor(changes: Partial<SessionStore> = {}) {
    const inner = memoryStore();
    this.store = {
      ...inner,
      name: `memory${++names}`,
      load: async (handle, options) => {
        this.loads += 1;
        const outcome = await inner.load(handle, options);
        const hold = this.#hold;
        this.#hold = undefined;
        hold?.asked();
        await hold?.released;
        return outcome;
      },
      ...changes,
    };
  }

  /** Holds the reply of the next load: `asked` resolves when the store has read, `release` lets the reply go. */
  hold(): { readonly asked: Promise<void>; release(): void } {
    const asked = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    this.#hold = { asked: asked.resolve, released: released.promise };
    return { asked: asked.promise, release: released.resolve };
  }
}

/** Resolves with the next event of this name that a store publishes. */
export function nextEvent(name: SessionEventName, { name: store }: Pick<SessionStore, "name">): Promise<SessionEvent> {
  return new Promise((resolve) => {
    const listener = (message: unknown): void => {
      const event = message as SessionEvent;
      if (event.store !== store) return;
      unsubscribe(`sojourn:${name}`, listener);
      resolve(event);
    };
    subscribe(`sojourn:${name}`, listener);
  });
}

/** Opens the feed and resolves when it vouches for what is in memory. */
export async function ready(near: NearStore): Promise<void> {
  if (near.stats().ready) return;
  const event = nextEvent("feedReady", near);
  // Any load opens it.
  await near.load("0".repeat(48) as SessionHandle);
  if (!near.stats().ready) await event;
}

/** Loads until the answer comes from memory, and gives it. */
export async function cached(near: NearStore, handle: SessionHandle): Promise<LoadOutcome> {
  let outcome: LoadOutcome | undefined;
  await until("the record is served from memory", async () => {
    await ready(near);
    const { hits } = near.stats();
    outcome = await near.load(handle);
    return near.stats().hits > hits;
  });
  if (outcome === undefined) throw new Error("Nothing was loaded");
  return outcome;
}
