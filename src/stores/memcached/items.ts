import { SessionError } from "../../core/errors.ts";
import type { SessionHandle } from "../../core/id.ts";
import type { RetiredReason, SessionRecord, Tombstone } from "../../core/record.ts";
import { unreadable } from "./failures.ts";

/** What an item holds. */
export type Stored =
  | { readonly status: "live"; readonly record: SessionRecord }
  | { readonly status: "retired"; readonly tombstone: Tombstone };

const LIVE = "sojourn1:live:";
const RETIRED = "sojourn1:retired:";
// JSON has no such character outside of what it escapes.
const TAB = "\t";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The text of a record's item: a mark, an array of JSON with everything but the data, a tab, and the data.
 *
 * @throws {SessionError} `ERR_SESSION_DATA` for half a surrogate pair in the data; `ERR_SESSION_USAGE` for numbers beyond 2^53
 */
export function liveText({ data, version, createdAt, expiresAt, userId, epoch }: SessionRecord): string {
  if (!data.isWellFormed()) {
    throw new SessionError(
      "ERR_SESSION_DATA",
      "The record holds half a surrogate pair, which Memcached would not give back",
    );
  }
  const fields = [version, whole(createdAt), whole(expiresAt), userId, whole(epoch)];
  return LIVE + JSON.stringify(fields) + TAB + escaped(data);
}

/** The text of a tombstone's item. @throws {SessionError} `ERR_SESSION_USAGE` for a time beyond 2^53 */
export function retiredText({ reason, token, successor, until }: Tombstone): string {
  return RETIRED + JSON.stringify([reason, token, successor, whole(until)]);
}

/** Reads an item. @throws {SessionError} `ERR_SESSION_UNREADABLE` */
export function parseItem(handle: SessionHandle, value: Uint8Array): Stored {
  const text = decoded(value);
  if (text.startsWith(LIVE)) return { status: "live", record: recordIn(handle, text.slice(LIVE.length)) };
  if (text.startsWith(RETIRED)) return { status: "retired", tombstone: tombstoneIn(text.slice(RETIRED.length)) };
  throw unreadable("the item is not as this version of the store writes it");
}

function recordIn(handle: SessionHandle, text: string): SessionRecord {
  const tab = text.indexOf(TAB);
  const [version, createdAt, expiresAt, userId, epoch, ...more] = fieldsIn(text.slice(0, Math.max(0, tab)));
  const sound = isText(version) && isWhole(createdAt) && isWhole(expiresAt) && isTextOrNull(userId) && isWhole(epoch);
  if (tab === -1 || !sound || more.length > 0) throw unreadable("its fields are damaged");
  return { handle, data: unescaped(text.slice(tab + 1)), version, createdAt, expiresAt, userId, epoch };
}

function tombstoneIn(text: string): Tombstone {
  const [reason, token, successor, until, ...more] = fieldsIn(text);
  if (!isReason(reason)) throw unreadable("its tombstone has a reason that this version does not know");
  if (!isText(token) || !isTextOrNull(successor) || !isWhole(until) || more.length > 0) {
    throw unreadable("its tombstone is damaged");
  }
  return { reason, token, successor: successor as SessionHandle | null, until };
}

function fieldsIn(text: string): readonly unknown[] {
  try {
    const fields: unknown = JSON.parse(text);
    if (Array.isArray(fields)) return fields;
  } catch {
    // Not JSON: as unreadable as another shape.
  }
  throw unreadable("its fields are damaged");
}

function decoded(value: Uint8Array): string {
  try {
    return utf8.decode(value);
  } catch {
    throw unreadable("it is not UTF-8");
  }
}

/*
 * No item has a line break in it: whatever might ever go wrong between client and server about where a value ends, no piece of data is
 * ever taken for a command.
 */
function escaped(data: string): string {
  return /[%\r\n]/.test(data) ? data.replaceAll(/[%\r\n]/g, encodeURIComponent) : data;
}

function unescaped(text: string): string {
  if (!text.includes("%")) return text;
  return text.replaceAll(/%(?:25|0D|0A|)/g, (found) => {
    if (found === "%") throw unreadable("its data is damaged");
    return decodeURIComponent(found);
  });
}

/** @throws {SessionError} `ERR_SESSION_USAGE` */
function whole(value: number): number {
  const number = Math.floor(value);
  if (Number.isSafeInteger(number)) return number;
  throw new SessionError("ERR_SESSION_USAGE", "Times and epochs must be finite numbers within 2^53");
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === "string";
}

function isReason(value: unknown): value is RetiredReason {
  return value === "ended" || value === "rotated";
}
