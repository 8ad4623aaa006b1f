import type { Clock } from "../../core/clock.ts";
import { SessionError } from "../../core/errors.ts";
import type { Awaitable } from "../../core/store.ts";
import type { Checkpoints } from "./checkpoints.ts";
import { keepsFailedStatements, probeDatabase, query, type SqliteDatabaseLike } from "./driver.ts";
import { isBusy, resultOf } from "../sql/dialects/sqlite/results.ts";
import { storeFailure, type Effect } from "./failures.ts";
import { ensureSchema, inTransaction } from "./migrate.ts";
import type { TableNames } from "./names.ts";
import { finalizeStatements, prepareStatements, type Statements } from "./statements.ts";

/** How a {@link Connection} uses its database. */
export interface ConnectionSettings {
  /** True when the database was opened by the store, which then also sets its pragmas. */
  readonly own: boolean;
  readonly closeDatabase: boolean;
  readonly busyTimeoutMs: number;
  readonly synchronous: "normal" | "full" | undefined;
  readonly clock: Clock;
  /** Who makes checkpoints of the write-ahead log that a sweep fills, for a file that the store opened. */
  readonly checkpoints?: Checkpoints | undefined;
}

const LONGEST_PAUSE_MS = 32;
/** A checkpoint of a thousand pages, as SQLite makes them by itself, takes some 20 ms. */
const SMALL_CHECKPOINT_PAGES = 60;

/** The store's way to its database: prepares statements when they are first needed, waits for locks, and names what went wrong. */
export class Connection {
  readonly #database: SqliteDatabaseLike;
  readonly #names: TableNames;
  readonly #settings: ConnectionSettings;
  #statements: Statements | undefined;
  #closed = false;
  /** True when the store has put its own database into WAL mode. */
  #hasLog = false;
  /** Whether a transaction of the store is open: they do not nest. */
  #isInside = false;

  constructor(database: SqliteDatabaseLike, names: TableNames, settings: ConnectionSettings) {
    this.#database = database;
    this.#names = names;
    this.#settings = settings;
  }

  /**
   * Runs a verb: at once, and again until `busyTimeoutMs` is over while another connection holds the lock. The verb must not
   * have committed anything when it throws.
   *
   * @param effect `write` when the verb may store something in a statement that is not in a transaction
   */
  run<T>(effect: Effect, verb: (statements: Statements) => T): Awaitable<T> {
    return this.#tried(effect, () => this.#attempt(effect, verb));
  }

