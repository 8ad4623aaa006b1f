import { isoText, readIso } from "./python/moments.ts";

/** `SESSION_COOKIE_AGE`, unless it is set: two weeks, in seconds. */
export const DEFAULT_COOKIE_AGE_SECONDS = 1_209_600;

/** Options of {@link expiryAgeSeconds} and {@link expiryAt}. */
export interface ExpiryOptions {
  /** `SESSION_COOKIE_AGE`, in seconds. Default 1,209,600. */
  readonly cookieAgeSeconds?: number | undefined;
  /** When the session was last saved, in milliseconds since 1970-01-01T00:00:00Z. */
  readonly modifiedAt: number;
  /**
   * What a date without an offset means, as `USE_TZ = False` writes them: takes it as if it were UTC, and gives the true moment, both in
   * milliseconds since 1970. Default: it is UTC.
   */
  readonly fromLocal?: ((local: number) => number) | undefined;
}

/**
 * `get_expiry_age()`: for how many seconds a session lives from when it was saved. Negative when that time was over by then.
 *
 * @param stored what the session has under `_session_expiry`
 * @returns undefined for a value that Django could not use either
 */
export function expiryAgeSeconds(stored: unknown, options: ExpiryOptions): number | undefined {
  const { cookieAgeSeconds = DEFAULT_COOKIE_AGE_SECONDS, modifiedAt } = options;
  if (isNone(stored)) return cookieAgeSeconds;
  if (typeof stored === "number" || typeof stored === "bigint") return Number(stored);
  const at = momentOf(stored, options);
  return at === undefined ? undefined : Math.floor((at - modifiedAt) / 1000);
}

/**
 * `get_expiry_date()`: when a session ends, in milliseconds since 1970-01-01T00:00:00Z, with a fraction where Python has microseconds.
 *
 * @param stored what the session has under `_session_expiry`
 * @returns undefined for a value that Django could not use either
 */
export function expiryAt(stored: unknown, options: ExpiryOptions): number | undefined {
  const { modifiedAt } = options;
  if (typeof stored === "string" && stored !== "") return momentOf(stored, options);
  const seconds = expiryAgeSeconds(stored, options);
  return seconds === undefined ? undefined : modifiedAt + seconds * 1000;
}

/** `get_expire_at_browser_close()`. @param setting `SESSION_EXPIRE_AT_BROWSER_CLOSE` */
export function expiresAtBrowserClose(stored: unknown, setting = false): boolean {
  if (stored === undefined || stored === null) return setting;
  return stored === 0 || stored === 0n || stored === false;
}

/**
 * What `set_expiry` stores under `_session_expiry`: a number of seconds as it is, a moment as the ISO text of Django 4.1 and later. Earlier
 * ones fail on such a text.
 */
export function storedExpiry(expiry: number | Date): number | string {
  return typeof expiry === "number" ? expiry : isoOf(expiry.getTime(), 0);
}

/** A local moment as text without an offset, as `USE_TZ = False` has it: Python compares none that has one with one that has none. */
export function storedLocalExpiry(local: number): string {
  return isoOf(local, undefined);
}

/** True for the text of a moment without an offset. */
export function isLocalExpiry(stored: unknown): boolean {
  const parts = typeof stored === "string" ? readIso(stored) : undefined;
  return parts?.date !== undefined && parts.offset === undefined && parts.zone === undefined;
}

/** A moment as Python's `isoformat()`. @param at milliseconds since 1970-01-01T00:00:00Z, as if it were UTC */
function isoOf(at: number, offset: 0 | undefined): string {
  const date = new Date(at);
  return isoText({
    date: [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()],
    time: [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds(), date.getUTCMilliseconds() * 1000],
    offset,
  });
}

/** What counts as none in Python: zero, too, though that also asks for a cookie until the browser closes. */
function isNone(stored: unknown): boolean {
  return !stored;
}

function momentOf(stored: unknown, { fromLocal = (local) => local }: ExpiryOptions): number | undefined {
  const parts = typeof stored === "string" ? readIso(stored) : undefined;
  if (parts?.date === undefined || parts.zone !== undefined) return undefined;
  const [year, month, day] = parts.date;
  const [hour, minute, second, micro] = parts.time ?? [0, 0, 0, 0];
  const start = new Date(0);
  start.setUTCFullYear(year, month - 1, day);
  const local = start.getTime() + ((hour * 60 + minute) * 60 + second) * 1000 + micro / 1000;
  return parts.offset === undefined ? fromLocal(local) : local - parts.offset / 1000;
}
