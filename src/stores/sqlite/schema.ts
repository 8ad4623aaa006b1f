import { sqliteTables, type SqliteTables } from "../sql/dialects/sqlite/tables.ts";
import { DEFAULT_TABLE, quote, tableNames, type TableNames } from "./names.ts";

/** One step from a version of the schema to the next. */
export interface Migration {
  /** The version that holds after it. */
  readonly version: number;
  /** With `completing`, of tables that somebody else has begun to make. */
  statements(names: TableNames, completing: boolean): readonly string[];
}

/** The definitions with the names quoted. */
function tablesOf(names: TableNames, completing: boolean): SqliteTables {
  const quoted = {
    sessions: quote(names.sessions),
    users: quote(names.users),
    schema: quote(names.schema),
    readable: quote(names.readable),
    byUser: quote(names.byUser),
    bySweep: quote(names.bySweep),
  };
  return sqliteTables(quoted, completing ? "IF NOT EXISTS " : "");
}

/** Every version of the schema, in order. */
export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    // Only what cannot be another program's may be there already: a table of sessions that someone dropped leaves the rest behind.
    statements: (names, completing) => {
      const { sessions, indexes, users, readable, schema } = tablesOf(names, completing);
      return [sessions, ...indexes, users, readable, schema];
    },
  },
];

/** The statements of these migrations, and those that note the version that holds after them. */
export function migrationStatements(
  names: TableNames,
  migrations: readonly Migration[],
  completing = false,
): readonly string[] {
  const last = migrations.at(-1);
  if (last === undefined) return [];
  return [
    ...migrations.flatMap((migration) => migration.statements(names, completing)),
    `DELETE FROM ${quote(names.schema)}`,
    `INSERT INTO ${quote(names.schema)} (version) VALUES (${last.version})`,
  ];
}

/** Which table {@link sqliteSchema} is about. */
export interface SqliteSchemaOptions {
  /** The table of sessions. Default `sojourn_sessions`. */
  readonly table?: string;
}

/**
 * The SQL that makes the tables of a new database, as one transaction, for those who keep their schema in files of their own.
 * It stops at the first statement when the table of sessions is there.
 *
 * @throws {SessionError} `ERR_SESSION_CONFIG` for a table name that SQLite does not take
 */
export function sqliteSchema(options: SqliteSchemaOptions = {}): string {
  const statements = migrationStatements(tableNames(options.table ?? DEFAULT_TABLE), MIGRATIONS);
  return ["BEGIN IMMEDIATE", ...statements, "COMMIT"].map((statement) => `${statement};\n`).join("\n");
}
