import { SessionError } from "../../core/errors.ts";
import type { SessionHandle } from "../../core/id.ts";
import type { Tombstone } from "../../core/record.ts";
import type { RetireOutcome } from "../../core/store.ts";
import { type Cells, readable } from "./cells.ts";
import type { End } from "./format.ts";
import type { Turn } from "./turns.ts";

/** What is to end, with what, and which version it must still have. */
export interface Retiring {
  readonly handle: SessionHandle;
  readonly tombstone: Tombstone;
  readonly expectedVersion: string | undefined;
}

/**
 * Ends sessions, so that it holds between processes too, with nothing but reads and writes:
 *
 * - An end is written before its record is removed, and whoever writes a record looks for an end afterwards. So either the writer finds
 *   the end, or the record was there before the end and is removed with it.
 * - A rotation first writes where it goes and then looks for an end; a logout first writes the end and then looks for where a rotation
 *   goes. So at least one finds the other: the rotation gives up, or the logout follows it.
 */
export class Retirement {
  readonly #cells: Cells;
  readonly #readBack: boolean;

  constructor(cells: Cells, readBack: boolean) {
    this.#cells = cells;
    this.#readBack = readBack;
  }

  async retire(turn: Turn, retiring: Retiring): Promise<RetireOutcome> {
    const { handle, tombstone } = retiring;
    const { successor } = tombstone;
    const settled = await this.#settled(turn, retiring);
    if (settled !== undefined) return settled;
    if (successor !== null) {
      await this.#cells.putMove(turn, handle, successor);
      const meanwhile = await this.#settled(turn, retiring);
      if (meanwhile !== undefined) return meanwhile;
    }
    await this.#cells.putEnd(turn, handle, tombstone);
    const [holds, goesOn] = await Promise.all([
      this.#holding(turn, retiring),
      successor ?? this.#cells.successor(turn, handle),
      this.#cells.remove(turn, "s", handle),
    ]);
    return { status: "retired", tombstone: { ...holds, successor: holds.successor ?? goesOn } };
  }

  /** What the call comes to when there is nothing for it to end. */
  async #settled(turn: Turn, { handle, tombstone, expectedVersion }: Retiring): Promise<RetireOutcome | undefined> {
    const { record, end } = await this.#cells.find(turn, handle);
    if (end.status === "there") {
      // What a late write left.
      if (record.status !== "none") await this.#cells.remove(turn, "s", handle);
      return this.#again(turn, handle, end.value, tombstone.until);
    }
    // What cannot be read may be ended, but only by a call that asks for no version.
    const isBlind = expectedVersion === undefined && (record.status === "unreadable" || end.status === "unreadable");
    if (isBlind) return undefined;
    readable(end);
    const live = readable(record);
    if (live === undefined) return { status: "missing" };
    if (expectedVersion === undefined || live.record.version === expectedVersion) return undefined;
    return { status: "conflict", record: live.record };
  }

  /** The end that is there stays. */
  async #again(turn: Turn, handle: SessionHandle, { tombstone, swept }: End, until: number): Promise<RetireOutcome> {
    if (swept) return { status: "missing" };
    const holds = { ...tombstone, until: Math.max(tombstone.until, until) };
    if (holds.until > tombstone.until) await this.#cells.putEnd(turn, handle, holds);
    return {
      status: "retired",
      tombstone: { ...holds, successor: holds.successor ?? (await this.#cells.successor(turn, handle)) },
    };
  }

  /** The tombstone that is there now, which may be one of another process. */
  async #holding(turn: Turn, { handle, tombstone }: Retiring): Promise<Tombstone> {
    if (!this.#readBack) return tombstone;
    const end = readable(await this.#cells.end(turn, handle));
    if (end !== undefined) return end.tombstone;
    throw new SessionError("ERR_SESSION_STORE", "The store did not keep the end of a session");
  }
}
