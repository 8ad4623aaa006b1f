import { SessionError } from "../../core/errors.ts";
import { DEFAULT_TABLE } from "../sql/names.ts";
import type { PostgresClientLike } from "./clients.ts";

/** Options of `postgresStore`. */
export interface PostgresStoreOptions {
  /**
   * A `Pool` or a connected `Client` of `pg`, or the `sql` of `postgres`. A pool is better: it replaces lost connections. Closing the
   * store leaves it open.
   */
  readonly client: PostgresClientLike;
  /** The table of sessions; the names of what belongs to it begin with it too. Default `sojourn_sessions`. */
  readonly table?: string;
  /** The schema that the table is in, which must be there. Default: the first of the connection's `search_path`. */
  readonly schema?: string;
  /** Whether statements are prepared once on each connection. False behind a pooler that cannot keep them. Default true. */
  readonly prepare?: boolean;
}

const NAMES: readonly string[] = ["client", "table", "schema", "prepare"] satisfies (keyof PostgresStoreOptions)[];

/** @throws {SessionError} `ERR_SESSION_CONFIG` */
export function resolvePostgresOptions(options: PostgresStoreOptions) {
  check(typeof options === "object" && options !== null, "takes an object of options");
  for (const name of Object.keys(options)) check(NAMES.includes(name), `has no option \`${name}\``);
  const { client, table = DEFAULT_TABLE, schema, prepare = true } = options;
  check(
    ["object", "function"].includes(typeof client) && client !== null,
    "`client` must be a pool or client of `pg` or `postgres`",
  );
  check(typeof prepare === "boolean", "`prepare` is true or false");
  return { client, table, schema, prepare };
}

function check(holds: boolean, problem: string): void {
  if (!holds) throw new SessionError("ERR_SESSION_CONFIG", `postgresStore: ${problem}`);
}
