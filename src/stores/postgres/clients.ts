import type { Fields, SqlDriver, SqlValue } from "../sql/driver.ts";

/** As much of `pg`'s `Pool` or `Client` as the store uses. A pool finds a new connection for each lost one; a client does not. */
export interface PgClientLike {
  query(query: {
    text: string;
    values?: unknown[];
    name?: string;
    rowMode?: "array";
  }): Promise<{ readonly rows: readonly unknown[]; readonly rowCount: number | null }>;
  end(): Promise<unknown>;
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
  return {
    async query({ name, text }, values) {
      const query = { text, values: sent(values), rowMode: "array" as const };
      const { rows, rowCount } = await client.query(prepare ? { ...query, name } : query);
      return { rows: rows as readonly Fields[], affected: rowCount ?? 0 };
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

/** After a lost connection `postgres` waits without end for it to close. */
const CLOSE_SECONDS = 5;

function postgresJsDriver(client: PostgresJsLike, { prepare, own }: ClientUse): SqlDriver {
  return {
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
