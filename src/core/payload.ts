import { type Codec, CodecError } from "../codec/codec.ts";
import { SessionError } from "./errors.ts";
import { isEmptyObject, isPlainObject, type PlainObject, sameValue } from "./plain.ts";

/** The key under which a session's own notes are stored beside the application's data. */
const NOTES_KEY = "_";

/** One flash entry as it is stored. */
export interface FlashNote {
  readonly message: unknown;
  readonly level?: string;
  /** When it was added, in milliseconds since 1970-01-01T00:00:00Z; entries are shown in this order. */
  readonly at: number;
}

/** What a session notes about itself, stored with its data and never shown in it. */
export interface Notes {
  /** The expiry of this session alone: seconds of idleness (0: until the browser closes), or a fixed moment in ms since 1970. */
  readonly expiry?: number | { readonly at: number };
  readonly flash?: Readonly<Record<string, FlashNote>>;
  readonly testCookie?: true;
  /** A digest of the credential that the login was made with. */
  readonly credential?: string;
}

/** What one record's text holds. */
export interface Payload {
  readonly data: PlainObject;
  readonly notes: Notes;
}

/** The plain text of a payload, the same for the same content, so that a change can be seen. */
export function stringifyPayload(codec: Codec, { data, notes }: Payload, base?: string): string {
  if (Object.hasOwn(data, NOTES_KEY)) {
    throw new SessionError("ERR_SESSION_DATA", `The key "${NOTES_KEY}" is kept for the session's own notes`);
  }
  return stringifyData(codec, isEmptyObject(notes) ? data : withNotes(data, notes), base);
}

function withNotes(data: PlainObject, notes: Notes): PlainObject {
  const kept = Object.entries(notes).filter(([, value]) => value !== undefined);
  return kept.length === 0 ? data : { ...data, [NOTES_KEY]: Object.fromEntries(kept) };
}

/** The plain text of all that is stored. @throws {SessionError} ERR_SESSION_DATA for what the codec cannot carry */
export function stringifyData(codec: Codec, whole: PlainObject, base?: string): string {
  try {
    return codec.stringify(whole, base);
  } catch (error) {
    if (!(error instanceof CodecError)) throw error;
    throw new SessionError("ERR_SESSION_DATA", error.message, { cause: error });
  }
}

/** The payload of a plain text. @throws {CodecError} when it is not one */
export function parsePayload(codec: Codec, plain: string): Payload {
  const data = codec.parse(plain);
  if (!Object.hasOwn(data, NOTES_KEY)) return { data, notes: {} };
  const notes = data[NOTES_KEY];
  if (!isPlainObject(notes)) throw new CodecError("format", "The session's notes are not an object");
  delete data[NOTES_KEY];
  return { data, notes: checkNotes(notes) };
}

function checkNotes(notes: PlainObject): Notes {
  const { expiry, flash, testCookie, credential } = notes;
  const isMoment = isPlainObject(expiry) && Number.isFinite(expiry["at"]);
  const sound =
    (expiry === undefined || Number.isFinite(expiry) || isMoment) &&
    (flash === undefined || (isPlainObject(flash) && Object.values(flash).every(isPlainObject))) &&
    (testCookie === undefined || testCookie === true) &&
    (credential === undefined || typeof credential === "string");
  if (!sound) throw new CodecError("format", "The session's notes are damaged");
  return notes;
}

/** Three-way merge of notes: flash entries as a set, the shorter expiry, and for the rest this request's own. */
export function mergeNotes(base: Notes, theirs: Notes, ours: Notes, now: number): Notes {
  const flash: Record<string, FlashNote> = {};
  for (const [name, note] of Object.entries({ ...theirs.flash, ...ours.flash })) {
    const removed = base.flash?.[name] !== undefined && !(theirs.flash?.[name] && ours.flash?.[name]);
    if (!removed) flash[name] = note;
  }
  const pick = <K extends keyof Notes>(key: K): Notes[K] => (sameValue(base[key], ours[key]) ? theirs[key] : ours[key]);
  const merged = {
    expiry: mergeExpiry(base, theirs, ours, now),
    flash: Object.keys(flash).length > 0 ? flash : undefined,
    testCookie: pick("testCookie"),
    credential: pick("credential"),
  };
  return Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== undefined)) as Notes;
}

function mergeExpiry(base: Notes, theirs: Notes, ours: Notes, now: number): Notes["expiry"] {
  if (sameValue(base.expiry, theirs.expiry)) return ours.expiry;
  if (sameValue(base.expiry, ours.expiry)) return theirs.expiry;
  return deadline(theirs.expiry, now) < deadline(ours.expiry, now) ? theirs.expiry : ours.expiry;
}

function deadline(expiry: Notes["expiry"], now: number): number {
  // Neither "until the browser closes" nor the default sets a deadline that is shorter than a stated one.
  if (expiry === undefined || expiry === 0) return Number.POSITIVE_INFINITY;
  return typeof expiry === "number" ? now + expiry * 1000 : expiry.at;
}