  /**
   * As {@link run}, for one of many writes in a row that nobody waits for. A checkpoint holds up the process, for as long as there are pages
   * in the log: it is made by a thread, or else small.
   *
   * @param goesOn whether more such writes are to come, for which a thread is worth its start
   */
  runGently<T>(verb: (statements: Statements) => T, goesOn: (result: T) => boolean): Awaitable<T> {
    return this.#tried("write", () => {
      this.#ready();
      const { checkpoints } = this.#settings;
      if (checkpoints?.running === true) {
        const result = this.#attempt("write", verb);
        checkpoints.make();
        return result;
      }
      const result = this.#withSmallCheckpoints(() => this.#attempt("write", verb));
      if (this.#hasLog && goesOn(result)) checkpoints?.start();
      return result;
    });
  }

  /** As {@link run}, for work that needs no tables. */
  runBare<T>(work: (database: SqliteDatabaseLike) => T): Awaitable<T> {
    return this.#tried("write", () => {
      this.#refuseUse();
      return work(this.#database);
    });
  }

  #tried<T>(effect: Effect, attempt: () => T): Awaitable<T> {
    try {
      return attempt();
    } catch (error) {
      if (isBusy(error)) return this.#retry(effect, attempt, error);
      throw storeFailure(error, effect, this.#names.sessions);
    }
  }

  #withSmallCheckpoints<T>(work: () => T): T {
    const usual = this.#checkpointPages();
    // 0 is for somebody else who makes the checkpoints, and must stay.
    if (!(usual > SMALL_CHECKPOINT_PAGES) || !this.#checkpointAfter(SMALL_CHECKPOINT_PAGES)) return work();
    try {
      return work();
    } finally {
      this.#checkpointAfter(usual);
    }
  }

  /** After how many pages a checkpoint is made; NaN where that is not told. */
  #checkpointPages(): number {
    try {
      const [row] = query(this.#database, "PRAGMA wal_autocheckpoint", ["wal_autocheckpoint"]);
      return Number(row?.[0]);
    } catch {
      return Number.NaN;
    }
  }

  /** Gives false where it cannot be chosen: a sweep that makes large checkpoints is better than none. */
  #checkpointAfter(pages: number): boolean {
    try {
      this.#database.exec(`PRAGMA wal_autocheckpoint = ${pages}`);
      return true;
    } catch {
      return false;
    }
  }

  #attempt<T>(effect: Effect, verb: (statements: Statements) => T): T {
    const statements = this.#ready();
    if (effect === "read" || !keepsFailedStatements(this.#database)) return verb(statements);
    return this.transaction(() => verb(statements));
  }

  /** Runs `body` with the write lock held; for use inside a verb. */
  transaction<T>(body: () => T): T {
    if (this.#isInside) return body();
    this.#isInside = true;
    try {
      return this.#begin(body);
    } finally {
      this.#isInside = false;
    }
  }

  #begin<T>(body: () => T): T {
    const undone = (error: unknown): unknown => (isBusy(error) ? error : storeFailure(error, "read", this.#names.sessions));
    return inTransaction(this.#database, body, undone);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#settings.checkpoints?.stop();
    const statements = this.#statements;
    this.#statements = undefined;
    try {
      if (statements !== undefined) finalizeStatements(statements);
      if (this.#settings.closeDatabase) this.#database.close();
    } catch (error) {
      throw storeFailure(error, "read", this.#names.sessions);
    }
  }

  #ready(): Statements {
    this.#refuseUse();
    return (this.#statements ??= this.#prepare());
  }

  #refuseUse(): void {
    if (this.#closed) throw new SessionError("ERR_SESSION_USAGE", "The SQLite store was closed");
    if (this.#settings.own) return;
    if (this.#database.isTransaction === true || this.#database.inTransaction === true) {
      throw new SessionError(
        "ERR_SESSION_STORE",
        "The database that sqliteStore was given is inside a transaction, which could undo the session's write; give the store a connection of its own",
        { applied: "no" },
      );
    }
  }

  #prepare(): Statements {
    probeDatabase(this.#database);
    this.#configure();
    ensureSchema(this.#database, this.#names);
    try {
      return prepareStatements(this.#database, this.#names);
    } catch (error) {
      if (resultOf(error) !== "ERROR") throw error;
      const problem = `sqliteStore: the table "${this.#names.sessions}" is not as sojourn makes it; see \`sojourn migrate --sql\``;
      throw new SessionError("ERR_SESSION_CONFIG", problem, { cause: error });
    }
  }

  #configure(): void {
    const { own, synchronous } = this.#settings;
    if (!own) {
      if (synchronous !== undefined) this.#database.exec(`PRAGMA synchronous = ${synchronous}`);
      return;
    }
    // SQLite's own way of waiting holds up every request of the process.
    this.#database.exec("PRAGMA busy_timeout = 0");
    // Only the write-ahead log is safe from damage without a flush for each write; some file systems do not have it.
    this.#hasLog = this.#useWriteAheadLog();
    const safe = this.#hasLog ? synchronous : "full";
    this.#database.exec(`PRAGMA synchronous = ${safe}`);
  }

  #useWriteAheadLog(): boolean {
    try {
      const [mode] = query(this.#database, "PRAGMA journal_mode = WAL", ["journal_mode"]);
      return mode?.[0] === "wal";
    } catch (error) {
      // A database that cannot be written keeps the mode that it has, and can still be read.
      if (resultOf(error) !== "READONLY") throw error;
      return false;
    }
  }

  async #retry<T>(effect: Effect, attempt: () => T, first: unknown): Promise<T> {
    const { clock, busyTimeoutMs } = this.#settings;
    const start = clock.now();
    let last = first;
    let slept = 0;
    for (let longest = 1; ; longest = Math.min(longest * 2, LONGEST_PAUSE_MS)) {
      const left = busyTimeoutMs - Math.max(slept, clock.now() - start);
      if (left <= 0) throw storeFailure(last, effect, this.#names.sessions);
      // At random, so that processes that met once do not meet again and again.
      const pause = Math.min(left, 1 + Math.random() * longest);
      await clock.sleep(pause);
      slept += pause;
      try {
        return attempt();
      } catch (error) {
        if (!isBusy(error)) throw storeFailure(error, effect, this.#names.sessions);
        last = error;
      }
    }
  }
}
