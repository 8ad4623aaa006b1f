import { CodecError } from "../codec/codec.ts";
import { isSessionError } from "../core/errors.ts";
import type { SessionHandle } from "../core/id.ts";
import { type Notes, parsePayload } from "../core/payload.ts";
import type { PlainObject } from "../core/plain.ts";
import type { ResolvedOptions } from "../core/options.ts";
import type { SchemaLike } from "../core/standard-schema.ts";
import type { SessionRecord } from "../core/record.ts";
import type { SessionStore } from "../core/store.ts";

/** How a session stands, and what is left of it. */
export type Stored =
  | { readonly state: "live" | "expired" | "revoked"; readonly record: SessionRecord; readonly content: StoredContent }
  | { readonly state: "ended" | "rotated" | "missing" }
  | {
      readonly state: "unreadable";
      /** `record`: the store cannot; `schema`: only the schema refuses; else why the codec did. */
      readonly reason: string;
      readonly record?: SessionRecord;
      readonly content?: StoredContent;
    };

/** What a record's text holds, decoded. */
export interface StoredContent {
  readonly data: PlainObject;
  readonly notes: Notes;
}

/** Looks a session up and decodes it, whatever its state. Throws what the store throws, but for what cannot be read. */
export async function lookUp(store: SessionStore, handle: SessionHandle, options: ResolvedOptions): Promise<Stored> {
  try {
    const found = await store.load(handle);
    if (found.status === "retired") return { state: found.tombstone.reason };
    if (found.status === "missing") return { state: "missing" };
    return await describeRecord(found.record, found.userEpoch ?? 0, options);
  } catch (error) {
    if (isSessionError(error, "ERR_SESSION_UNREADABLE")) return { state: "unreadable", reason: "record" };
    throw error;
  }
}

/** Decodes a record that was found, and says how it stands. */
export async function describeRecord(record: SessionRecord, userEpoch: number, options: ResolvedOptions): Promise<Stored> {
  const { codec, schema, clock } = options;
  try {
    const plain = codec.decode(record.data, { place: record.handle });
    // A copy of its own for the schema, which may change what it checks.
    const isSound = schema === undefined || (await fits(schema, parsePayload(codec, plain).data));
    const content = parsePayload(codec, plain);
    if (!isSound) return { state: "unreadable", reason: "schema", record, content };
    if (record.userId !== null && record.epoch < userEpoch) return { state: "revoked", record, content };
    return { state: record.expiresAt <= clock.now() ? "expired" : "live", record, content };
  } catch (error) {
    if (!(error instanceof CodecError)) throw error;
    return { state: "unreadable", reason: error.reason, record };
  }
}

/** Whether a schema takes the data. */
async function fits(schema: SchemaLike<object>, data: PlainObject): Promise<boolean> {
  try {
    return (await schema["~standard"].validate(data)).issues === undefined;
  } catch {
    return false;
  }
}
