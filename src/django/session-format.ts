import { createHash } from "node:crypto";
import type { Codec } from "../codec/codec.ts";
import { SessionError } from "../core/errors.ts";
import type { SessionFormat } from "../core/format.ts";
import type { SessionHandle, SessionId } from "../core/id.ts";
import { type FlashNote, type Notes, type Payload, stringifyData } from "../core/payload.ts";
import type { PlainObject } from "../core/plain.ts";
import { expiryAt, isLocalExpiry, storedExpiry, storedLocalExpiry } from "./expiry.ts";
import { type DjangoMessage, MESSAGE_LEVELS, readMessages, writeMessages } from "./messages.ts";
import { DJANGO_KEYS, TEST_COOKIE_VALUE } from "./names.ts";
import { isSessionKey, newSessionKey } from "./session-key.ts";
import { type LocalZone, UTC } from "./zone.ts";

/** A flash entry with what Django notes of a message besides. */
interface MessageNote extends FlashNote {
  readonly django?: Pick<DjangoMessage, "level" | "extraTags" | "safe">;
}

const KEPT: Readonly<Record<string, string>> = {
  [DJANGO_KEYS.expiry]: "use `setExpiry()`",
  [DJANGO_KEYS.messages]: "use `session.flash`",
  [DJANGO_KEYS.testCookie]: "use `setTestCookie()`",
};

/**
 * Django's sessions: keys that are ids and handles in one, records whose content is their version, deadlines that only writes move, and
 * notes that are keys of the dictionary: `_session_expiry`, `_messages`, `testcookie`.
 *
 * @param zone what a date without an offset is in
 */
export function djangoFormat(zone: LocalZone): SessionFormat {
  return Object.freeze({
    newId: () => newSessionKey() as SessionId,
    isId: (text: unknown): text is SessionId => isSessionKey(text),
    isHandle: (text: unknown): text is SessionHandle => isSessionKey(text),
    handleOf: (id: SessionId) => id as unknown as SessionHandle,
    stringify: (codec: Codec, payload: Payload, base?: string) => stringify(codec, payload, base, zone),
    parse: (codec: Codec, plain: string) => parse(codec, plain, zone),
    versionOf: (data: string) => data,
    ownVersions: false,
    slides: "write",
    without: Object.freeze({
      login: "Django has its own way to note who is logged in; use `djangoLogin(session, user)`",
      exclusive: "Django's tables have no place for locks; use `session.update()`",
    }),
  } satisfies SessionFormat);
}

function parse(codec: Codec, plain: string, zone: LocalZone): Payload {
  const data = codec.parse(plain);
  const notes: { -readonly [K in keyof Notes]: Notes[K] } = {};
  const stored = data[DJANGO_KEYS.expiry];
  const expiry = expiryNote(stored, zone);
  if (expiry !== undefined) {
    notes.expiry = expiry;
    delete data[DJANGO_KEYS.expiry];
  }
  const messages = readMessages(data[DJANGO_KEYS.messages]);
  if (messages !== undefined) {
    notes.flash = flashOf(messages);
    delete data[DJANGO_KEYS.messages];
  }
  if (data[DJANGO_KEYS.testCookie] === TEST_COOKIE_VALUE) {
    notes.testCookie = true;
    delete data[DJANGO_KEYS.testCookie];
  }
  return { data, notes };
}

function stringify(codec: Codec, { data, notes }: Payload, base: string | undefined, zone: LocalZone): string {
  // What this side did not touch goes back as the very text that Django wrote.
  const before = base === undefined ? {} : codec.parse(base);
  const whole: PlainObject = { ...data };
  const put = (key: string, value: unknown): void => {
    // What could not be understood stayed in the data, and stays as it is.
    if (Object.hasOwn(data, key) && data[key] !== before[key]) {
      throw new SessionError("ERR_SESSION_DATA", `The key \`${key}\` is Django's own; ${KEPT[key] ?? "leave it"}`);
    }
    if (value !== undefined) whole[key] = value;
  };
  put(DJANGO_KEYS.expiry, expiryValue(notes.expiry, before[DJANGO_KEYS.expiry], zone));
  put(DJANGO_KEYS.messages, messagesValue(notes.flash, before[DJANGO_KEYS.messages]));
  put(DJANGO_KEYS.testCookie, notes.testCookie === true ? TEST_COOKIE_VALUE : undefined);
  return stringifyData(codec, whole, base);
}

function expiryNote(stored: unknown, { fromLocal }: LocalZone): Notes["expiry"] {
  if (typeof stored === "number" && Number.isFinite(stored)) return stored;
  if (typeof stored === "bigint") return Number(stored);
  if (typeof stored !== "string") return undefined;
  const at = expiryAt(stored, { modifiedAt: 0, fromLocal });
  return stored === "" || at === undefined ? undefined : { at };
}

function expiryValue(expiry: Notes["expiry"], before: unknown, zone: LocalZone): unknown {
  if (expiry === undefined) return undefined;
  const known = expiryNote(before, zone);
  if (typeof expiry === "number") return expiry === known ? before : expiry;
  if (typeof known === "object" && known.at === expiry.at) return before;
  const isLocal = zone !== UTC || isLocalExpiry(before);
  return isLocal ? storedLocalExpiry(zone.toLocal(expiry.at)) : storedExpiry(new Date(expiry.at));
}

const LEVEL_NAMES = new Map<number, string>(Object.entries(MESSAGE_LEVELS).map(([name, level]) => [level, name]));

/** Messages by a name that says what they are, so that a merge knows them again on both sides. */
function flashOf(messages: readonly DjangoMessage[]): Record<string, FlashNote> {
  const seen = new Map<string, number>();
  const notes: Record<string, FlashNote> = {};
  for (const [at, { message, level, extraTags, safe }] of messages.entries()) {
    const hash = createHash("sha256").update(JSON.stringify([message, level, extraTags ?? null, safe === true]));
    const name = hash.digest("base64url");
    const times = (seen.get(name) ?? 0) + 1;
    seen.set(name, times);
    const django = { level, ...(extraTags !== undefined && { extraTags }), ...(safe === true && { safe }) };
    const note: MessageNote = { message, level: LEVEL_NAMES.get(level) ?? String(level), at, django };
    notes[`${name}.${times}`] = note;
  }
  return notes;
}

function messagesValue(flash: Notes["flash"], before: unknown): string | undefined {
  const known = readMessages(before);
  if (flash === undefined) return undefined;
  const messages = Object.values(flash)
    .toSorted((a, b) => a.at - b.at)
    .map(messageOf);
  const text = writeMessages(messages);
  return known !== undefined && typeof before === "string" && writeMessages(known) === text ? before : text;
}

function messageOf({ message, level, django }: MessageNote): DjangoMessage {
  if (typeof message !== "string") {
    throw new SessionError("ERR_SESSION_DATA", "A message that Django is to show must be text");
  }
  return { message, ...(django ?? { level: levelOf(level) }) };
}

function levelOf(level: string | undefined): number {
  const known = new Map<string, number>(Object.entries(MESSAGE_LEVELS)).get(level ?? "info") ?? Number(level);
  if (!Number.isSafeInteger(known)) {
    throw new SessionError(
      "ERR_SESSION_DATA",
      "Django knows the levels debug, info, success, warning, error, and whole numbers",
    );
  }
  return known;
}
