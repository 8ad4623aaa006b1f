import type { ChangeFeed, FeedConnection, FeedListener } from "../../core/feed.ts";
import { newVersion } from "../../core/id.ts";
import type { Awaitable } from "../../core/store.ts";
import type { RedisPort } from "./client.ts";
import type { Keys } from "./keys.ts";
import { MARK } from "./scripts.ts";
import { subscribeTo, type Subscription } from "./subscription.ts";

/** What a {@link RedisFeed} works with. */
export interface RedisFeedParts {
  /** The client that the store writes with. */
  readonly port: RedisPort;
  /** Gives a new client for one connection of the feed. */
  readonly listen: () => Awaitable<object>;
  /** What the client puts in front of every key. */
  readonly keyPrefix: string;
  readonly keys: Keys;
}

/**
 * The server's own tracking of keys, in broadcasting mode: it tells of every key with one of the prefixes that was written, deleted,
 * expired or evicted, in the order in which that happened, and before the writer is answered.
 */
export class RedisFeed implements ChangeFeed {
  readonly name = "redis";
  readonly home: string;
  readonly #parts: RedisFeedParts;

  constructor(parts: RedisFeedParts) {
    this.#parts = parts;
    this.home = parts.keys.home;
  }

  open(listener: FeedListener): FeedConnection {
    return new RedisFeedConnection(this.#parts, listener);
  }
}

class RedisFeedConnection implements FeedConnection {
  readonly #parts: RedisFeedParts;
  readonly #listener: FeedListener;
  /** What the keys of this connection's marks begin with; nobody else tracks them. */
  readonly #marks: string;
  readonly #started: Promise<void>;
  #subscription: Subscription | undefined;
  #closed = false;

  constructor(parts: RedisFeedParts, listener: FeedListener) {
    this.#parts = parts;
    this.#listener = listener;
    this.#marks = parts.keys.marks(newVersion());
    this.#started = this.#start();
    // It is said by `mark`.
    this.#started.catch(() => undefined);
  }

  async mark(mark: string): Promise<void> {
    await this.#started;
    await this.#parts.port.run(MARK, [this.#marks + mark], []);
  }

  close(): void {
    this.#closed = true;
    this.#subscription?.end();
  }

  async #start(): Promise<void> {
    const { keys, listen, keyPrefix: prefix } = this.#parts;
    const client = await listen();
    this.#subscription = subscribeTo(client, {
      tracked: [...keys.tracked, this.#marks].map((each) => prefix + each),
      onKeys: (changed) => this.#told(changed, prefix),
      onOver: (error) => this.#listener.lost(error),
    });
    // Closed while the client was waited for.
    if (this.#closed) this.#subscription.end();
    await this.#subscription.started;
  }

  #told(changed: readonly string[] | null, prefix: string): void {
    if (changed === null) {
      this.#listener.changed("everything");
      return;
    }
    for (const key of changed) {
      const own = key.slice(prefix.length);
      const change = this.#parts.keys.changeIn(own);
      if (change !== undefined) this.#listener.changed(change);
      // The server puts keys of several prefixes into several messages: nothing that belongs before the mark comes behind it.
      else if (own.startsWith(this.#marks)) this.#listener.marked(own.slice(this.#marks.length));
    }
  }
}
