import type { Dialect } from "../sql/dialect.ts";
import { mssqlDialect } from "../sql/dialects/mssql/dialect.ts";
import { mysqlDialect } from "../sql/dialects/mysql/dialect.ts";
import { postgresDialect } from "../sql/dialects/postgres/dialect.ts";
import { sqliteDialect } from "../sql/dialects/sqlite/dialect.ts";
import type { TableChoice } from "../sql/names.ts";

/** The databases that Kysely speaks to, and sojourn too. */
export type KyselyDialectName = "postgres" | "mysql" | "sqlite" | "mssql";

/** What each is like, as it is spoken to through Kysely. */
export const DIALECTS: Readonly<Record<KyselyDialectName, (choice: TableChoice) => Dialect>> = {
  postgres: postgresDialect,
  // Kysely's own dialect has values written into the text.
  mysql: (choice) => mysqlDialect({ ...choice, prepares: false }),
  sqlite: sqliteDialect,
  mssql: mssqlDialect,
};

/** Those whose tables stand in a schema that has a name. */
export const WITH_SCHEMAS: readonly KyselyDialectName[] = ["postgres", "mssql"];
