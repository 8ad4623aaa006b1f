import type { Fields, SqlDriver, SqlResult, SqlValue, Statement } from "../sql/driver.ts";
import { field } from "../sql/failures.ts";

/** What is asked of a driver with each statement: rows as arrays, and what else undoes settings of the connection. */
export interface MysqlQuery {
  sql: string;
  rowsAsArray: boolean;
}

/** As much of `mysql2/promise`'s pool or connection as the store uses, or of `mariadb`'s, which also has `batch`. */
export interface MysqlPromiseClientLike {
  execute(query: MysqlQuery, values?: (string | number | null)[]): Promise<unknown>;
  query(query: MysqlQuery, values?: (string | number | null)[]): Promise<unknown>;
  end(): Promise<unknown>;
  batch?: unknown;
}

/** As much of `mysql2`'s pool or connection with callbacks as the store uses. */
export interface MysqlCallbackClientLike {
  promise(): unknown;
}

/** A client that `mysqlStore` takes. */
export type MysqlClientLike = MysqlPromiseClientLike | MysqlCallbackClientLike;

/** How a client is used. */
export interface ClientUse {
  /** Whether statements are prepared once on each connection. */
  readonly prepare: boolean;
  /** Whether closing the store closes the client. */
  readonly own: boolean;
}

/** The driver for a client, told apart by what it has; undefined for one of another shape. */
export function mysqlDriver(given: MysqlClientLike, { prepare, own }: ClientUse): SqlDriver | undefined {
  const client = "promise" in given && typeof given.promise === "function" ? given.promise() : given;
  if (!isPromiseClient(client)) return undefined;
  const isMariadb = typeof client.batch === "function";
  const settings = isMariadb ? { nestTables: false, metaAsArray: false } : { typeCast: true };
  const send = async (sql: string, values: readonly SqlValue[], prepared: boolean): Promise<SqlResult> => {
    const query = { sql, rowsAsArray: true, ...settings };
    // Bound as text to a prepared statement, and written into another as a number: MySQL takes no other number of rows.
    const sent = values.map((value) => (typeof value !== "bigint" ? value : prepared ? String(value) : Number(value)));
    const answer = prepared ? await client.execute(query, sent) : await client.query(query, sent);
    // mysql2 gives a pair: the rows or the outcome, and the columns.
    return resultOf(isMariadb || !Array.isArray(answer) ? answer : answer[0]);
  };
  return {
    query: ({ text }: Statement, values) => send(text, values, prepare),
    async script(statements) {
      for (const statement of statements) await send(statement, [], false);
    },
    async close() {
      if (own) await client.end();
    },
  };
}

function isPromiseClient(client: unknown): client is MysqlPromiseClientLike {
  return ["execute", "query", "end"].every((name) => typeof field(client, name) === "function");
}

function resultOf(outcome: unknown): SqlResult {
  if (Array.isArray(outcome)) return { rows: outcome as Fields[], affected: 0 };
  return { rows: [], affected: Number(field(outcome, "affectedRows") ?? 0), number: field(outcome, "insertId") };
}
