import { setImmediate } from "node:timers/promises";
import type { SessionHandle } from "../../core/id.ts";
import type { SessionStore } from "../../core/store.ts";
import { CliError } from "../errors.ts";
import { type Conversion, convert } from "./convert.ts";
import { djangoHandle } from "./content.ts";
import { beginningOf, type Counts, Marker, type Progress } from "./marker.ts";
import { type Destination, endImported, place } from "./place.ts";
import { readStamp } from "./stamp.ts";
import type { DjangoRow, DjangoTable } from "./table.ts";

/** What an import works on. */
export interface ImportTask {
  readonly table: DjangoTable;
  readonly conversion: Conversion;
  readonly store: SessionStore;
  readonly dryRun: boolean;
  /** True to end what was imported before, and that Django has ended since. */
  readonly prune: boolean;
  /** Rows to a batch. */
  readonly batch: number;
  /** Called after each batch; false stops the import there. */
  onBatch(read: number, total: number): Promise<boolean>;
}

/** A session that needs somebody's eyes. */
export interface Problem {
  readonly handle: SessionHandle;
  readonly fate: "unreadable" | "conflicting";
  readonly reason?: string;
}

/** How an import went. */
export interface ImportReport {
  readonly counts: Counts;
  /** The first of them. */
  readonly problems: readonly Problem[];
  readonly read: number;
  /** True when it goes on from where an earlier run stopped, and its counts with it. */
  readonly resumed: boolean;
  readonly complete: boolean;
}

const MOST_PROBLEMS = 100;
const AT_ONCE = 16;
const TRIES = 20;

/** One run over the table, or what is left of one. */
export class Import {
  readonly #task: ImportTask;
  readonly #marker: Marker;
  readonly #counts = new Map<string, number>();
  readonly #problems: Problem[] = [];
  readonly #seen = new Set<SessionHandle>();
  #read = 0;

  constructor(task: ImportTask) {
    this.#task = task;
    const { store, conversion } = task;
    this.#marker = new Marker(store, conversion.source, () => conversion.options.clock.now());
  }

  /** @throws {CliError} ERR_CLI_IMPORT_TAKEN, ERR_CLI_IMPORT_DIFFERS */
  async run(): Promise<ImportReport> {
    const { table, conversion, store, dryRun, prune, batch, onBatch } = this.#task;
    const { resumed, progress } = await this.#begin();
    const { began, since } = progress;
    let { after, last } = progress;
    for (const [name, count] of Object.entries(progress.counts)) this.#count(name, count);
    this.#read = this.#counts.get("read") ?? 0;
    const destination = { store, options: conversion.options, since, dryRun };
    const note = async (done: Omit<Progress, "counts">): Promise<void> => {
      if (!dryRun) await this.#marker.write({ ...done, counts: Object.fromEntries(this.#counts) });
    };
    const total = await table.count();
    for (;;) {
      const page = await table.after(after, batch);
      const done = page.findIndex(({ key }) => djangoHandle(key) === last);
      const rows = page.slice(done + 1);
      await this.#batch(rows, destination);
      const end = page.at(-1);
      if (end === undefined) break;
      // From within this process the whole key is the place to go on from.
      after = end.key;
      last = djangoHandle(end.key);
      await note({ began, since, after: beginningOf(after), last });
      // An embedded store answers at once, and would never let a signal in.
      await setImmediate();
      if (!(await onBatch(this.#read, total))) return this.#report(resumed, false);
    }
    if (prune && since !== null) await this.#prune(destination);
    await note({ began: null, since: began, after: "", last: null });
    return this.#report(resumed, true);
  }

  /** Finds out where to begin and, unless nothing is to be changed, notes that this run is the one. */
  async #begin(): Promise<{ readonly resumed: boolean; readonly progress: Progress }> {
    const { conversion, dryRun, prune } = this.#task;
    for (let tries = 0; ; tries++) {
      const earlier = await this.#marker.read();
      // What is to be pruned only a run over the whole table can tell.
      const resumed = earlier.began !== null && !prune && !dryRun;
      const fresh = { began: conversion.options.clock.now(), since: earlier.since, after: "", last: null, counts: {} };
      const progress = resumed ? earlier : fresh;
      if (dryRun) return { resumed, progress };
      try {
        await this.#marker.write(progress);
        return { resumed, progress };
      } catch (error) {
        // Another one was a moment faster, and is overtaken all the same.
        if (tries === TRIES || !(error instanceof CliError)) throw error;
      }
    }
  }

  async #batch(rows: readonly DjangoRow[], destination: Destination): Promise<void> {
    for (let start = 0; start < rows.length; start += AT_ONCE) {
      await Promise.all(rows.slice(start, start + AT_ONCE).map((row) => this.#row(row, destination)));
    }
    this.#read += rows.length;
    this.#count("read", rows.length);
  }

  async #row(row: DjangoRow, destination: Destination): Promise<void> {
    const handle = djangoHandle(row.key);
    const converted = await convert(row, this.#task.conversion);
    // A login that holds no more is over in Django, too.
    if (this.#task.prune && converted.status !== "loggedOut") this.#seen.add(handle);
    if (converted.status === "unreadable") return this.#problem({ handle, fate: "unreadable", reason: converted.reason });
    if (converted.status !== "record") return this.#count(converted.status);
    const fate = await place(converted.record, converted.savedAt, destination);
    if (fate === "conflicting") this.#problem({ handle, fate });
    else this.#count(fate);
    const { absoluteSeconds } = destination.options;
    const isStored = fate === "moved" || fate === "updated";
    if (isStored && converted.record.createdAt + absoluteSeconds * 1000 < converted.record.expiresAt)
      this.#count("shortened");
  }

  /** Ends what an earlier run stored, nobody has come back to, and Django has no more. */
  async #prune(destination: Destination): Promise<void> {
    const { store, conversion, batch } = this.#task;
    for (let after: SessionHandle | undefined; ;) {
      const page = (await store.list?.({ limit: batch, ...(after === undefined ? {} : { after }) })) ?? [];
      for (const { handle, version, expiresAt } of page) {
        const stamp = readStamp(version);
        const isOurs = stamp?.source === conversion.source && stamp.expiresAt === expiresAt;
        if (isOurs && !this.#seen.has(handle) && (await endImported(handle, version, destination))) this.#count("pruned");
      }
      after = page.at(-1)?.handle;
      if (page.length < batch || after === undefined) return;
    }
  }

  #problem(problem: Problem): void {
    if (this.#problems.length < MOST_PROBLEMS) this.#problems.push(problem);
    this.#count(problem.fate);
  }

  #count(name: string, by = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + by);
  }

  #report(resumed: boolean, complete: boolean): ImportReport {
    const counts = Object.fromEntries(this.#counts);
    return { counts, problems: this.#problems, read: this.#read, resumed, complete };
  }
}
