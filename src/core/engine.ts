import { CodecError } from "../codec/codec.ts";
import { isSessionError, SessionError } from "./errors.ts";
import { publish } from "./events.ts";
import type { SessionHandle } from "./id.ts";
import type { ResolvedOptions } from "./options.ts";
import { parsePayload, stringifyPayload, type Notes } from "./payload.ts";
import { isPlainObject, type PlainObject } from "./plain.ts";
import type { InFlight, KeyedQueue } from "./queue.ts";
import type { SessionRecord } from "./record.ts";
import type { Awaitable, LoadOutcome, SessionStore } from "./store.ts";

/** What all sessions of one application share. */
export interface Engine {
  readonly store: SessionStore;
  readonly options: ResolvedOptions;
  readonly queue: KeyedQueue;
  readonly inFlight: InFlight;
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
    const result = await schema["~standard"].validate(data);
    if (result.issues !== undefined) throw unreadable(engine, "schema");
    if (!isPlainObject(result.value)) throw unreadable(engine, "schema");
    return { record, plain: plainOf(engine, { data: result.value, notes }) };
  } catch (error) {
    if (isSessionError(error, "ERR_SESSION_UNREADABLE")) throw error;
    throw unreadable(engine, error instanceof CodecError ? error.reason : "schema", error);
  }
}

function unreadable(engine: Engine, reason: string, cause?: unknown): SessionError {
  publish(reason === "tampered" ? "tampered" : "unreadable", { store: engine.store.name, reason });
  return new SessionError("ERR_SESSION_UNREADABLE", `The stored session cannot be read (${reason})`, { cause });
}

/** Checks what is about to be stored. @throws {SessionError} ERR_SESSION_INVALID */
export async function validate(engine: Engine, plain: string): Promise<void> {
  const { schema, codec } = engine.options;
  if (schema === undefined) return;
  // A copy: a schema may change what it checks, and the handler holds the data.
  const { data } = parsePayload(codec, plain);
  const result = await schema["~standard"].validate(data);
  if (result.issues !== undefined) throw new SessionError("ERR_SESSION_INVALID");
}

/** Loads a record. @throws {SessionError} ERR_SESSION_STORE or ERR_SESSION_UNREADABLE */
export async function loadRecord(engine: Engine, handle: SessionHandle): Promise<LoadOutcome> {
  const started = performance.now();
  try {
    const outcome = await engine.store.load(handle);
    publish("loaded", { store: engine.store.name, durationMs: performance.now() - started });
    return outcome;
  } catch (error) {
    if (isSessionError(error, "ERR_SESSION_UNREADABLE")) {
      publish("unreadable", { store: engine.store.name, reason: "record" });
      throw error;
    }
    throw storeError(engine, error, "no");
  }
}

/** What a verb answered, and whether it had to be sent twice. */
export interface Attempt<O> {
  readonly outcome: O;
  /** True when the first reply was lost: the outcome may be that of a call which had already been applied. */
  readonly repeated: boolean;
}

/**
 * Sends a write, and once more if its reply was lost. Every write carries a token of its writer, so that sending it twice stores
 * it once, and the caller recognises its own.
 *
 * @throws {SessionError} ERR_SESSION_STORE when nothing was stored, ERR_SESSION_OUTCOME_UNKNOWN when that cannot be known
 */
export async function attempt<O>(engine: Engine, send: () => Awaitable<O>): Promise<Attempt<O>> {
  try {
    return { outcome: await send(), repeated: false };
  } catch (error) {
    if (isCertain(error)) throw storeError(engine, error, "no");
    publish("storeError", { store: engine.store.name, error });
  }
  try {
    return { outcome: await send(), repeated: true };
  } catch (error) {
    publish("storeError", { store: engine.store.name, error });
    throw outcomeUnknown(error);
  }
}

/** The error for a write of which nobody can say whether it was stored. */
export function outcomeUnknown(cause?: unknown): SessionError {
  return new SessionError("ERR_SESSION_OUTCOME_UNKNOWN", undefined, { cause });
}

function isCertain(error: unknown): boolean {
  return isSessionError(error) && (error.code !== "ERR_SESSION_STORE" || error.applied === "no");
}

/** A store's failure as the library reports it; an error that is one already passes. */
export function storeError(engine: Engine, error: unknown, applied: "no" | "unknown"): SessionError {
  publish("storeError", { store: engine.store.name, error });
  if (isSessionError(error)) return error;
  return new SessionError("ERR_SESSION_STORE", `The store \`${engine.store.name}\` failed`, { cause: error, applied });
}
