import { SCHEMA_VERSION } from "../../migrate.ts";
import type { Naming, TableNames } from "../../names.ts";
import { sqliteTables } from "./tables.ts";

/** SQLite's names have no limit; as long as `sqliteStore` takes, with what is put behind them. */
export const SQLITE_NAMING: Naming = {
  longest: 128 + "_readable".length,
  quote: (name) => `"${name.replaceAll('"', '""')}"`,
};

/**
 * The statements that make the tables. Each may be run by many at once, and what the first ones make can be completed by whoever comes
 * next: the schema's table comes first, and the version is noted last.
 */
export function sqliteSchemaStatements(names: TableNames): readonly string[] {
  const { sessions, indexes, users, readable, schema } = sqliteTables(names, "IF NOT EXISTS ");
  const note = `INSERT INTO ${names.schema} (version) SELECT ${SCHEMA_VERSION} WHERE NOT EXISTS (SELECT 1 FROM ${names.schema})`;
  return [schema, sessions, ...indexes, users, readable, note];
}
