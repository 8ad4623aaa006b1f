import { SessionError } from "../../core/errors.ts";
import type { SessionHandle } from "../../core/id.ts";
import type { RetiredReason, Tombstone } from "../../core/record.ts";
import { unreadable } from "./failures.ts";

/** A script's reply: its status, and what follows it. */
export type Reply = readonly [status: string, ...fields: (string | null)[]];

/** @throws {SessionError} `ERR_SESSION_UNREADABLE` for a record that the script could not read */
export function replyOf(value: unknown): Reply {
  const fields = list(value).map(textOrNull);
  const [status] = fields;
  if (typeof status !== "string") throw unreadable("the reply has another shape");
  if (status === "unreadable") throw unreadable("its fields are not as the store writes them");
  return fields as [string, ...(string | null)[]];
}

/** @throws {SessionError} `ERR_SESSION_UNREADABLE` */
export function list(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value as readonly unknown[];
  throw unreadable("the reply has another shape");
}

/** The tombstone in a reply. @throws {SessionError} `ERR_SESSION_UNREADABLE` */
export function stoneOf([, reason, token, until, successor = null]: Reply): Tombstone {
  return { reason: reasonOf(reason), token: text(token), successor: successor as SessionHandle | null, until: whole(until) };
}

/** @throws {SessionError} `ERR_SESSION_UNREADABLE` */
export function reasonOf(value: string | null | undefined): RetiredReason {
  if (value === "ended" || value === "rotated") return value;
  throw unreadable("its tombstone has a reason that this version does not know");
}

/** @throws {SessionError} `ERR_SESSION_UNREADABLE` */
export function text(value: string | null | undefined): string {
  if (typeof value === "string") return value;
  throw unreadable("a field is missing");
}

/** @throws {SessionError} `ERR_SESSION_UNREADABLE` */
export function whole(value: string | null | undefined): number {
  const number = Number(text(value));
  if (Number.isSafeInteger(number)) return number;
  throw unreadable("a number is not within 2^53");
}

/** A client may be set to give bytes. */
export function textOrNull(value: unknown): string | null {
  if (typeof value === "string") return value;
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("utf8");
  return typeof value === "number" ? String(value) : null;
}

/**
 * Text as Redis gives it back: half a surrogate pair has no UTF-8.
 *
 * @throws {SessionError} `ERR_SESSION_DATA`
 */
export function storable(value: string): string {
  if (value.isWellFormed()) return value;
  throw new SessionError("ERR_SESSION_DATA", "The record holds half a surrogate pair, which Redis would not give back");
}

/**
 * A time in whole milliseconds.
 *
 * @throws {SessionError} `ERR_SESSION_USAGE` for one that is not finite or beyond 2^53
 */
export function time(milliseconds: number): string {
  const moment = Math.floor(milliseconds);
  if (Number.isSafeInteger(moment)) return String(moment);
  throw new SessionError("ERR_SESSION_USAGE", "A time must be a finite number of milliseconds, within 2^53");
}

/**
 * An epoch or a number of records.
 *
 * @throws {SessionError} `ERR_SESSION_USAGE`
 */
export function count(value: number, what: string): string {
  if (Number.isSafeInteger(value) && value >= 0) return String(value);
  throw new SessionError("ERR_SESSION_USAGE", `${what} must be a whole number, 0 or more`);
}
