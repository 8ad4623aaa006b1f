import type { SessionHandle } from "./id.ts";

/** One session as a store keeps it. Times are milliseconds since 1970-01-01T00:00:00Z. */
export interface SessionRecord {
  /** The hash of the id; the record's key. */
  readonly handle: SessionHandle;
  /** The session's data as text, made by the codec, with its version mark in front. Opaque to the store. */
  readonly data: string;
  /** A random token chosen by the writer before sending; every write brings a new one. */
  readonly version: string;
  /** When the session began. A rotation carries it over. */
  readonly createdAt: number;
  /** The deadline after which the session is expired. */
  readonly expiresAt: number;
  /** The user bound by `login`, or null. At most 255 characters. */
  readonly userId: string | null;
  /** The user's epoch when the session was bound; 0 without a user. A session older than the user's epoch is revoked. */
  readonly epoch: number;
}

/** Why a session is over: `ended` by flush, logout or revoke; `rotated` to another id. */
export type RetiredReason = "ended" | "rotated";

/** What is left of a session that is over, for as long as a late request could still carry its id. */
export interface Tombstone {
  readonly reason: RetiredReason;
  /** A random token chosen by the writer, so that it recognises its own tombstone. */
  readonly token: string;
  /** For a rotation: the handle that the session goes on under, so that a logout which comes late ends that too. Else null. */
  readonly successor: SessionHandle | null;
  /** From when on the handle counts as unknown, and the tombstone may be swept, in milliseconds since 1970-01-01T00:00:00Z. */
  readonly until: number;
}
