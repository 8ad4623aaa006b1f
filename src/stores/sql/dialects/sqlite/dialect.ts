import { SessionError } from "../../../../core/errors.ts";
import type { Dialect } from "../../dialect.ts";
import { tableNames, type TableChoice } from "../../names.ts";
import { plain } from "../../texts.ts";
import { sqliteTrouble } from "./failures.ts";
import { SQLITE_NAMING, sqliteSchemaStatements } from "./schema.ts";
import { sqliteStatements } from "./statements.ts";

/**
 * The way of SQLite and its kin over a client that answers with promises, for one table of sessions: the same tables that
 * `sqliteStore` makes.
 */
export function sqliteDialect(choice: TableChoice): Dialect {
  const names = tableNames(choice, SQLITE_NAMING);
  if (/^sqlite_/i.test(choice.table)) {
    throw new SessionError(
      "ERR_SESSION_CONFIG",
      `${choice.store}: \`table\` must not begin with sqlite_, which SQLite keeps for itself`,
    );
  }
  return {
    name: "sqlite",
    engine: "SQLite",
    store: choice.store,
    reach: "machine",
    names,
    statements: sqliteStatements(names),
    schema: sqliteSchemaStatements(names),
    // Not every kin of SQLite has transactions, and one that is open while the process does other things keeps everybody waiting.
    definesInTransactions: false,
    probe: plain("probe", "SELECT typeof(1) AS word, CAST(1 AS INTEGER) AS number", names, ["word", "number"]),
    problemOf: ({ rows: [row] }) =>
      row?.[0] === "integer" && Number(row[1]) === 1 ? undefined : "the client does not give rows as SQLite does",
    version: plain("version", "SELECT version FROM {schema}", names, ["version"]),
    exists: plain("exists", "SELECT 1 AS found FROM {sessions} LIMIT 0", names, ["found"]),
    troubleOf: sqliteTrouble,
  };
}
