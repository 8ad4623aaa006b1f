import { type CheckedOut, runBriefly, runUntilAborted } from "../sql/checked-out.ts";
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
  /** Of a pool: gives a connection for a while. */
  getConnection?(): Promise<unknown>;
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
  type Sender = Pick<MysqlPromiseClientLike, "execute" | "query">;
  const send = async (to: Sender, sql: string, values: readonly SqlValue[], prepared: boolean): Promise<SqlResult> => {
    const query = { sql, rowsAsArray: true, ...settings };
    // Bound as text to a prepared statement, and written into another as a number: MySQL takes no other number of rows.
    const sent = values.map((value) => (typeof value !== "bigint" ? value : prepared ? String(value) : Number(value)));
    const answer = prepared ? await to.execute(query, sent) : await to.query(query, sent);
    // mysql2 gives a pair: the rows or the outcome, and the columns.
    return resultOf(isMariadb || !Array.isArray(answer) ? answer : answer[0]);
  };
  const checkedOut = <R>(
    handedOut: unknown,
    run: (connection: MysqlConnection) => Promise<R>,
    text?: string,
  ): CheckedOut<R> => {
    const connection = handedOut as MysqlConnection;
    const { threadId } = connection;
    return {
      run: () => run(connection),
      // Whether it can go on, the pool finds out by itself.
      release: () => void Promise.resolve(connection.release()).catch(() => undefined),
      destroy: () => connection.destroy(),
      async endOnServer() {
        if (typeof threadId !== "number" || text === undefined) return;
        const end = async (other: MysqlConnection): Promise<void> => {
          const { rows } = await send(other, FIND, [threadId, beginningOf(text)], prepare);
          // Over the same connection: another one may lead to another server.
          if (rows.length > 0) await send(other, `KILL ${threadId}`, [], false);
        };
        await runBriefly(async () => checkedOut(await client.getConnection?.(), end));
      },
    };
  };
  // A connection alone has its statements wait for each other, and closing it would end them all. What `mariadb` does to end one that is
  // destroyed rejects without anybody to hear it when the server is gone, and would end the process.
  const cancels = !isMariadb && client.getConnection !== undefined;
  return {
    cancels,
    async query({ text }: Statement, values, signal) {
      if (!cancels || signal === undefined) return send(client, text, values, prepare);
      const run = (connection: MysqlConnection): Promise<SqlResult> => send(connection, text, values, prepare);
      return runUntilAborted(signal, async () => checkedOut(await client.getConnection?.(), run, text));
    },
    async script(statements) {
      for (const statement of statements) await send(client, statement, [], false);
    },
    async close() {
      if (own) await client.end();
    },
  };
}

// Asked for by its text too: behind a balancer, or after a restart, the number may be that of somebody else's connection.
const FIND = "SELECT ID FROM information_schema.PROCESSLIST WHERE ID = ? AND LOCATE(?, INFO) = 1";

/** A statement up to its first value, which the server may show in its place. */
function beginningOf(text: string): string {
  const [beginning = text] = text.split("?", 1);
  return beginning;
}

/** A connection that a pool gives. */
interface MysqlConnection extends Pick<MysqlPromiseClientLike, "execute" | "query"> {
  /** What the server calls it. */
  readonly threadId?: number | null;
  release(): unknown;
  destroy(): void;
}

function isPromiseClient(client: unknown): client is MysqlPromiseClientLike {
  return ["execute", "query", "end"].every((name) => typeof field(client, name) === "function");
}

function resultOf(outcome: unknown): SqlResult {
  if (Array.isArray(outcome)) return { rows: outcome as Fields[], affected: 0 };
  return { rows: [], affected: Number(field(outcome, "affectedRows") ?? 0), number: field(outcome, "insertId") };
}
