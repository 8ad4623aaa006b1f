import { SessionError } from "../../core/errors.ts";
import { newVersion, type SessionHandle } from "../../core/id.ts";
import type { RetiredReason, SessionRecord, Tombstone } from "../../core/record.ts";
import { unreadable } from "./failure.ts";
import { isFileHandle } from "./layout.ts";

/**
 * A rotation in a file: in the new session's, where it stands under the condition that `handle`, the old one, has a
 * tombstone with the same `mark`; and in that tombstone, where `handle` is the new one.
 */
export interface Rotation {
  readonly handle: SessionHandle;
  readonly mark: string;
}

/** What a session's file holds, but for the data. */
export type Header =
  | { readonly state: "live"; readonly record: Omit<SessionRecord, "data">; readonly rotation: Rotation | null }
  | {
      readonly state: "retired";
      readonly tombstone: Tombstone;
      /** The hash of the user whose index may still have an entry for it. */
      readonly user: string | null;
      readonly rotation: Rotation | null;
    };

type Live = Extract<Header, { state: "live" }>;

/** What a session's file holds. */
export type Stored = Exclude<Header, Live> | (Omit<Live, "record"> & { readonly record: SessionRecord });

const FORMAT = 1;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

// Every file begins with a random mark of its own, so that two files are never taken for one another.
function line(fields: object): string {
  return `${JSON.stringify({ sojourn: FORMAT, nonce: newVersion(), ...fields })}\n`;
}

/**
 * The text of a record's file: a line of JSON with everything but the data, and a line with the data as a JSON string.
 */
export function encodeLive(record: SessionRecord, rotation: Rotation | null = null): string {
  const { handle, data, version, createdAt, expiresAt, userId, epoch } = record;
  if (![createdAt, expiresAt, epoch].every(Number.isFinite)) {
    throw new SessionError(
      "ERR_SESSION_USAGE",
      "The file store was given a record whose times or epoch are not finite numbers",
    );
  }
  const fields = { state: "live", handle, version, createdAt, expiresAt, userId, epoch };
  return line(rotation === null ? fields : { ...fields, rotation }) + `${JSON.stringify(data)}\n`;
}

/** The text of a tombstone's file: one line of JSON. */
export function encodeRetired(
  handle: SessionHandle,
  tombstone: Tombstone,
  user: string | null = null,
  rotation: Rotation | null = null,
): string {
  const { reason, token, successor, until } = tombstone;
  if (!Number.isFinite(until)) {
    throw new SessionError("ERR_SESSION_USAGE", "The file store was given a tombstone whose `until` is not a finite number");
  }
  const fields = { state: "retired", handle, reason, token, successor, until, user };
  return line(rotation === null ? fields : { ...fields, rotation });
}

/** The text of an epoch's file. */
export function encodeEpoch(epoch: number): string {
  return line({ state: "epoch", epoch });
}

/** Reads a whole file of a session. @throws {SessionError} `ERR_SESSION_UNREADABLE` */
export function parseStored(content: Uint8Array, handle: SessionHandle): Stored {
  const [first, second, rest] = split(content);
  const header = parseHeader(first, handle);
  if (header.state === "retired") {
    if (second !== "") throw unreadable();
    return header;
  }
  const data = second === undefined ? undefined : parseJson(second);
  if (typeof data !== "string" || rest !== "") throw unreadable();
  return { ...header, record: { ...header.record, data } };
}

/** Reads the first line of a session's file. @throws {SessionError} `ERR_SESSION_UNREADABLE` */
export function parseHeader(text: string | undefined, handle: SessionHandle): Header {
  const fields = parseFields(text);
  const rotation = parseRotation(fields["rotation"]);
  if (fields["handle"] !== handle || rotation === undefined) throw unreadable();
  const { state, version, createdAt, expiresAt, userId, epoch, reason, token, successor = null, until, user } = fields;
  if (
    state === "live" &&
    isText(version) &&
    isTime(createdAt) &&
    isTime(expiresAt) &&
    isTextOrNull(userId) &&
    isTime(epoch)
  ) {
    return { state, record: { handle, version, createdAt, expiresAt, userId, epoch }, rotation };
  }
  const sound = isReason(reason) && isText(token) && isTextOrNull(successor) && isTime(until) && isTextOrNull(user);
  if (state === "retired" && sound) {
    return { state, tombstone: { reason, token, successor: successor as SessionHandle | null, until }, user, rotation };
  }
  throw unreadable();
}

/** Reads a file of an epoch. @throws {SessionError} `ERR_SESSION_UNREADABLE` */
export function parseEpoch(content: Uint8Array): number {
  const [first, rest] = split(content);
  const { state, epoch } = parseFields(first);
  if (state !== "epoch" || !isTime(epoch) || rest !== "") throw unreadable();
  return epoch;
}

/** The lines of a file; after a file that is whole comes one that is empty. */
function split(content: Uint8Array): string[] {
  try {
    return utf8.decode(content).split("\n");
  } catch {
    throw unreadable();
  }
}

function parseFields(text: string | undefined): Readonly<Record<string, unknown>> {
  const fields = text === undefined ? null : parseJson(text);
  if (typeof fields !== "object" || fields === null || !("sojourn" in fields) || fields.sojourn !== FORMAT)
    throw unreadable();
  return { ...fields };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw unreadable();
  }
}

/** Undefined for something that is no rotation. */
function parseRotation(value: unknown): Rotation | null | undefined {
  if (value === undefined) return null;
  if (typeof value !== "object" || value === null || !("handle" in value) || !("mark" in value)) return undefined;
  return isFileHandle(value.handle) && isText(value.mark) ? { handle: value.handle, mark: value.mark } : undefined;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === "string";
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function isReason(value: unknown): value is RetiredReason {
  return value === "ended" || value === "rotated";
}
