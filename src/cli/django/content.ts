import { createHash } from "node:crypto";
import { type Codec, CodecError } from "../../codec/codec.ts";
import { handleOf, type SessionHandle, type SessionId } from "../../core/id.ts";
import type { PlainObject } from "../../core/plain.ts";
import { djangoFormat } from "../../django/session-format.ts";
import { DJANGO_KEYS } from "../../django/names.ts";
import type { SessionRecord } from "../../core/record.ts";
import { Shape } from "../shape.ts";
import type { Stored, StoredContent } from "../stored.ts";
import type { DjangoRow } from "./table.ts";
import type { LocalZone } from "../../django/zone.ts";

/** What a row's text holds, or why it cannot be read. */
type DjangoContent =
  | { readonly status: "read"; readonly content: StoredContent; readonly userId: string | null }
  | { readonly status: "unreadable"; readonly reason: string };

/** What would open a session or an account: nobody has to see it. */
const HIDDEN: ReadonlySet<string> = new Set([DJANGO_KEYS.userHash, DJANGO_KEYS.csrfToken, DJANGO_KEYS.passwordResetToken]);

/** The handle under which a session of Django's is shown, and under which an import stores it: its key is a password. */
export function djangoHandle(key: string): SessionHandle {
  return handleOf(key as SessionId);
}

/** Decodes a row. */
export function readRow({ key, data }: DjangoRow, codec: Codec, zone: LocalZone): DjangoContent {
  if (data === null) return { status: "unreadable", reason: "record" };
  try {
    const { data: values, notes } = djangoFormat(zone).parse(codec, codec.decode(data, { place: key }));
    return { status: "read", content: { data: values, notes }, userId: userIdOf(values[DJANGO_KEYS.userId]) };
  } catch (error) {
    if (!(error instanceof CodecError)) throw error;
    return { status: "unreadable", reason: error.reason };
  }
}

/** The user's key, which Django writes as text, and old releases wrote as it was. */
function userIdOf(value: unknown): string | null {
  return typeof value === "string" || typeof value === "number" || typeof value === "bigint" ? String(value) : null;
}

/** A row as `inspect` shows it: under its handle, without what nobody has to see. */
export function describeRow(row: DjangoRow, codec: Codec, zone: LocalZone, now: number): Stored {
  const read = readRow(row, codec, zone);
  if (read.status === "unreadable") return { state: "unreadable", reason: read.reason, record: shownRecord(row, null) };
  const content = { data: shownData(read.content.data), notes: read.content.notes };
  return { state: row.expiresAt <= now ? "expired" : "live", record: shownRecord(row, read.userId), content };
}

/** A record for showing: when a session began Django does not note, and its version is what it holds. */
function shownRecord({ key, data, expiresAt }: DjangoRow, userId: string | null): SessionRecord {
  const text = data ?? "";
  const version = createHash("sha256").update(text).digest("base64url").slice(0, 16);
  return { handle: djangoHandle(key), data: text, version, createdAt: Number.NaN, expiresAt, userId, epoch: 0 };
}

function shownData(data: PlainObject): PlainObject {
  return Object.fromEntries(
    Object.entries(data).map(([name, value]) => [name, HIDDEN.has(name) ? new Shape("hidden") : value]),
  );
}
