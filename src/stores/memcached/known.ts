import type { SessionHandle } from "../../core/id.ts";
import type { SessionRecord } from "../../core/record.ts";
import type { Token } from "./tokens.ts";

/** A record as it was when its token was read or written. */
export interface Known {
  readonly record: SessionRecord;
  readonly token: Token;
}

const MOST = 2000;
const MOST_CHARACTERS = 16 * 1024 * 1024;

/**
 * What was read or written last, so that the write which follows a read need not read again. Never the answer to anything: it goes
 * along with a write, and the server decides whether it still holds. Bounded; what was not used for the longest time goes first.
 */
export class KnownRecords {
  readonly #known = new Map<SessionHandle, Known>();
  #characters = 0;

  keep(record: SessionRecord, token: Token): void {
    this.#drop(record.handle);
    const size = sizeOf(record);
    if (size > MOST_CHARACTERS / 8) return;
    this.#known.set(record.handle, { record: Object.freeze({ ...record }), token });
    this.#characters += size;
    for (const handle of this.#known.keys()) {
      if (this.#known.size <= MOST && this.#characters <= MOST_CHARACTERS) break;
      this.#drop(handle);
    }
  }

  /**
   * Takes out what is known of a handle, if its token can still be sent; with `version`, only of the record that had it.
   */
  take(handle: SessionHandle, version?: string): Known | undefined {
    const known = this.#known.get(handle);
    if (known === undefined || (version !== undefined && known.record.version !== version)) return undefined;
    this.#drop(handle);
    return known.token.connection.isOpen ? known : undefined;
  }

  #drop(handle: SessionHandle): void {
    const known = this.#known.get(handle);
    if (known === undefined) return;
    this.#known.delete(handle);
    this.#characters -= sizeOf(known.record);
  }

  clear(): void {
    this.#known.clear();
    this.#characters = 0;
  }
}

function sizeOf({ data, version, userId }: SessionRecord): number {
  return data.length + version.length + (userId?.length ?? 0) + 200;
}
