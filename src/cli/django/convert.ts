import { type Codec, CodecError } from "../../codec/codec.ts";
import { isSessionError, SessionError } from "../../core/errors.ts";
import { isSessionId } from "../../core/id.ts";
import type { ResolvedOptions } from "../../core/options.ts";
import { type FlashNote, type Notes, stringifyPayload } from "../../core/payload.ts";
import { type PlainObject, sameValue } from "../../core/plain.ts";
import type { SessionRecord } from "../../core/record.ts";
import { credentialDigest } from "../../core/session.ts";
import { checkUserId } from "../../core/user-id.ts";
import { DJANGO_KEYS } from "../../django/names.ts";
import { describeRecord } from "../stored.ts";
import { djangoHandle, readRow } from "./content.ts";
import type { DjangoSettings } from "./options.ts";
import { stampOf } from "./stamp.ts";
import type { DjangoRow } from "./table.ts";
import { holds, type UserTable } from "./users.ts";

/** What a row is made into. */
export type Converted =
  | { readonly status: "expired" | "loggedOut" }
  | { readonly status: "unreadable"; readonly reason: string }
  | {
      readonly status: "record";
      readonly record: SessionRecord;
      /** When Django last wrote the session, in milliseconds since 1970; undefined where its row does not tell. */
      readonly savedAt: number | undefined;
    };

/** What rows are made into records with. */
export interface Conversion {
  readonly settings: DjangoSettings;
  readonly source: string;
  readonly codec: Codec;
  /** Undefined to take every login as it stands. */
  readonly users: UserTable | undefined;
  /** Those of the application that takes the sessions over. */
  readonly options: ResolvedOptions;
}

/** Makes a row into the record that the same visitor's cookie opens. */
export async function convert(row: DjangoRow, conversion: Conversion): Promise<Converted> {
  const { settings, source, codec, options } = conversion;
  const now = options.clock.now();
  if (row.expiresAt <= now) return { status: "expired" };
  if (Number.isNaN(row.expiresAt)) return unreadable("record");
  // An application takes no cookie of another shape.
  if (!isSessionId(row.key)) return unreadable("key");
  const read = readRow(row, codec, settings.zone);
  if (read.status === "unreadable") return read;
  const { userId, content } = read;
  const login = userId === null ? {} : await loginOf(userId, content.data[DJANGO_KEYS.userHash], conversion);
  if (login === "loggedOut") return { status: "loggedOut" };
  if (login === "unfit") return unreadable("user");
  const notes = { ...notesOf(content.notes), ...login };
  const data = withoutLogin(content.data);
  const savedAt = savedAtOf(row.expiresAt, notes.expiry, settings.cookieAgeSeconds);
  // Its lifetime counts from Django's last write, unless it would then end before Django's deadline.
  const isTold = savedAt !== undefined && savedAt <= now;
  const createdAt = isTold && savedAt + options.absoluteSeconds * 1000 >= row.expiresAt ? savedAt : now;
  const handle = djangoHandle(row.key);
  const encoded = encodedFor(handle, data, notes, options);
  if (encoded.status === "unreadable") return encoded;
  const record: SessionRecord = {
    handle,
    data: encoded.text,
    version: stampOf(source, row, encoded.plain),
    createdAt: Math.floor(createdAt),
    expiresAt: Math.floor(row.expiresAt),
    userId,
    // Whoever was revoked in the new store stays so.
    epoch: 0,
  };
  const problem = await problemOf(record, data, options);
  return problem === undefined ? { status: "record", record, savedAt } : unreadable(problem);
}

async function loginOf(
  userId: string,
  hash: unknown,
  { settings, users }: Conversion,
): Promise<Pick<Notes, "credential"> | "loggedOut" | "unfit"> {
  try {
    checkUserId(userId);
  } catch {
    return "unfit";
  }
  if (users === undefined) return {};
  const password = await users.passwordOf(userId);
  if (password === undefined || !holds(settings.keys(), password, hash, settings.legacy)) return "loggedOut";
  return { credential: credentialDigest(userId, password) };
}

function withoutLogin(data: PlainObject): PlainObject {
  const { [DJANGO_KEYS.userId]: _id, [DJANGO_KEYS.userBackend]: _backend, [DJANGO_KEYS.userHash]: _hash, ...rest } = data;
  return rest;
}

/** Notes without what only Django knows of a message. */
function notesOf({ flash, ...notes }: Notes): Notes {
  if (flash === undefined) return notes;
  const plain = Object.entries(flash).map(([name, { message, level, at }]): [string, FlashNote] => [
    name,
    { message, at, ...(level === undefined ? {} : { level }) },
  ]);
  return { ...notes, flash: Object.fromEntries(plain) };
}

/** Every write of Django's moves the deadline, unless that is a fixed moment. */
function savedAtOf(expiresAt: number, expiry: Notes["expiry"], cookieAgeSeconds: number): number | undefined {
  if (typeof expiry === "object") return undefined;
  return Math.floor(expiresAt - (expiry === undefined || expiry === 0 ? cookieAgeSeconds : expiry) * 1000);
}

function encodedFor(
  handle: SessionRecord["handle"],
  data: PlainObject,
  notes: Notes,
  { codec, maxBytes }: ResolvedOptions,
):
  | { readonly status: "encoded"; readonly plain: string; readonly text: string }
  | { readonly status: "unreadable"; readonly reason: string } {
  try {
    const plain = stringifyPayload(codec, { data, notes });
    const text = codec.encode(plain, { place: handle });
    return Buffer.byteLength(text) > maxBytes ? unreadable("size") : { status: "encoded", plain, text };
  } catch (error) {
    if (isSessionError(error, "ERR_SESSION_DATA")) return unreadable("value");
    if (error instanceof CodecError) return unreadable(error.reason);
    throw error;
  }
}

/** What the application would make of the record: undefined when it reads just what Django had. */
async function problemOf(record: SessionRecord, data: PlainObject, options: ResolvedOptions): Promise<string | undefined> {
  const described = await describeRecord(record, 0, options);
  if (described.state === "unreadable") return described.reason;
  if (!("content" in described)) throw new SessionError("ERR_SESSION_UNREADABLE");
  return sameValue(described.content.data, data) ? undefined : "value";
}

function unreadable(reason: string): { readonly status: "unreadable"; readonly reason: string } {
  return { status: "unreadable", reason };
}
