import type { Notes } from "./payload.ts";
import type { SessionRecord } from "./record.ts";
import { REFRESH_PART, type ResolvedOptions } from "./options.ts";

type ExpiryOptions = Pick<
  ResolvedOptions,
  "idleSeconds" | "absoluteSeconds" | "firstSeconds" | "refreshSeconds" | "expireAtBrowserClose"
>;

/** What decides a session's deadline. */
export interface ExpiryState {
  readonly expiry: Notes["expiry"];
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly createdAt: number;
  /** True once a client showed that it holds the id. */
  readonly proven: boolean;
}

/** Seconds without a visit after which this session expires. */
function idleSecondsOf(expiry: Notes["expiry"], options: ExpiryOptions): number {
  return typeof expiry === "number" && expiry !== 0 ? expiry : options.idleSeconds;
}

/** The session's deadline when it is visited at `now`, before the first lifetime is looked at. */
function fullDeadline({ expiry, createdAt }: ExpiryState, now: number, options: ExpiryOptions): number {
  const wanted = typeof expiry === "object" ? expiry.at : now + idleSecondsOf(expiry, options) * 1000;
  return Math.min(Math.round(wanted), createdAt + options.absoluteSeconds * 1000);
}

/** The deadline to store when the session is visited at `now`. */
export function deadlineAt(state: ExpiryState, now: number, options: ExpiryOptions): number {
  const full = fullDeadline(state, now, options);
  return state.proven ? full : Math.min(full, state.createdAt + options.firstSeconds * 1000);
}

/** True when a record is over, by its own deadline or by the absolute one that holds now. */
export function isExpired(
  record: SessionRecord,
  now: number,
  { absoluteSeconds }: Pick<ExpiryOptions, "absoluteSeconds">,
): boolean {
  return record.expiresAt <= now || record.createdAt + absoluteSeconds * 1000 <= now;
}

/** True when the stored deadline has fallen behind so far that a read should move it. */
export function isRefreshDue(state: ExpiryState, expiresAt: number, now: number, options: ExpiryOptions): boolean {
  const gain = deadlineAt(state, now, options) - expiresAt;
  const part = idleSecondsOf(state.expiry, options) / REFRESH_PART;
  // A session with a shorter time of its own would be over before the general step is reached.
  const least =
    state.expiry === undefined ? (options.refreshSeconds ?? part) : Math.min(options.refreshSeconds ?? part, part);
  // Near the absolute deadline the gain shrinks towards nothing; such a deadline never needs a write.
  return gain > 0 && gain >= least * 1000;
}

/** True when the cookie should last no longer than the browser runs. */
export function endsWithBrowser(expiry: Notes["expiry"], options: ExpiryOptions): boolean {
  return expiry === undefined ? options.expireAtBrowserClose : expiry === 0;
}

/** The cookie's Max-Age in seconds, or undefined for a cookie that ends with the browser. */
export function cookieMaxAge(state: ExpiryState, now: number, options: ExpiryOptions): number | undefined {
  if (endsWithBrowser(state.expiry, options)) return undefined;
  return Math.max(0, Math.ceil((fullDeadline(state, now, options) - now) / 1000));
}
