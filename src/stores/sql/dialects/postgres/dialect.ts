import type { Dialect } from "../../dialect.ts";
import { tableNames, type TableChoice } from "../../names.ts";
import { plain } from "../../texts.ts";
import { postgresTrouble } from "./failures.ts";
import { POSTGRES_NAMING, postgresSchemaStatements } from "./schema.ts";
import { postgresStatements } from "./statements.ts";

/** PostgreSQL's way, for one table of sessions. */
export function postgresDialect(choice: TableChoice): Dialect {
  const names = tableNames(choice, POSTGRES_NAMING);
  return {
    name: "postgres",
    engine: "PostgreSQL",
    store: choice.store,
    reach: "network",
    names,
    statements: postgresStatements(names),
    schema: postgresSchemaStatements(names),
    definesInTransactions: true,
    probe: plain("probe", "SELECT text 'a' AS word, CAST(1 AS bigint) AS number", names, ["word", "number"]),
    problemOf: ({ rows: [row] }) =>
      row?.[0] === "a" && Number(row[1]) === 1 ? undefined : "the client does not give rows as `pg` or `postgres` do",
    version: plain("version", "SELECT version FROM {schema}", names, ["version"]),
    exists: plain("exists", "SELECT 1 AS found FROM {sessions} LIMIT 0", names, ["found"]),
    troubleOf: postgresTrouble,
  };
}
