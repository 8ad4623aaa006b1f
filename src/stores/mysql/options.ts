import { SessionError } from "../../core/errors.ts";
import { DEFAULT_TABLE } from "../sql/names.ts";
import type { MysqlClientLike } from "./clients.ts";

/** Options of `mysqlStore`. */
export interface MysqlStoreOptions {
  /**
   * A pool or connection of `mysql2` (with promises or callbacks) or of `mariadb` (with promises), in utf8mb4 and with autocommit. A
   * pool is better: it replaces lost connections. Closing the store leaves it open.
   */
  readonly client: MysqlClientLike;
  /** The table of sessions; the names of what belongs to it begin with it too. Default `sojourn_sessions`. */
  readonly table?: string;
  /** Whether statements are prepared once on each connection. False behind a proxy that cannot keep them. Default true. */
  readonly prepare?: boolean;
}

const NAMES: readonly string[] = ["client", "table", "prepare"] satisfies (keyof MysqlStoreOptions)[];

/** @throws {SessionError} `ERR_SESSION_CONFIG` */
export function resolveMysqlOptions(options: MysqlStoreOptions) {
  check(typeof options === "object" && options !== null, "takes an object of options");
  for (const name of Object.keys(options)) check(NAMES.includes(name), `has no option \`${name}\``);
  const { client, table = DEFAULT_TABLE, prepare = true } = options;
  check(
    ["object", "function"].includes(typeof client) && client !== null,
    "`client` must be a pool or connection of `mysql2` or `mariadb`",
  );
  check(typeof prepare === "boolean", "`prepare` is true or false");
  return { client, table, prepare };
}

function check(holds: boolean, problem: string): void {
  if (!holds) throw new SessionError("ERR_SESSION_CONFIG", `mysqlStore: ${problem}`);
}
