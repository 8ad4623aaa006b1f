import type { SessionHandle } from "../../core/id.ts";
import type { SessionRecord } from "../../core/record.ts";

/** A record as one text: everything but the data as a JSON array in the first line, then the data as it is. */
export function packRecord(record: SessionRecord): string {
  const { handle, data, version, createdAt, expiresAt, userId, epoch } = record;
  // The JSON has no line break of its own, and the data is not quoted a second time: every byte counts in a cookie.
  return `${JSON.stringify([handle, version, createdAt, expiresAt, userId, epoch])}\n${data}`;
}

/** The record of a packed text; undefined for anything that `packRecord` does not write. */
export function unpackRecord(text: string): SessionRecord | undefined {
  const end = text.indexOf("\n");
  const fields = end === -1 ? undefined : parsed(text.slice(0, end));
  if (!Array.isArray(fields) || fields.length !== 6) return undefined;
  const [handle, version, createdAt, expiresAt, userId, epoch] = fields as readonly unknown[];
  if (typeof handle !== "string" || typeof version !== "string") return undefined;
  if (!isTime(createdAt) || !isTime(expiresAt) || typeof epoch !== "number" || !Number.isSafeInteger(epoch))
    return undefined;
  if (userId !== null && typeof userId !== "string") return undefined;
  return { handle: handle as SessionHandle, data: text.slice(end + 1), version, createdAt, expiresAt, userId, epoch };
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
