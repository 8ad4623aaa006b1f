import { CodecError } from "../codec/codec.ts";
import { isSessionError, SessionError } from "./errors.ts";
import { publish } from "./events.ts";
import type { SessionHandle } from "./id.ts";
import type { ResolvedOptions } from "./options.ts";
import type { SessionFormat } from "./format.ts";
import type { Notes, Payload } from "./payload.ts";
import { isEmptyObject, isPlainObject, type PlainObject, sameValue } from "./plain.ts";
import type { InFlight, KeyedQueue } from "./queue.ts";
import type { SessionRecord } from "./record.ts";
import type { SchemaLike } from "./standard-schema.ts";
import type { Awaitable, SessionStore } from "./store.ts";
import type { StoreHealth } from "./store-health.ts";

/** What all sessions of one application share. */
export interface Engine {
  readonly store: SessionStore;
  readonly options: ResolvedOptions;
  readonly format: SessionFormat;
  readonly queue: KeyedQueue;
  readonly inFlight: InFlight;
  /** Whether the store answers; absent for a cookie store, which is always there. */
  readonly health?: StoreHealth | undefined;
}

/**
 * The engine of one request's cookie. A class, as all that lives as long as a request: V8 may allocate the objects and arrays of a
 * literal where only its slow collector looks, and what they refer to then stays with them.
 */
export class CookieEngine implements Engine {
  readonly store: SessionStore;
  readonly options: ResolvedOptions;
  readonly format: SessionFormat;
  readonly queue: KeyedQueue;
  readonly inFlight: InFlight;

  constructor(store: SessionStore, { options, format, queue, inFlight }: Omit<Engine, "store">) {
    this.store = store;
    this.options = options;
    this.format = format;
    this.queue = queue;
    this.inFlight = inFlight;
  }
}

/** What a session consists of, apart from its times: what requests change and merges merge. */
export interface Content {
  readonly data: PlainObject;
  readonly notes: Notes;
  readonly userId: string | null;
  readonly epoch: number;
}

class RequestContent implements Content {
  readonly data: PlainObject;
  readonly notes: Notes;
  readonly userId: string | null;
  readonly epoch: number;

  constructor(data: PlainObject, notes: Notes, { userId, epoch }: Pick<Content, "userId" | "epoch">) {
    this.data = data;
    this.notes = notes;
    this.userId = userId;
    this.epoch = epoch;
  }
}

/** The content of these data and notes, and of the user of a record or session. */
export function newContent(data: PlainObject, notes: Notes, of: Pick<Content, "userId" | "epoch">): Content {
  return new RequestContent(data, notes, of);
}

/** A session as it was last seen in the store. */
export interface Snapshot {
  readonly record: SessionRecord;
  /** The content's plain text: whatever differs from it was changed. */
  readonly plain: string;
  /** The notes in that text. */
  readonly notes: Notes;
}

class RequestSnapshot implements Snapshot {
  readonly record: SessionRecord;
  readonly plain: string;
  readonly notes: Notes;

  constructor(record: SessionRecord, plain: string, notes: Notes) {
    this.record = record;
    this.plain = plain;
    this.notes = notes;
  }
}

/** What a record is seen as. */
export function newSnapshot(record: SessionRecord, plain: string, notes: Notes): Snapshot {
  return new RequestSnapshot(record, plain, notes);
}

/** A record that was read: the session as it stands, and its content, which nobody else holds. */
export class Decoded {
  readonly snapshot: Snapshot;
  readonly content: Content;

  constructor(record: SessionRecord, plain: string, { data, notes }: Payload) {
    this.snapshot = newSnapshot(record, plain, notes);
    this.content = newContent(data, notes, record);
  }
}

/**
 * The plain text of a content.
 *
 * @param base the plain text that it was read from, if it was: the text can then be compared with it
 * @throws {SessionError} ERR_SESSION_DATA
 */
export function plainOf({ format, options }: Engine, content: Pick<Content, "data" | "notes">, base?: string): string {
  return format.stringify(options.codec, content, base);
}

/** A fresh copy of the content that a snapshot holds. */
export function contentOf(engine: Engine, { record, plain }: Snapshot): Content {
  const { data, notes } = engine.format.parse(engine.options.codec, plain);
  return newContent(data, notes, record);
}

