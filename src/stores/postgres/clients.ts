import { type CheckedOut, runBriefly, runUntilAborted } from "../sql/checked-out.ts";
import type { Fields, SqlDriver, SqlResult, SqlValue } from "../sql/driver.ts";
import { field } from "../sql/failures.ts";

/** As much of `pg`'s `Pool` or `Client` as the store uses. A pool finds a new connection for each lost one; a client does not. */
export interface PgClientLike {
  query(query: {
    text: string;
    values?: unknown[];
    name?: string;
    rowMode?: "array";
  }): Promise<{ readonly rows: readonly unknown[]; readonly rowCount: number | null }>;
  end(): Promise<unknown>;
  /** Of a pool: gives a connection for a while, to the callback where it takes one. */
  connect?(callback?: (error: Error | null | undefined, connection: unknown) => void): unknown;
  /** Of a pool: how many connections it has. */
  readonly totalCount?: number;
  /** Errors of connections that are doing nothing at the time. */
  on?(event: "error", listener: (error: Error) => void): unknown;
  listenerCount?(event: "error"): number;
}

/** As much of `postgres`'s `sql` as the store uses. */
export interface PostgresJsLike {
  unsafe(text: string, values?: (string | number | null)[], options?: { prepare?: boolean }): PostgresJsQuery;
  end(options?: { timeout?: number }): Promise<unknown>;
}

/** A query of `postgres`, which is sent when it is awaited. */
export interface PostgresJsQuery extends PromiseLike<unknown> {
  values(): PromiseLike<unknown>;
}

/** A client that `postgresStore` takes. */
export type PostgresClientLike = PgClientLike | PostgresJsLike;

/** How a client is used. */
export interface ClientUse {
  /** Whether statements are prepared once on each connection. */
  readonly prepare: boolean;
  /** Whether closing the store closes the client. */
  readonly own: boolean;
}

/** The driver for a client, told apart by what it has; undefined for one of another shape. */
export function postgresDriver(client: PostgresClientLike, use: ClientUse): SqlDriver | undefined {
  if ("unsafe" in client && typeof client.unsafe === "function") return postgresJsDriver(client, use);
  if ("query" in client && typeof client.query === "function") return pgDriver(client, use);
  return undefined;
}

function sent(values: readonly SqlValue[]): (string | number | null)[] {
  return values.map((value) => (typeof value === "bigint" ? String(value) : value));
}

function pgDriver(client: PgClientLike, { prepare, own }: ClientUse): SqlDriver {
  // Without a listener, an idle connection that is lost ends the process; the pool replaces it by itself.
  if (client.listenerCount?.("error") === 0) client.on?.("error", () => undefined);
  // A client alone has its statements wait for each other, and closing it would end them all.
  const isPool = typeof client.totalCount === "number" && typeof client.connect === "function";
  return {
    cancels: isPool,
    async query({ name, text }, values, signal) {
      const query = { text, values: sent(values), rowMode: "array" as const, ...(prepare && { name }) };
      if (!isPool || signal === undefined) return resultOf(await client.query(query));
      return runUntilAborted(signal, async () => checkedOut(client, await connectionOf(client), query));
    },
    async script(statements) {
      // Sent as one text without values, it is one transaction.
      await client.query({ text: statements.join(";\n") });
    },
    async close() {
      if (own) await client.end();
    },
  };
}

type PgQuery = Parameters<PgClientLike["query"]>[0];

/** A connection that a pool of `pg` gives. */
interface PgConnection extends Pick<PgClientLike, "query"> {
  /** The server's process for it. */
  readonly processID?: number | null;
  release(error?: unknown): void;
  on(event: "error", listener: () => void): unknown;
  off(event: "error", listener: () => void): unknown;
}

// Asked for by its text too: another statement, of whoever it may be, is not ended. The server keeps the beginning of a text.
const CANCEL = `SELECT pg_cancel_backend(pid) FROM pg_stat_activity
WHERE pid = CAST($1 AS int) AND state = 'active' AND query <> '' AND starts_with(CAST($2 AS text), query)`;

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof field(value, "then") === "function";
}

const ignore = (): void => undefined;

/**
 * A connection that is listened to: while it is out the pool does not, and an error that nobody listens to ends the process. By the
 * callback, because a promise comes too late: an error that the server sent right behind its greeting is told in the same moment.
 */
function connectionOf(pool: PgClientLike): Promise<PgConnection> {
  return new Promise((resolve, reject) => {
    let isTaken = false;
    const take = (given: unknown): void => {
      if (isTaken || !given) return;
      isTaken = true;
      resolve(listened(given as PgConnection));
    };
    const answer = pool.connect?.((error, given) => (error ? reject(error) : take(given)));
    // Pools of another make may know promises only; one that took the callback gives nothing here.
    if (isPromise(answer)) answer.then(take, reject);
  });
}

/** The connection, listened to at once; rejects where it is of another shape. */
async function listened(connection: PgConnection): Promise<PgConnection> {
  connection.on("error", ignore);
  return connection;
}

function checkedOut(pool: PgClientLike, connection: PgConnection, query: PgQuery): CheckedOut<SqlResult> {
  const { processID } = connection;
  return {
    run: async () => resultOf(await connection.query(query)),
    release(error) {
      connection.off("error", ignore);
      connection.release(error);
    },
    destroy: () => connection.release(true),
    async endOnServer() {
      if (typeof processID !== "number") return;
      const end: PgQuery = { text: CANCEL, values: [processID, query.text] };
      await runBriefly(async () => checkedOut(pool, await connectionOf(pool), end));
    },
  };
}

function resultOf(answer: unknown): SqlResult {
  return { rows: field(answer, "rows") as readonly Fields[], affected: Number(field(answer, "rowCount") ?? 0) };
}

/** After a lost connection `postgres` waits without end for it to close. */
const CLOSE_SECONDS = 5;

function postgresJsDriver(client: PostgresJsLike, { prepare, own }: ClientUse): SqlDriver {
  return {
    // It has many statements under way on one connection, and the server can only be told to end whichever is running there.
    cancels: false,
    async query({ text }, values) {
      // A statement without values would be sent in a way that gives all rows of all statements in it.
      const rows = (await client.unsafe(text, sent(values), { prepare }).values()) as Fields[] & { count?: number | null };
      return { rows, affected: rows.count ?? 0 };
    },
    async script(statements) {
      await client.unsafe(statements.join(";\n"));
    },
    async close() {
      if (own) await client.end({ timeout: CLOSE_SECONDS });
    },
  };
}
