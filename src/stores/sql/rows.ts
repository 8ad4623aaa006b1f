import { isSessionError, SessionError } from "../../core/errors.ts";
import type { SessionHandle } from "../../core/id.ts";
import type { RetiredReason, SessionRecord, Tombstone } from "../../core/record.ts";
import type { Fields } from "./driver.ts";

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
   * @param fields what `load` gave
   * @throws {SessionError} `ERR_SESSION_UNREADABLE`
   */
  entry(handle: SessionHandle, fields: Fields): Entry {
    const reason = fields[6];
    if (reason === null) {
      const record = this.#record(handle, fields);
      const present = fields[7] === null ? 0 : this.whole(fields[7], "user_epoch");
      return { record, userEpoch: record.userId === null ? null : present };
    }
    const known = bytesAsText(reason);
    if (!isReason(known)) throw this.#unreadable("`retired_reason` is not one that this version knows");
    const successor = this.#text(fields[0], "session_data");
    const token = this.#text(fields[1], "session_version");
    const until = this.whole(fields[3], "expires_at");
    return { tombstone: { reason: known, token, successor: successor === "" ? null : (successor as SessionHandle), until } };
  }

  /**
   * @param rows what `list` or `sessionsOf` gave
   * @throws {SessionError} `ERR_SESSION_UNREADABLE`
   */
  records(rows: readonly Fields[]): SessionRecord[] {
    return rows.map((fields) => this.#record(this.#text(fields[6], "session_handle") as SessionHandle, fields));
  }

  /** The same, but for rows that cannot be read. */
  readable(rows: readonly Fields[]): SessionRecord[] {
    return rows.flatMap((fields) => {
      try {
        return this.records([fields]);
      } catch (error) {
        if (isSessionError(error, "ERR_SESSION_UNREADABLE")) return [];
        throw error;
      }
    });
  }

  /** @throws {SessionError} `ERR_SESSION_UNREADABLE` */
  whole(value: unknown, column: string): number {
    // Drivers give a big integer as a number, a bigint or text, each by its settings.
    const isText = typeof value === "string" && /^-?\d{1,20}$/.test(value);
    const number = typeof value === "bigint" || isText ? Number(value) : value;
    if (typeof number === "number" && Number.isSafeInteger(number)) return number;
    throw this.#unreadable(`\`${column}\` is not a whole number within 2^53`);
  }

  #record(handle: SessionHandle, fields: Fields): SessionRecord {
    return {
      handle,
      data: this.#text(fields[0], "session_data"),
      version: this.#text(fields[1], "session_version"),
      createdAt: this.whole(fields[2], "created_at"),
      expiresAt: this.whole(fields[3], "expires_at"),
      userId: fields[4] === null ? null : this.#text(fields[4], "user_id"),
      epoch: this.whole(fields[5], "user_epoch"),
    };
  }

  #text(value: unknown, column: string): string {
    const text = bytesAsText(value);
    if (typeof text === "string") return text;
    throw this.#unreadable(`\`${column}\` is not text`);
  }

  #unreadable(problem: string): SessionError {
    return new SessionError("ERR_SESSION_UNREADABLE", `A row of the table "${this.#table}" cannot be read: ${problem}`);
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** MySQL's columns that compare byte by byte come as bytes. */
function bytesAsText(value: unknown): unknown {
  if (!(value instanceof Uint8Array)) return value;
  try {
    return utf8.decode(value);
  } catch {
    return undefined;
  }
}

function isReason(value: unknown): value is RetiredReason {
  return value === "ended" || value === "rotated";
}
