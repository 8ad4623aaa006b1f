import { channel } from "node:diagnostics_channel";

/** What a subscriber gets: never an id, a handle, a user or data. */
export interface SessionEvent {
  /** The store's name. */
  readonly store: string;
  /** How long the store took, in milliseconds, where a store call was made; for `feedReady` how long there was no feed. */
  readonly durationMs?: number;
  /**
   * Why: `ended`, `rotated`, `expired`, `revoked` for `gone`; `format`, `key`, `schema` … for `unreadable`; `connection`, `silence`,
   * `configuration` for `feedLost`; `read`, `fill`, `change`, `end` for `cacheError`.
   */
  readonly reason?: string;
  /** How many keys, for `merged` and `overwritten`. */
  readonly keys?: number;
  /** How many records, for `swept`. */
  readonly count?: number;
  /** Whether nothing was left, for `swept`. */
  readonly complete?: boolean;
  /** For `swept`: how long ago the last complete sweep began, in milliseconds; absent when none is known. */
  readonly lagMs?: number;
  /** What to do about it, where there is something to do. */
  readonly fix?: string;
  /** The error, for `storeError` and `cacheError`, and for `feedLost` where there is one. */
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
  "feedReady",
  "feedLost",
  "cacheError",
] as const;

/** The name of an event; its channel is `sojourn:` and the name. */
export type SessionEventName = (typeof NAMES)[number];

/** Every event's name. */
export const SESSION_EVENTS: readonly SessionEventName[] = NAMES;

const channels = /* @__PURE__ */ Object.fromEntries(
  /* @__PURE__ */ NAMES.map((name) => [name, channel(`sojourn:${name}`)]),
) as Record<SessionEventName, ReturnType<typeof channel>>;

/** The moment from which an event's `durationMs` counts; undefined where nobody listens, for then nobody looks at the clock either. */
export function timeFor(name: SessionEventName): number | undefined {
  return channels[name].hasSubscribers ? performance.now() : undefined;
}

/** Publishes that a store call was made, which began at the moment of {@link timeFor}. */
export function publishTimed(name: SessionEventName, store: string, started: number | undefined): void {
  if (started !== undefined) publish(name, { store, durationMs: performance.now() - started });
}

/** Publishes to `sojourn:<name>` through `node:diagnostics_channel`; costs next to nothing when nobody listens. */
export function publish(name: SessionEventName, event: SessionEvent): void {
  const target = channels[name];
  if (target.hasSubscribers) target.publish(event);
}
