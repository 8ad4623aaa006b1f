import { SessionError } from "../../core/errors.ts";
import { lazyDriver, type SqlDriver } from "../sql/driver.ts";
import { field } from "../sql/failures.ts";
import { DEFAULT_TABLE } from "../sql/names.ts";
import { SqlSessions, type SqlStore } from "../sql/store.ts";
import { mysqlDriver, type MysqlClientLike } from "./clients.ts";
import { mysqlDialect } from "../sql/dialects/mysql/dialect.ts";

/** A connection that cannot be had in time must not keep a request waiting. */
const CONNECT_MS = 5000;
const MARIADB_LIMITS = `connectTimeout=${CONNECT_MS}&acquireTimeout=${CONNECT_MS}`;

/**
 * A store on a database that a URL names, `mysql://user:password@host/database` or `mariadb://…`. The driver, `mysql2` or
 * `mariadb`, the one of the URL's name first, is imported and connects with the first call; closing the store closes it.
 *
 * @throws {SessionError} `ERR_SESSION_CONFIG`; with the first call, when neither driver is installed
 */
export function mysqlStoreFromUrl(url: string): SqlStore {
  return new SqlSessions({
    dialect: mysqlDialect({ table: DEFAULT_TABLE, store: "mysqlStore", prepares: true }),
    driver: mysqlDriverFromUrl(url),
  });
}

/** The driver alone, for other tables; it connects with the first query. @throws {SessionError} as {@link mysqlStoreFromUrl} */
export function mysqlDriverFromUrl(url: string): SqlDriver {
  if (!/^(mysql|mariadb):\/\//.test(url) || !URL.canParse(url)) {
    throw new SessionError("ERR_SESSION_CONFIG", "The URL of a MySQL database is `mysql://user:password@host/database`");
  }
  return lazyDriver(() => connect(url));
}

async function connect(url: string): Promise<SqlDriver> {
  const rest = url.slice(url.indexOf(":"));
  const choices = [
    { name: "mysql2", settings: { uri: `mysql${rest}`, connectTimeout: CONNECT_MS } },
    { name: "mariadb", settings: `mariadb${rest}${rest.includes("?") ? "&" : "?"}${MARIADB_LIMITS}` },
  ];
  if (url.startsWith("mariadb:")) choices.reverse();
  for (const { name, settings } of choices) {
    let module: unknown;
    try {
      // Not a literal: a bundler must not look for the driver that was not installed.
      module = await import(name);
    } catch (error) {
      if (field(error, "code") === "ERR_MODULE_NOT_FOUND") continue;
      throw error;
    }
    const exported = field(module, "createPool") === undefined ? field(module, "default") : module;
    const createPool = field(exported, "createPool") as (settings: unknown) => MysqlClientLike;
    const driver = mysqlDriver(createPool(settings), { prepare: true, own: true });
    if (driver !== undefined) return driver;
  }
  throw new SessionError("ERR_SESSION_CONFIG", "A `mysql:` store needs a driver: install `mysql2` or `mariadb`");
}
