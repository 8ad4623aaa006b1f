import { systemClock } from "../../core/clock.ts";
import { SessionError } from "../../core/errors.ts";
import type { SessionHandle } from "../../core/id.ts";
import type { Tombstone } from "../../core/record.ts";
import type { KeyedEngine } from "./engine.ts";
import {
  decodeEnd,
  decodeLive,
  decodeMove,
  encodeEnd,
  encodeLive,
  encodeMove,
  type End,
  type Live,
  type Move,
} from "./format.ts";
import type { KeyKind, Keys } from "./keys.ts";
import type { Turn } from "./turns.ts";

/** What lies under one key. */
export type Cell<T> =
  | { readonly status: "none" }
  | { readonly status: "there"; readonly value: T }
  | { readonly status: "unreadable" };

/** A session: its record, and its end. There is a session only where there is a record and no end. */
export interface Found {
  readonly record: Cell<Live>;
  readonly end: Cell<End>;
}

/** How long things are kept. */
export interface Keeping {
  /** Past a record's deadline, and past the time of everything else, until the engine may remove it by itself. */
  readonly slackMs: number;
  /** From the end of a session: as long as a late write could let its record live. */
  readonly endedMs: number;
}

/** An engine may write in place: what is read meanwhile is half a text. */
const PAUSES_MS = [5, 15, 45];

/** Reads and writes what belongs to a handle: a record, an end, a move, each under a key of its own. */
export class Cells {
  readonly keys: Keys;
  readonly #engine: KeyedEngine;
  readonly #keeping: Keeping;

  constructor(engine: KeyedEngine, keys: Keys, keeping: Keeping) {
    this.#engine = engine;
    this.keys = keys;
    this.#keeping = keeping;
  }

  /**
   * Reads record and end at once. An end is written before its record is removed, and no end is taken back: so where there is no record,
   * the end that was looked for too early is looked for again, and where there is one, there was no end when this was asked.
   */
  async find(turn: Turn, handle: SessionHandle): Promise<Found> {
    const [record, end] = await Promise.all([this.record(turn, handle), this.end(turn, handle)]);
    if (record.status !== "none" || end.status !== "none") return { record, end };
    return { record, end: await this.end(turn, handle) };
  }

  record(turn: Turn, handle: SessionHandle): Promise<Cell<Live>> {
    return this.#read(turn, "s", handle, decodeLive);
  }

  end(turn: Turn, handle: SessionHandle): Promise<Cell<End>> {
    return this.#read(turn, "e", handle, decodeEnd);
  }

  move(turn: Turn, handle: SessionHandle): Promise<Cell<Move>> {
    return this.#read(turn, "m", handle, decodeMove);
  }

  /** Where a rotation of the session wanted to go, or null. */
  async successor(turn: Turn, handle: SessionHandle): Promise<SessionHandle | null> {
    const move = await this.move(turn, handle);
    return move.status === "there" ? move.value.successor : null;
  }

  async putRecord(turn: Turn, live: Live): Promise<void> {
    const { handle, expiresAt } = live.record;
    // The deadline may have passed, and its session is still for the application to judge.
    await this.#write(turn, "s", handle, encodeLive(live), Math.max(expiresAt, Date.now()));
  }

  async putEnd(turn: Turn, handle: SessionHandle, tombstone: Tombstone): Promise<void> {
    const keepUntil = Math.max(tombstone.until, Date.now() + this.#keeping.endedMs);
    await this.#write(turn, "e", handle, encodeEnd(handle, { tombstone, swept: false, keepUntil }), keepUntil);
  }

  /** Lets an end go on without its tombstone. */
  async sweepEnd(turn: Turn, handle: SessionHandle, { tombstone, keepUntil }: End): Promise<void> {
    await this.#write(turn, "e", handle, encodeEnd(handle, { tombstone, swept: true, keepUntil }), keepUntil);
  }

  async putMove(turn: Turn, handle: SessionHandle, successor: SessionHandle): Promise<void> {
    const keepUntil = Date.now() + this.#keeping.slackMs;
    await this.#write(turn, "m", handle, encodeMove(handle, { successor, keepUntil }), keepUntil);
  }

  async remove(turn: Turn, kind: KeyKind, handle: SessionHandle): Promise<void> {
    const key = this.keys.of(kind, handle);
    await turn.write(() => this.#engine.remove(key));
  }

  async #write(turn: Turn, kind: KeyKind, handle: SessionHandle, text: string, keepUntil: number): Promise<void> {
    const key = this.keys.of(kind, handle);
    await turn.write(() => this.#engine.set(key, text, keepUntil + this.#keeping.slackMs));
  }

  async #read<T>(
    turn: Turn,
    kind: KeyKind,
    handle: SessionHandle,
    decode: (text: unknown, handle: SessionHandle) => T | undefined,
  ): Promise<Cell<T>> {
    const key = this.keys.of(kind, handle);
    for (let tries = 0; ; tries++) {
      const text = await turn.read(() => this.#engine.get(key));
      if (text === null || text === undefined) return { status: "none" };
      const value = decode(text, handle);
      if (value !== undefined) return { status: "there", value };
      const milliseconds = PAUSES_MS[tries];
      if (milliseconds === undefined) return { status: "unreadable" };
      await turn.read(() => systemClock.sleep(milliseconds));
    }
  }
}

/** What is there and can be read, or undefined for nothing. @throws {SessionError} `ERR_SESSION_UNREADABLE` */
export function readable<T>(cell: Cell<T>): T | undefined {
  if (cell.status === "there") return cell.value;
  if (cell.status === "none") return undefined;
  throw new SessionError(
    "ERR_SESSION_UNREADABLE",
    "What the store gave back is damaged, not sojourn's, or of a newer release",
  );
}
