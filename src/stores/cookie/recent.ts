import type { SessionRecord } from "../../core/record.ts";
import { sha256 } from "../../crypto/digest.ts";

/** The bytes that each half keeps: some hundred sessions, few enough to be given up again while they are young. */
const HALF_BYTES = 1 << 18;
/** What an entry takes beside its texts, as measured. */
const ENTRY_BYTES = 600;

/**
 * The records of the cookies that were opened or made last: a browser sends the same one with every request until its session
 * changes, and opening it costs more than all else. Only what was verified, or made here, is put in.
 */
export class RecentCookies {
  #young = new Map<string, SessionRecord>();
  #old = new Map<string, SessionRecord>();
  #bytes = 0;

  find(cookieName: string, value: string): SessionRecord | undefined {
    const key = keyOf(cookieName, value);
    const record = this.#young.get(key);
    if (record !== undefined) return record;
    const older = this.#old.get(key);
    if (older !== undefined) this.#keep(key, older);
    return older;
  }

  /** Keeps the record, and gives what is kept: a copy that nobody can change. */
  put(cookieName: string, value: string, record: SessionRecord): SessionRecord {
    const { handle, data, version, createdAt, expiresAt, userId, epoch } = record;
    const copy = Object.freeze({ handle, data, version, createdAt, expiresAt, userId, epoch });
    this.#keep(keyOf(cookieName, value), copy);
    return copy;
  }

  #keep(key: string, record: SessionRecord): void {
    this.#young.set(key, record);
    this.#bytes += ENTRY_BYTES + record.data.length + (record.userId?.length ?? 0);
    if (this.#bytes < HALF_BYTES) return;
    this.#old = this.#young;
    this.#young = new Map();
    this.#bytes = 0;
  }
}

/** What stands for a value, so that no comparison's time tells of it and the value itself is not kept. */
function keyOf(cookieName: string, value: string): string {
  return sha256(`${cookieName}=${value}`);
}
