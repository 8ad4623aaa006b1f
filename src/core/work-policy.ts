import type { Content } from "./engine.ts";
import { isSessionError, SessionError } from "./errors.ts";
import type { GonePolicy, StoreErrorPolicy, UnreadablePolicy } from "./options.ts";

/**
 * Where a session stands: `unloaded` until it is asked for; `new` without a record; `live` with one; `retired` when it was ended or
 * rotated moments ago; `unreadable` and `unavailable` when the request goes on without it.
 */
export type WorkStatus = "unloaded" | "new" | "live" | "retired" | "unreadable" | "unavailable";

/** What a request may decide for itself about trouble with its session. */
export interface Policy {
  readonly onGone: GonePolicy;
  readonly onUnreadable: UnreadablePolicy;
  readonly onStoreError: StoreErrorPolicy;
}

/** How a session is written. */
export interface WriteOptions {
  /** Store it though nothing changed. */
  readonly force?: boolean;
  /** Move the deadline, however lately that was done. */
  readonly slide?: boolean;
  /** What {@link SessionWork.pendingPlain} gave a moment ago. */
  readonly plain?: string | undefined;
}

/** A write: how it is done, and the change of `update`, if it is one. */
export class Write {
  readonly force: boolean;
  readonly slide: boolean;
  readonly plain: string | undefined;
  readonly apply: ((content: Content) => Content) | undefined;

  constructor(force: boolean, slide: boolean, plain?: string, apply?: (content: Content) => Content) {
    this.force = force;
    this.slide = slide;
    this.plain = plain;
    this.apply = apply;
  }
}

/** The error of a write as the policy has it: ERR_SESSION_READ_ONLY for `read-only`, where the store surely stored nothing. */
export function readOnlyError({ onStoreError }: Pick<Policy, "onStoreError">, error: unknown): unknown {
  const refused = isSessionError(error, "ERR_SESSION_STORE") && error.applied === "no";
  if (!refused || onStoreError !== "read-only") return error;
  const { retryAfterSeconds = 1 } = error;
  return new SessionError("ERR_SESSION_READ_ONLY", undefined, { cause: error, applied: "no", retryAfterSeconds });
}
