import { CodecError } from "../codec/codec.ts";
import { isSessionError, SessionError } from "./errors.ts";
import { publish } from "./events.ts";
import type { SessionHandle } from "./id.ts";
import type { ResolvedOptions } from "./options.ts";
import { parsePayload, stringifyPayload, type Notes } from "./payload.ts";
import { isPlainObject, type PlainObject } from "./plain.ts";
import type { InFlight, KeyedQueue } from "./queue.ts";
import type { SessionRecord } from "./record.ts";
import type { SchemaLike } from "./standard-schema.ts";
import type { SessionStore } from "./store.ts";
import type { StoreHealth } from "./store-health.ts";

/** What all sessions of one application share. */
export interface Engine {
  readonly store: SessionStore;
  readonly options: ResolvedOptions;
  readonly queue: KeyedQueue;
  readonly inFlight: InFlight;
  /** Whether the store answers; absent for a cookie store, which is always there. */
  readonly health?: StoreHealth | undefined;
}

/** What a session consists of, apart from its times: what requests change and merges merge. */
export interface Content {
  readonly data: PlainObject;
  readonly notes: Notes;
  readonly userId: string | null;
  readonly epoch: number;
}

/** A session as it was last seen in the store. */
export interface Snapshot {
  readonly record: SessionRecord;
  /** The content's plain text: whatever differs from it was changed. */
  readonly plain: string;
}

/** The plain text of a content. @throws {SessionError} ERR_SESSION_DATA */
export function plainOf(engine: Engine, content: Pick<Content, "data" | "notes">): string {
  return stringifyPayload(engine.options.codec, content);
}

/** A fresh copy of the content that a snapshot holds. */
export function contentOf(engine: Engine, { record, plain }: Snapshot): Content {
  const { data, notes } = parsePayload(engine.options.codec, plain);
  return { data, notes, userId: record.userId, epoch: record.epoch };
}

/** The text to store for a plain text, protected for its place. @throws {SessionError} ERR_SESSION_TOO_LARGE */
export function encodeFor(engine: Engine, plain: string, handle: SessionHandle): string {
  const { codec, maxBytes } = engine.options;
  const text = codec.encode(plain, { place: handle });
  const bytes = Buffer.byteLength(text);
  if (bytes > maxBytes) {
    throw new SessionError("ERR_SESSION_TOO_LARGE", `The session takes ${bytes} bytes of at most ${maxBytes}`);
  }
  return text;
}

/**
 * Decodes and validates a record.
 *
 * @throws {SessionError} ERR_SESSION_UNREADABLE
 */
export async function decodeRecord(engine: Engine, record: SessionRecord): Promise<Snapshot> {
  const { codec, schema } = engine.options;
  let plain: string;
  try {
    plain = codec.decode(record.data, { place: record.handle });
    if (schema === undefined) {
      parsePayload(codec, plain);
      return { record, plain };
    }
    const { data, notes } = parsePayload(codec, plain);
    const value = await validated(schema, data);
    if (value === undefined) throw unreadable(engine, "schema");
    return { record, plain: plainOf(engine, { data: value, notes }) };
  } catch (error) {
    if (isSessionError(error, "ERR_SESSION_UNREADABLE")) throw error;
    // Only our own codecs' errors are known to hold no data.
    throw error instanceof CodecError ? unreadable(engine, error.reason, error) : unreadable(engine, "codec");
  }
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
export async function blankData({ options }: Engine): Promise<PlainObject> {
  return options.schema === undefined ? {} : ((await validated(options.schema, {})) ?? {});
}

/** Checks what is about to be stored. @throws {SessionError} ERR_SESSION_INVALID */
export async function validate(engine: Engine, plain: string): Promise<void> {
  const { schema, codec } = engine.options;
  if (schema === undefined) return;
  // A copy: a schema may change what it checks, and the handler holds the data.
  const { data } = parsePayload(codec, plain);
  if ((await validated(schema, data)) === undefined) throw new SessionError("ERR_SESSION_INVALID");
}
