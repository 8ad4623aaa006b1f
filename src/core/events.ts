import { channel } from "node:diagnostics_channel";

/** What a subscriber gets: never an id, a handle, a user or data. */
export interface SessionEvent {
  /** The store's name. */
  readonly store: string;
  /** How long the store took, in milliseconds, where a store call was made. */
  readonly durationMs?: number;
  /** Why: `ended`, `rotated`, `expired`, `revoked` for `gone`; `format`, `key`, `schema` … for `unreadable`. */
  readonly reason?: string;
  /** How many keys, for `merged` and `overwritten`. */
  readonly keys?: number;
  /** How many records, for `swept`. */
  readonly count?: number;
  /** What to do about it, where there is something to do. */
  readonly fix?: string;
  /** The error, for `storeError`. */
  readonly error?: unknown;
}

const NAMES = [
  "created",
  "loaded",
  "saved",
  "touched",
  "rotated",
  "ended",
  "conflict",
  "merged",
  "overwritten",
  "gone",
  "dropped",
  "unreadable",
  "tampered",
  "unknownId",
  "duplicateCookie",
  "expired",
  "revoked",
  "swept",
  "insecure",
  "lateWrite",
  "storeError",
] as const;

/** The name of an event; its channel is `sojourn:` and the name. */
export type SessionEventName = (typeof NAMES)[number];

/** Every event's name. */
export const SESSION_EVENTS: readonly SessionEventName[] = NAMES;

const channels = Object.fromEntries(NAMES.map((name) => [name, channel(`sojourn:${name}`)])) as Record<
  SessionEventName,
  ReturnType<typeof channel>
>;

/** Publishes to `sojourn:<name>` through `node:diagnostics_channel`; costs nothing when nobody listens. */
export function publish(name: SessionEventName, event: SessionEvent): void {
  const target = channels[name];
  if (target.hasSubscribers) target.publish(event);
}