/** The text to store for a plain text, protected for its place. @throws {SessionError} ERR_SESSION_TOO_LARGE */
export function encodeFor(engine: Engine, plain: string, handle: SessionHandle): string {
  const { codec, maxBytes } = engine.options;
  const text = codec.encode(plain, { place: handle });
  // A character of UTF-16 is three bytes at most.
  if (text.length * 3 <= maxBytes) return text;
  const bytes = Buffer.byteLength(text);
  if (bytes <= maxBytes) return text;
  throw new SessionError("ERR_SESSION_TOO_LARGE", `The session takes ${bytes} bytes of at most ${maxBytes}`);
}

/**
 * Decodes and validates a record. Without a schema at once.
 *
 * @throws {SessionError} ERR_SESSION_UNREADABLE
 */
export function decodeRecord(engine: Engine, record: SessionRecord): Awaitable<Decoded> {
  const { codec, schema } = engine.options;
  let plain: string;
  let payload: Payload;
  try {
    plain = codec.decode(record.data, { place: record.handle });
    payload = engine.format.parse(codec, plain);
  } catch (error) {
    throw unreadableBecause(engine, error);
  }
  if (schema === undefined) return new Decoded(record, plain, payload);
  return decodeWithSchema(engine, schema, record, plain, payload);
}

async function decodeWithSchema(
  engine: Engine,
  schema: SchemaLike<object>,
  record: SessionRecord,
  plain: string,
  { data, notes }: Payload,
): Promise<Decoded> {
  const { codec } = engine.options;
  const value = await validated(schema, data);
  if (value === undefined) throw unreadable(engine, "schema");
  try {
    const changed = plainOf(engine, { data: value, notes }, plain);
    // What the schema gave may be an object of its own that it gives again.
    return new Decoded(record, changed, { data: engine.format.parse(codec, changed).data, notes });
  } catch (error) {
    throw unreadableBecause(engine, error);
  }
}

/** Only our own codecs' errors are known to hold no data. */
function unreadableBecause(engine: Engine, error: unknown): SessionError {
  if (isSessionError(error, "ERR_SESSION_UNREADABLE")) return error;
  return error instanceof CodecError ? unreadable(engine, error.reason, error) : unreadable(engine, "codec");
}

function unreadable(engine: Engine, reason: string, cause?: unknown): SessionError {
  publish(reason === "tampered" ? "tampered" : "unreadable", { store: engine.store.name, reason });
  return new SessionError("ERR_SESSION_UNREADABLE", `The stored session cannot be read (${reason})`, { cause });
}

/** What a schema makes of the data; undefined when it refuses, or throws, with words that may hold the data. */
async function validated(schema: SchemaLike<object>, data: PlainObject): Promise<PlainObject | undefined> {
  try {
    const result = await schema["~standard"].validate(data);
    return result.issues === undefined && isPlainObject(result.value) ? result.value : undefined;
  } catch {
    return undefined;
  }
}

/** What a new visitor's data is: empty, or what the schema makes of nothing where it accepts that. */
export function blankData({ options: { schema } }: Engine): Awaitable<PlainObject> {
  if (schema === undefined) return {};
  return validated(schema, {}).then((blank) => blank ?? {});
}

/** Checks what is about to be stored. Without a schema at once. @throws {SessionError} ERR_SESSION_INVALID */
export function validate(engine: Engine, plain: string): Awaitable<void> {
  const { schema, codec } = engine.options;
  if (schema === undefined) return;
  // A copy: a schema may change what it checks, and the handler holds the data.
  const { data } = engine.format.parse(codec, plain);
  return validated(schema, data).then((value) => {
    if (value === undefined) throw new SessionError("ERR_SESSION_INVALID");
  });
}

/** True for a content that says no more than that a visitor came. @param blank a new visitor's data, where it is known */
export function saysNothing({ data, notes, userId }: Content, blank: PlainObject | undefined): boolean {
  const empty = isEmptyObject(data) || (blank !== undefined && sameValue(data, blank));
  return empty && isEmptyObject(notes) && userId === null;
}
