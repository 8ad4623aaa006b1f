import { SessionError } from "../../core/errors.ts";
import type { SessionHandle } from "../../core/id.ts";
import type { SessionRecord } from "../../core/record.ts";
import type { CreateOutcome, SaveOutcome, TouchOutcome } from "../../core/store.ts";
import { type Cells, readable } from "./cells.ts";
import type { Live } from "./format.ts";
import type { Turn } from "./turns.ts";

/**
 * Writes records. Within a process nothing comes between the look at what is there and the write; another process may. So what was
 * written is read back together with the session's end, and what is found tells whether the write stands, was built upon, or was written
 * over by somebody who had not seen it.
 */
export class Writing {
  readonly #cells: Cells;
  readonly #readBack: boolean;

  constructor(cells: Cells, readBack: boolean) {
    this.#cells = cells;
    this.#readBack = readBack;
  }

  async create(turn: Turn, record: SessionRecord): Promise<CreateOutcome> {
    const before = await this.#cells.find(turn, record.handle);
    if (before.record.status !== "none" || before.end.status !== "none") return { status: "exists" };
    // If it is over by now, it was created before.
    await this.#put(turn, { record, after: [] });
    return { status: "created" };
  }

  async save(turn: Turn, record: SessionRecord, expectedVersion: string): Promise<SaveOutcome> {
    const { handle } = record;
    const before = await this.#target(turn, handle);
    if (!("record" in before)) return before;
    const { createdAt, version } = before.record;
    if (version !== expectedVersion) return { status: "conflict", record: before.record };
    const written = { record: { ...record, createdAt }, after: [version, ...before.after] };
    return (await this.#put(turn, written)) ?? { status: "saved" };
  }

  async touch(turn: Turn, handle: SessionHandle, version: string, expiresAt: number): Promise<TouchOutcome> {
    const before = await this.#target(turn, handle);
    if (!("record" in before) || before.record.version !== version) return { status: "stale" };
    if (expiresAt <= before.record.expiresAt) return { status: "touched" };
    const outcome = await this.#put(turn, { ...before, record: { ...before.record, expiresAt } });
    return { status: outcome === undefined ? "touched" : "stale" };
  }

  /** What may be written onto, or why there is nothing. */
  async #target(turn: Turn, handle: SessionHandle): Promise<Live | Exclude<SaveOutcome, { status: "saved" | "conflict" }>> {
    const { record, end } = await this.#cells.find(turn, handle);
    const over = readable(end);
    if (over?.swept === false) return { status: "retired", reason: over.tombstone.reason };
    return (over === undefined ? readable(record) : undefined) ?? { status: "missing" };
  }

  /** Writes, and says what came of it, unless that is what was written. */
  async #put(turn: Turn, written: Live): Promise<Exclude<SaveOutcome, { status: "saved" }> | undefined> {
    const { handle, version } = written.record;
    await this.#cells.putRecord(turn, written);
    if (!this.#readBack) return undefined;
    const { record, end } = await this.#cells.find(turn, handle);
    if (end.status !== "none") {
      // It may have come back with this write. It opens nothing, and is not left lying about.
      await this.#cells.remove(turn, "s", handle);
      const over = readable(end);
      return over?.swept === false ? { status: "retired", reason: over.tombstone.reason } : { status: "missing" };
    }
    if (record.status !== "there") {
      throw new SessionError("ERR_SESSION_STORE", "The store does not give back what was just stored");
    }
    const now = record.value;
    if (now.record.version === version || now.after.includes(version)) return undefined;
    // Its line reaches back to before this write and leaves it out.
    const [base] = written.after;
    if (base !== undefined && [now.record.version, ...now.after].includes(base)) {
      return { status: "conflict", record: now.record };
    }
    throw unclear();
  }
}

function unclear(): SessionError {
  return new SessionError(
    "ERR_SESSION_STORE",
    "Others wrote the session at the same time, too often to tell what became of this",
  );
}
