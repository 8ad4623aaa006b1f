import type { SessionHandle } from "../../core/id.ts";
import type { SessionRecord } from "../../core/record.ts";

/** A record of what Django keeps: the content is the version, and when it began is not known. */
export function djangoRecord(handle: SessionHandle, data: string, expiresAt: number): SessionRecord {
  return { handle, data, version: data, createdAt: 0, expiresAt, userId: null, epoch: 0 };
}
