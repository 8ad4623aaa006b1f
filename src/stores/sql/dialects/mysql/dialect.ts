import { SessionError } from "../../../../core/errors.ts";
import type { Dialect } from "../../dialect.ts";
import type { SqlResult } from "../../driver.ts";
import { tableNames, type TableChoice } from "../../names.ts";
import { plain } from "../../texts.ts";
import { mysqlTrouble } from "./failures.ts";
import { MYSQL_NAMING, mysqlSchemaStatements } from "./schema.ts";
import { mysqlStatements } from "./statements.ts";

/** Which table, and how the driver sends values. */
export interface MysqlChoice extends TableChoice {
  /** Whether values are bound to prepared statements. Else the driver writes them into the text, between quotes. */
  readonly prepares: boolean;
}

const PROBE = `SELECT HEX('🦊') AS bytes, @@autocommit AS autocommit, CAST(1 AS SIGNED) AS number,
  @@sql_mode LIKE '%NO_BACKSLASH_ESCAPES%' AS plain_backslashes`;

/** The way of MySQL and MariaDB, for one table of sessions. */
export function mysqlDialect(choice: MysqlChoice): Dialect {
  const names = tableNames(choice, MYSQL_NAMING);
  if (!choice.prepares && choice.table.includes("?")) {
    throw new SessionError(
      "ERR_SESSION_CONFIG",
      `${choice.store}: drivers that write values into the text take a \`?\` in \`table\` for a value's place`,
    );
  }
  return {
    name: "mysql",
    engine: "MySQL",
    store: choice.store,
    reach: "network",
    names,
    statements: mysqlStatements(names),
    schema: mysqlSchemaStatements(names),
    definesInTransactions: false,
    probe: plain("probe", PROBE, names, ["bytes", "autocommit", "number", "plain_backslashes"]),
    problemOf: (result) => problemOf(result, choice.prepares),
    version: plain("version", "SELECT version FROM {schema}", names, ["version"]),
    exists: plain("exists", "SELECT 1 AS found FROM {sessions} LIMIT 0", names, ["found"]),
    troubleOf: mysqlTrouble,
  };
}

function problemOf({ rows: [row] }: SqlResult, prepares: boolean): string | undefined {
  if (row === undefined || Number(row[2]) !== 1) return "the client does not give rows as `mysql2` or `mariadb` do";
  if (row[0] !== "F09FA68A") return "the connection's character set must be utf8mb4";
  if (Number(row[1]) !== 1) return "the connection must have `autocommit` on, else nothing would be stored";
  if (prepares || Number(row[3]) === 0) return undefined;
  return "the connection's `sql_mode` must not have NO_BACKSLASH_ESCAPES, because the driver escapes quotes with backslashes";
}
