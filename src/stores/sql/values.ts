import { SessionError } from "../../core/errors.ts";

const LONGEST = 255;

/**
 * Text as every database stores it and gives it back: PostgreSQL refuses a NUL, and half a surrogate pair becomes another
 * character on its way.
 *
 * @throws {SessionError} `ERR_SESSION_DATA`
 */
export function storable(text: string): string {
  if (text.isWellFormed() && !text.includes("\0")) return text;
  throw new SessionError(
    "ERR_SESSION_DATA",
    "The record holds a NUL or half a surrogate pair, which databases do not give back",
  );
}

/**
 * Text for a column of limited length, which some databases would cut off in silence.
 *
 * @throws {SessionError} `ERR_SESSION_DATA`
 */
export function short(text: string, what: string): string {
  if (text.length <= LONGEST) return storable(text);
  throw new SessionError("ERR_SESSION_DATA", `${what} is longer than ${LONGEST} characters`);
}

/**
 * A time in whole milliseconds.
 *
 * @throws {SessionError} `ERR_SESSION_USAGE` for one that is not finite or beyond 2^53
 */
export function time(milliseconds: number): number {
  const whole = Math.floor(milliseconds);
  if (Number.isSafeInteger(whole)) return whole;
  throw new SessionError("ERR_SESSION_USAGE", "A time must be a finite number of milliseconds, within 2^53");
}

/**
 * An epoch or a number of rows.
 *
 * @throws {SessionError} `ERR_SESSION_USAGE`
 */
export function count(value: number, what: string): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new SessionError("ERR_SESSION_USAGE", `${what} must be a whole number, 0 or more`);
}
