import { handleOf, lockHandleOf, newVersion, type SessionHandle, type SessionId } from "../../core/id.ts";
import { isPlainObject } from "../../core/plain.ts";
import type { SessionRecord } from "../../core/record.ts";
import type { SessionStore } from "../../core/store.ts";
import { CliError } from "../errors.ts";

/** How many rows came to what. */
export type Counts = Readonly<Record<string, number>>;

/** What an import notes of itself in the store that it fills. */
export interface Progress {
  /** When the present run began, in milliseconds since 1970; null when the last one came to its end. */
  readonly began: number | null;
  /** When the last run that came to its end began; null when there was none. */
  readonly since: number | null;
  /** The beginning of the last key that was done: enough to go on from, and too little to open a session with. */
  readonly after: string;
  /** The handle of that session. */
  readonly last: string | null;
  /** Of the present run, up to there. */
  readonly counts: Counts;
}

const NOTHING: Progress = { began: null, since: null, after: "", last: null, counts: {} };
const KEPT_MS = 400 * 86_400_000;
const SHOWN = 12;

/** The beginning of a key: less than the key itself, and in front of it in every order. */
export function beginningOf(key: string): string {
  return key.slice(0, Math.max(0, Math.min(SHOWN, key.length - 1)));
}

/** The import's own record in the store, beside the locks, which lists leave out. */
export class Marker {
  readonly #store: SessionStore;
  readonly #handle: SessionHandle;
  readonly #now: () => number;
  #version: string | undefined;

  /** @param source the table's digest */
  constructor(store: SessionStore, source: string, now: () => number) {
    this.#store = store;
    this.#handle = lockHandleOf(handleOf(`django import of ${source}` as SessionId));
    this.#now = now;
  }

  async read(): Promise<Progress> {
    const found = await this.#store.load(this.#handle);
    if (found.status !== "live") return NOTHING;
    this.#version = found.record.version;
    return progressIn(found.record.data);
  }

  /** @throws {CliError} ERR_CLI_IMPORT_TAKEN when another import wrote it since */
  async write(progress: Progress): Promise<void> {
    const now = this.#now();
    const record: SessionRecord = {
      handle: this.#handle,
      data: JSON.stringify(progress),
      version: newVersion(),
      createdAt: now,
      expiresAt: now + KEPT_MS,
      userId: null,
      epoch: 0,
    };
    const { status } = await (this.#version === undefined
      ? this.#store.create(record)
      : this.#store.save(record, this.#version));
    if (status !== "created" && status !== "saved") throw new CliError("ERR_CLI_IMPORT_TAKEN");
    this.#version = record.version;
  }
}

function progressIn(text: string): Progress {
  const value: unknown = JSON.parse(text);
  if (!isPlainObject(value)) return NOTHING;
  const { began, since, after, last, counts } = value;
  return {
    began: typeof began === "number" ? began : null,
    since: typeof since === "number" ? since : null,
    after: typeof after === "string" ? after : "",
    last: typeof last === "string" ? last : null,
    counts: isPlainObject(counts) ? (counts as Counts) : {},
  };
}
