import type { SessionHandle } from "../../core/id.ts";
import type { SessionRecord, Tombstone } from "../../core/record.ts";
import type {
  CallOptions,
  CreateOutcome,
  LoadOptions,
  LoadOutcome,
  RetireOutcome,
  SaveOutcome,
  SessionStore,
  StoreReach,
  TouchOutcome,
} from "../../core/store.ts";
import { Calls } from "./calls.ts";
import { Cells, type Keeping, readable } from "./cells.ts";
import type { KeyedEngine } from "./engine.ts";
import type { Keys } from "./keys.ts";
import { Retirement } from "./retirement.ts";
import { Sweep } from "./sweep.ts";
import { type Turn, turnsOf } from "./turns.ts";
import { Writing } from "./writing.ts";

/** A {@link SessionStore} over something that cannot compare and write in one step. */
export interface KeyedStore extends SessionStore {
  readonly compareAndSwap: false;
  readonly cancels: true;
  /** Refuses further calls and waits for what is under way. What the store was given stays open. */
  close(): Promise<void>;
}

/** What a {@link KeyedSessions} is made of. */
export interface KeyedParts extends Keeping {
  readonly name: string;
  readonly reach: StoreReach;
  readonly durable: boolean;
  readonly engine: KeyedEngine;
  readonly keys: Keys;
  /** What the engine works with: stores over the same object are one as far as races go. */
  readonly shared: object;
  readonly answerSeconds: number;
  readonly readBack: boolean;
}

/**
 * The verbs. A record and its end are two values under two keys, and the end decides: a late write of another process may bring the
 * record back, and opens nothing with it.
 */
export class KeyedSessions implements KeyedStore {
  readonly name: string;
  readonly reach: StoreReach;
  readonly durable: boolean;
  readonly compareAndSwap = false;
  readonly cancels = true;
  readonly list?: NonNullable<SessionStore["list"]>;
  readonly clearExpired?: NonNullable<SessionStore["clearExpired"]>;
  readonly #cells: Cells;
  readonly #calls: Calls;
  readonly #writing: Writing;
  readonly #retirement: Retirement;

  constructor(parts: KeyedParts) {
    this.name = parts.name;
    this.reach = parts.reach;
    this.durable = parts.durable;
    this.#cells = new Cells(parts.engine, parts.keys, parts);
    this.#calls = new Calls(turnsOf(parts.shared), parts.answerSeconds);
    this.#writing = new Writing(this.#cells, parts.readBack);
    this.#retirement = new Retirement(this.#cells, parts.readBack);
    const { keys } = parts.engine;
    if (keys === undefined) return;
    const sweep = new Sweep(this.#cells, this.#calls, keys);
    this.list = (page, options) => sweep.list(page, options);
    this.clearExpired = (batch, options) => sweep.clearExpired(batch, options);
  }

  async load(handle: SessionHandle, options?: LoadOptions): Promise<LoadOutcome> {
    const { record, end } = await this.#calls.once(options, (turn) => this.#cells.find(turn, handle));
    const over = readable(end);
    if (over !== undefined) return over.swept ? { status: "missing" } : { status: "retired", tombstone: over.tombstone };
    const live = readable(record);
    return live === undefined ? { status: "missing" } : { status: "live", record: live.record };
  }

  create(record: SessionRecord, options?: CallOptions): Promise<CreateOutcome> {
    const given = { ...record };
    return this.#alone(given.handle, options, (turn) => this.#writing.create(turn, given));
  }

  save(record: SessionRecord, expectedVersion: string, options?: CallOptions): Promise<SaveOutcome> {
    const given = { ...record };
    return this.#alone(given.handle, options, (turn) => this.#writing.save(turn, given, expectedVersion));
  }

  touch(handle: SessionHandle, version: string, expiresAt: number, options?: CallOptions): Promise<TouchOutcome> {
    return this.#alone(handle, options, (turn) => this.#writing.touch(turn, handle, version, expiresAt));
  }

  retire(
    handle: SessionHandle,
    tombstone: Tombstone,
    expectedVersion?: string,
    options?: CallOptions,
  ): Promise<RetireOutcome> {
    const { reason, token, successor, until } = tombstone;
    const retiring = { handle, tombstone: { reason, token, successor, until }, expectedVersion };
    return this.#alone(handle, options, (turn) => this.#retirement.retire(turn, retiring));
  }

  close(): Promise<void> {
    return this.#calls.close();
  }

  /** With the handle to itself, as far as this process goes. */
  async #alone<T>(handle: SessionHandle, options: CallOptions | undefined, work: (turn: Turn) => Promise<T>): Promise<T> {
    return this.#calls.alone(this.#cells.keys.of("s", handle), options, work);
  }
}
