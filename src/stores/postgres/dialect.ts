import type { Dialect } from "../sql/dialect.ts";
import type { Statement } from "../sql/driver.ts";
import { tableNames } from "../sql/names.ts";
import { compile } from "../sql/texts.ts";
import { postgresTrouble } from "./failures.ts";
import { POSTGRES_NAMING, postgresSchemaStatements } from "./schema.ts";
import { postgresStatements } from "./statements.ts";

/** PostgreSQL's way, for one table of sessions. */
export function postgresDialect(table: string, schema: string | undefined): Dialect {
  const names = tableNames(table, schema, POSTGRES_NAMING);
  const plain = (name: string, text: string): Statement => compile(name, text, names, () => "").statement;
  return {
    name: "postgres",
    engine: "PostgreSQL",
    store: "postgresStore",
    names,
    statements: postgresStatements(names),
    schema: postgresSchemaStatements(names),
    probe: plain("probe", "SELECT 'a' AS word, CAST(1 AS bigint) AS number"),
    problemOf: ({ rows: [row] }) =>
      row?.[0] === "a" && Number(row[1]) === 1 ? undefined : "`client` does not give rows as `pg` or `postgres` do",
    version: plain("version", "SELECT version FROM {schema}"),
    exists: plain("exists", "SELECT 1 FROM {sessions} LIMIT 0"),
    troubleOf: postgresTrouble,
  };
}
