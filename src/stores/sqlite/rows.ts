import { isSessionError, SessionError } from "../../core/errors.ts";
import type { SessionHandle } from "../../core/id.ts";
import type { RetiredReason, SessionRecord, Tombstone } from "../../core/record.ts";
import { fieldsOf, type Fields } from "./driver.ts";
import { unreadable } from "./failures.ts";
import { EPOCH, LISTED, LOADED } from "./statements.ts";

/** What a row of the table of sessions is: a tombstone, or a record and the present epoch of its user. */
export type Entry =
  | { readonly tombstone: Tombstone }
  | { readonly tombstone?: undefined; readonly record: SessionRecord; readonly userEpoch: number | null };

/** Turns rows into records, and refuses what is not as it was written. */
export class RowReader {
  readonly #table: string;

  constructor(table: string) {
    this.#table = table;
  }

  /**
   * @param row what `load` gave
   * @throws {SessionError} `ERR_SESSION_UNREADABLE`
   */
  entry(handle: SessionHandle, row: unknown): Entry | undefined {
    const fields = fieldsOf(row, LOADED);
    if (fields === undefined) return undefined;
    const reason = fields[6];
    if (reason === null) {
      const record = this.#record(handle, fields);
      const present = fields[7];
      return {
        record,
        userEpoch: record.userId === null ? null : present === null ? 0 : this.#whole(present, "user_epoch"),
      };
    }
    if (!isReason(reason)) throw unreadable(this.#table, "`retired_reason` is not one that this version knows");
    const token = this.#text(fields[1], "session_version");
    const successor = this.#text(fields[0], "session_data");
    const until = this.#whole(fields[3], "expires_at");
    return { tombstone: { reason, token, successor: successor === "" ? null : (successor as SessionHandle), until } };
  }

  /**
   * @param rows what `list` or `sessionsOf` gave
   * @throws {SessionError} `ERR_SESSION_UNREADABLE`
   */
  records(rows: readonly unknown[]): SessionRecord[] {
    return rows.map((row) => {
      const fields = fieldsOf(row, LISTED) ?? [];
      return this.#record(this.#text(fields[6], "session_handle") as SessionHandle, fields);
    });
  }

  /** The same, but for rows that cannot be read. */
  readable(rows: readonly unknown[]): SessionRecord[] {
    return rows.flatMap((row) => {
      try {
        return this.records([row]);
      } catch (error) {
        if (isSessionError(error, "ERR_SESSION_UNREADABLE")) return [];
        throw error;
      }
    });
  }

  /**
   * The epoch in a row of `epoch` or `advanceEpoch`, or 0 without a row.
   *
   * @throws {SessionError} `ERR_SESSION_UNREADABLE`
   */
  epoch(row: unknown): number {
    const fields = fieldsOf(row, EPOCH);
    return fields === undefined ? 0 : this.#whole(fields[0], "user_epoch");
  }

  // The first columns of LOADED and LISTED are the same.
  #record(handle: SessionHandle, fields: Fields): SessionRecord {
    const userId = fields[4];
    return {
      handle,
      data: this.#text(fields[0], "session_data"),
      version: this.#text(fields[1], "session_version"),
      createdAt: this.#whole(fields[2], "created_at"),
      expiresAt: this.#whole(fields[3], "expires_at"),
      userId: userId === null ? null : this.#text(userId, "user_id"),
      epoch: this.#whole(fields[5], "user_epoch"),
    };
  }

  #text(value: unknown, column: string): string {
    if (typeof value === "string") return value;
    throw unreadable(this.#table, `\`${column}\` is not text`);
  }

  #whole(value: unknown, column: string): number {
    // A database that was opened to read big integers gives every number as one.
    const number = typeof value === "bigint" ? Number(value) : value;
    if (typeof number === "number" && Number.isSafeInteger(number)) return number;
    throw unreadable(this.#table, `\`${column}\` is not a whole number within 2^53`);
  }
}

function isReason(value: unknown): value is RetiredReason {
  return value === "ended" || value === "rotated";
}

/**
 * Text as every driver stores it and gives it back. A NUL ends the text for some of them when they read, and half a surrogate
 * pair becomes another character, so neither is let in.
 *
 * @throws {SessionError} `ERR_SESSION_DATA`
 */
export function storable(text: string): string {
  if (text.isWellFormed() && !text.includes("\0")) return text;
  throw new SessionError(
    "ERR_SESSION_DATA",
    "The record holds a NUL or half a surrogate pair, which SQLite would not give back",
  );
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
