import { createHash } from "node:crypto";
import { SessionError } from "../../core/errors.ts";
import type { SessionHandle } from "../../core/id.ts";
import type { SessionRecord, Tombstone } from "../../core/record.ts";

/** A record as it is stored, with the versions that it was written onto, the latest first. */
export interface Live {
  readonly record: SessionRecord;
  readonly after: readonly string[];
}

/** The end of a session: under a key of its own, which no write of a record ever touches. */
export interface End {
  readonly tombstone: Tombstone;
  /** True once the tombstone was swept: the handle then counts as unknown, and still opens nothing. */
  readonly swept: boolean;
  /** Until when it keeps a late write from bringing the session back. */
  readonly keepUntil: number;
}

/** A rotation that has begun: where the session goes on, if it goes through. */
export interface Move {
  readonly successor: SessionHandle;
  readonly keepUntil: number;
}

const MARK = "sojourn1";
const LINES = new RegExp(`^${MARK} ([\\w-]{16})\\n([^\\n]*)\\n(.*)\\.$`, "s");
const DEEPEST = 8;

/** The text of a record: a line with a mark and a sum, a line of JSON with everything but the data, and the data. */
export function encodeLive({ record, after }: Live): string {
  const { handle, data, version, createdAt, expiresAt, userId, epoch } = record;
  const times = { createdAt: time(createdAt), expiresAt: time(expiresAt), epoch: time(epoch) };
  return pack({ kind: "session", handle, version, ...times, userId, after: after.slice(0, DEEPEST) }, data);
}

export function encodeEnd(handle: SessionHandle, { tombstone, swept, keepUntil }: End): string {
  const { reason, token, successor, until } = tombstone;
  return pack({ kind: "end", handle, reason, token, successor, until: time(until), swept, keepUntil: time(keepUntil) });
}

export function encodeMove(handle: SessionHandle, { successor, keepUntil }: Move): string {
  return pack({ kind: "move", handle, successor, keepUntil: time(keepUntil) });
}

/** What a text stands for; undefined for one that is damaged, of a newer release, or not under its own key. */
export function decodeLive(text: unknown, handle: SessionHandle): Live | undefined {
  const [header, data] = unpack(text, "session", handle);
  const { version, createdAt, expiresAt, userId, epoch, after } = header;
  const sound = isText(version) && isTime(createdAt) && isTime(expiresAt) && isTime(epoch);
  if (!sound || !(userId === null || isText(userId)) || !isTexts(after)) return undefined;
  return { record: { handle, data, version, createdAt, expiresAt, userId, epoch }, after };
}

/** As {@link decodeLive}. */
export function decodeEnd(text: unknown, handle: SessionHandle): End | undefined {
  const [{ reason, token, successor, until, swept, keepUntil }] = unpack(text, "end", handle);
  const sound = isText(token) && isTime(until) && isTime(keepUntil) && typeof swept === "boolean";
  if (!sound || !(reason === "ended" || reason === "rotated") || !(successor === null || isText(successor)))
    return undefined;
  return { tombstone: { reason, token, successor: successor as SessionHandle | null, until }, swept, keepUntil };
}

/** As {@link decodeLive}. */
export function decodeMove(text: unknown, handle: SessionHandle): Move | undefined {
  const [{ successor, keepUntil }] = unpack(text, "move", handle);
  return isText(successor) && isTime(keepUntil) ? { successor: successor as SessionHandle, keepUntil } : undefined;
}

type Header = Readonly<Record<string, unknown>>;

function pack(header: Header, data = ""): string {
  if (!data.isWellFormed() || data.includes("\0")) {
    throw new SessionError("ERR_SESSION_DATA", "The record holds a NUL or half a surrogate pair, which many stores change");
  }
  // The full stop keeps what trims texts away from the data.
  const body = `${JSON.stringify(header)}\n${data}.`;
  return `${MARK} ${sumOf(body)}\n${body}`;
}

function unpack(text: unknown, kind: string, handle: SessionHandle): [header: Header, data: string] {
  const [, sum, first = "", data = ""] = (typeof text === "string" ? LINES.exec(text) : null) ?? [];
  if (sum === undefined || sum !== sumOf(`${first}\n${data}.`)) return [{}, ""];
  const header = JSON.parse(first) as Header;
  return header["kind"] === kind && header["handle"] === handle ? [header, data] : [{}, ""];
}

/** Not a secret's: it finds what a store cut off, trimmed, or put into another character set. */
function sumOf(body: string): string {
  return createHash("sha256").update(body).digest("base64url").slice(0, 16);
}

function time(milliseconds: number): number {
  const whole = Math.floor(milliseconds);
  if (Number.isSafeInteger(whole)) return whole;
  throw new SessionError("ERR_SESSION_USAGE", "A time or an epoch must be a finite number, within 2^53");
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(isText);
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value);
}
