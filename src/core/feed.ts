import type { SessionHandle } from "./id.ts";
import type { Awaitable } from "./store.ts";

/**
 * What was changed in a store: a record, a user's epoch, or more than a feed can name. `user` is the SHA-256 of the user's id as 64
 * lower-case hexadecimal characters, and null where the feed does not know whose epoch it was.
 */
export type StoreChange = { readonly handle: SessionHandle } | { readonly user: string | null } | "everything";

/** Who is told, in the order in which things happened in the store; nothing before `open` returned. */
export interface FeedListener {
  changed(change: StoreChange): void;
  /** A mark came back. */
  marked(mark: string): void;
  /** The connection is over: nothing more comes of it, and changes may have gone unseen. May be told again, and after `close`. */
  lost(error: unknown): void;
}

/** One connection over which changes are reported. */
export interface FeedConnection {
  /**
   * Sends a mark, once the connection stands, by way of the client that the store writes with; it comes back the way that changes do.
   * Whoever was told before this call that something is stored: that change comes before the mark. Resolves when the mark was sent.
   *
   * Rejects when that cannot be; with `ERR_SESSION_CONFIG` when trying again will not help.
   *
   * @param mark a text of base64url characters
   */
  mark(mark: string): Promise<void>;
  /** Ends the connection, also one that hangs or does not stand yet. */
  close(): void;
}

/** Where a store's server tells of changes, whoever makes them, so that copies in the memory of a process can be kept right. */
export interface ChangeFeed {
  /** The engine's name, as in the store's. */
  readonly name: string;
  /** Whose changes it reports, in the same words as the store's `home`. */
  readonly home?: string;
  /** Begins a new connection. What goes wrong is said by `mark` and `lost`. */
  open(listener: FeedListener): FeedConnection;
  /** Gives back what the feed holds open besides its connections. Called once, after the last of them was closed. */
  close?(): Awaitable<void>;
}
