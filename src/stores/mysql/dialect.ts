import type { Dialect } from "../sql/dialect.ts";
import type { SqlResult, Statement } from "../sql/driver.ts";
import { tableNames } from "../sql/names.ts";
import { compile } from "../sql/texts.ts";
import { mysqlTrouble } from "./failures.ts";
import { MYSQL_NAMING, mysqlSchemaStatements } from "./schema.ts";
import { mysqlStatements } from "./statements.ts";

/** The way of MySQL and MariaDB, for one table of sessions. */
export function mysqlDialect(table: string): Dialect {
  const names = tableNames(table, undefined, MYSQL_NAMING);
  const plain = (name: string, text: string): Statement => compile(name, text, names, () => "?").statement;
  return {
    name: "mysql",
    engine: "MySQL",
    store: "mysqlStore",
    names,
    statements: mysqlStatements(names),
    schema: mysqlSchemaStatements(names),
    probe: plain("probe", "SELECT HEX('🦊') AS bytes, @@autocommit AS autocommit, CAST(1 AS SIGNED) AS number"),
    problemOf,
    version: plain("version", "SELECT version FROM {schema}"),
    exists: plain("exists", "SELECT 1 FROM {sessions} LIMIT 0"),
    troubleOf: mysqlTrouble,
  };
}

function problemOf({ rows: [row] }: SqlResult): string | undefined {
  if (row === undefined || Number(row[2]) !== 1) return "`client` does not give rows as `mysql2` or `mariadb` do";
  if (row[0] !== "F09FA68A") return "the connection's character set must be utf8mb4";
  return Number(row[1]) === 1 ? undefined : "the connection must have `autocommit` on, else nothing would be stored";
}
