import type { StoreReach } from "../../core/store.ts";
import type { SqlDriver, SqlResult, Statement } from "./driver.ts";
import type { Trouble } from "./failures.ts";
import type { TableNames } from "./names.ts";
import type { Compiled, StatementName } from "./texts.ts";

/** What is particular to a database, for one table of sessions. */
export interface Dialect {
  /** The store's name, as in `SessionStore`. */
  readonly name: string;
  /** The database's name, for people. */
  readonly engine: string;
  /** The function that makes the store, for messages. */
  readonly store: string;
  readonly reach: StoreReach;
  readonly names: TableNames;
  readonly statements: Readonly<Record<StatementName, Compiled>>;
  /** The statements that make the tables where they are missing, and note their version. Safe to run by many at once. */
  readonly schema: readonly string[];
  /** Whether statements that define tables can be one transaction. */
  readonly definesInTransactions: boolean;
  /** Gives one row that `problemOf` understands: what the client and the connection have to get right. */
  readonly probe: Statement;
  /** What about the answer to `probe` cannot work, or undefined. */
  problemOf(result: SqlResult): string | undefined;
  /** Gives the version of the tables. */
  readonly version: Statement;
  /** Reads nothing from the table of sessions; fails when it is missing. */
  readonly exists: Statement;
  /** What an error means, or undefined for one that the database did not send and that nobody knows. */
  troubleOf(error: unknown): Trouble | undefined;
}

/** A dialect and the client that speaks it. */
export interface Database {
  readonly dialect: Dialect;
  readonly driver: SqlDriver;
}
