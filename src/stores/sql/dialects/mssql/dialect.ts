import type { Dialect } from "../../dialect.ts";
import { tableNames, type TableChoice } from "../../names.ts";
import { plain } from "../../texts.ts";
import { mssqlTrouble } from "./failures.ts";
import { MSSQL_NAMING, mssqlSchemaStatements } from "./schema.ts";
import { mssqlStatements } from "./statements.ts";

const PROBE = "SELECT CAST(SERVERPROPERTY('EngineEdition') AS int) AS edition, CAST(1 AS bigint) AS number";

/** SQL Server's way, for one table of sessions. Written by its manual; no server was there to run it on. */
export function mssqlDialect(choice: TableChoice): Dialect {
  const names = tableNames(choice, MSSQL_NAMING);
  return {
    name: "mssql",
    engine: "SQL Server",
    store: choice.store,
    reach: "network",
    names,
    statements: mssqlStatements(names),
    schema: mssqlSchemaStatements(names),
    definesInTransactions: true,
    probe: plain("probe", PROBE, names, ["edition", "number"]),
    problemOf: ({ rows: [row] }) =>
      Number(row?.[0]) > 0 && Number(row?.[1]) === 1 ? undefined : "the client does not give rows as SQL Server does",
    version: plain("version", "SELECT version FROM {schema}", names, ["version"]),
    exists: plain("exists", "SELECT TOP (0) 1 AS found FROM {sessions}", names, ["found"]),
    troubleOf: mssqlTrouble,
  };
}
