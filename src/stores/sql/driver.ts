/** A statement as a database takes it. */
export interface Statement {
  /** Unique for the text, for drivers that prepare by name. */
  readonly name: string;
  readonly text: string;
  /** The names of the columns that it gives, in order, for drivers that give rows as objects. */
  readonly columns: readonly string[];
}

/** What is bound to a statement; a bigint where it asks for a number of rows. */
export type SqlValue = string | number | bigint | null;

/** The values of a row, in the order of the columns that were asked for. */
export type Fields = readonly unknown[];

/** What a statement gave: its rows, how many rows it changed, and the number that MySQL hands out instead of a row. */
export interface SqlResult {
  readonly rows: readonly Fields[];
  readonly affected: number;
  readonly number?: unknown;
}

/** A database client of whatever make, as the SQL stores use it. Each statement is a transaction by itself. */
export interface SqlDriver {
  /** True when a statement whose signal is aborted is ended, on the server too, and its connection given up. Default false. */
  readonly cancels?: boolean;
  query(statement: Statement, values: readonly SqlValue[], signal?: AbortSignal): Promise<SqlResult>;
  /** Runs statements that define tables, in order; as one transaction where the database can. */
  script(statements: readonly string[]): Promise<void>;
  /** Closes the client if it was opened by the store. */
  close(): Promise<void>;
}

/** A driver that opens its client with the first statement, and again with the next one after that failed. */
export function lazyDriver(open: () => Promise<SqlDriver>): SqlDriver {
  let opening: Promise<SqlDriver> | undefined;
  let cancels = false;
  const opened = async (): Promise<SqlDriver> => {
    opening ??= open();
    try {
      const driver = await opening;
      cancels = driver.cancels === true;
      return driver;
    } catch (error) {
      opening = undefined;
      throw error;
    }
  };
  return {
    // Which driver it is, is known when it is opened.
    get cancels() {
      return cancels;
    },
    query: async (statement, values, signal) => (await opened()).query(statement, values, signal),
    script: async (statements) => (await opened()).script(statements),
    async close() {
      const driver = await opening?.catch(() => undefined);
      await driver?.close();
    },
  };
}
