import { systemClock } from "../../core/clock.ts";
import { isSessionError, SessionError } from "../../core/errors.ts";
import type { Database } from "./dialect.ts";
import type { Fields, SqlResult } from "./driver.ts";
import { surely, type Trouble } from "./failures.ts";
import { migrate, type MigrateOptions, type MigrationReport } from "./migrate.ts";
import { valuesOf, type Bindings, type StatementName } from "./texts.ts";

const TRIES = 6;
const LONGEST_PAUSE_MS = 20;

/** For errors that nobody knows, of what cannot have stored anything. */
const NOBODY_KNOWS: Trouble = { applied: "no", kind: "other", what: "" };

/** The store's way to its database: finds or makes the tables with the first call, and names what went wrong. */
export class Connection {
  readonly #database: Database;
  #preparing: Promise<void> | undefined;
  #ready = false;
  #closed = false;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Whether a statement whose signal is aborted is ended. */
  get cancels(): boolean {
    return this.#database.driver.cancels === true;
  }

  /**
   * Runs a statement that writes, and again when the database undid it for the sake of another. Gives how many rows were changed,
   * or `duplicate` when the handle is taken.
   */
  async write(name: StatementName, bindings: Bindings, signal?: AbortSignal): Promise<number | "duplicate"> {
    const result = await this.#attempt(name, bindings, signal);
    return result === "duplicate" ? result : result.affected;
  }

  /** As {@link write}, for a statement that gives a row or a number and meets no duplicates. */
  async writeAndGive(name: StatementName, bindings: Bindings, signal?: AbortSignal): Promise<SqlResult> {
    const result = await this.#attempt(name, bindings, signal);
    if (result === "duplicate") throw new SessionError("ERR_SESSION_STORE", undefined, { applied: "no" });
    return result;
  }

  /** Runs a statement that changes nothing: whatever goes wrong, nothing was stored by it. */
  async read(name: StatementName, bindings: Bindings, signal?: AbortSignal): Promise<readonly Fields[]> {
    try {
      const result = await this.#attempt(name, bindings, signal);
      return result === "duplicate" ? [] : result.rows;
    } catch (error) {
      if (isSessionError(error)) throw error;
      throw this.#surely(this.#database.dialect.troubleOf(error) ?? NOBODY_KNOWS, error);
    }
  }

  async migrate(options?: MigrateOptions): Promise<MigrationReport> {
    this.#refuseUse();
    try {
      return await this.#untilDone(() => migrate(this.#database, options));
    } catch (error) {
      const trouble = this.#database.dialect.troubleOf(error);
      throw trouble?.applied === "no" ? this.#surely(trouble, error) : error;
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#database.driver.close();
  }

  async #attempt(
    name: StatementName,
    bindings: Bindings,
    signal: AbortSignal | undefined,
  ): Promise<SqlResult | "duplicate"> {
    this.#refuseUse();
    if (!this.#ready) await (this.#preparing ??= this.#prepare());
    const { driver, dialect } = this.#database;
    const compiled = dialect.statements[name];
    const values = valuesOf(compiled, bindings);
    try {
      return await this.#untilDone(() => driver.query(compiled.statement, values, signal));
    } catch (error) {
      const trouble = dialect.troubleOf(error);
      if (trouble?.applied !== "no") throw error;
      if (trouble.kind === "duplicate") return "duplicate";
      throw this.#surely(trouble, error);
    }
  }

  /** Tries again what the database undid for the sake of another. */
  async #untilDone<T>(work: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await work();
      } catch (error) {
        const trouble = this.#database.dialect.troubleOf(error);
        if (trouble?.applied !== "no" || trouble.kind !== "again" || tries >= TRIES) throw error;
        // At random, so that those who met once do not meet again and again.
        await systemClock.sleep(Math.random() * Math.min(LONGEST_PAUSE_MS, 2 ** tries));
      }
    }
  }

  async #prepare(): Promise<void> {
    const { driver, dialect } = this.#database;
    try {
      const problem = dialect.problemOf(await driver.query(dialect.probe, []));
      if (problem !== undefined) throw new SessionError("ERR_SESSION_CONFIG", `${dialect.store}: ${problem}`);
      await this.#untilDone(() => migrate(this.#database));
      this.#ready = true;
    } catch (error) {
      // The next call tries again: the database may be back by then.
      this.#preparing = undefined;
      if (isSessionError(error)) throw error;
      throw this.#surely(dialect.troubleOf(error) ?? NOBODY_KNOWS, error);
    }
  }

  #surely(trouble: Trouble, error: unknown): SessionError {
    return surely(trouble, this.#database.dialect.engine, error);
  }

  #refuseUse(): void {
    if (this.#closed) throw new SessionError("ERR_SESSION_USAGE", `The ${this.#database.dialect.engine} store was closed`);
  }
}
