import { DEFAULT_TABLE, quote, tableNames, type TableNames } from "./names.ts";

/** One step from a version of the schema to the next. */
export interface Migration {
  /** The version that holds after it. */
  readonly version: number;
  statements(names: TableNames): readonly string[];
}

const LARGEST = Number.MAX_SAFE_INTEGER;

/** A time or an epoch that JavaScript reads exactly. */
function exact(column: string, least: number): string {
  return `CHECK (${column} BETWEEN ${least} AND ${LARGEST})`;
}

// A table with rowids: without them SQLite keeps the data among the keys, and from 2 KB of data on a session takes three times as long
// to find. The data comes last: SQLite reads a row from its beginning, and a large value in the way would have to be walked through.
// The index for the sweep is on a column of its own, which saves and touches leave alone: an index on `expires_at` would have to
// be rewritten by each of them, and a save takes twice as long with it.
function createSessions(names: TableNames): string {
  return `CREATE TABLE ${quote(names.sessions)} (
  session_handle TEXT NOT NULL PRIMARY KEY, -- the hash of the id in the cookie; it opens nothing in a browser
  session_version TEXT NOT NULL, -- a random token, new with every write
  created_at INTEGER NOT NULL ${exact("created_at", -LARGEST)}, -- milliseconds since 1970-01-01 00:00 UTC, as every time here
  expires_at INTEGER NOT NULL ${exact("expires_at", -LARGEST)},
  user_id TEXT,
  user_epoch INTEGER NOT NULL ${exact("user_epoch", 0)}, -- below the user's own, the session is revoked
  retired_reason TEXT CHECK (retired_reason IN ('ended', 'rotated')), -- NULL while the session is live
  sweep_at INTEGER NOT NULL, -- from this time on a sweep looks at the row; not after expires_at
  session_data TEXT NOT NULL -- as the codec wrote it; once the session is over nothing, or the handle it was rotated to
) STRICT`;
}

function createUsers(names: TableNames): string {
  return `CREATE TABLE IF NOT EXISTS ${quote(names.users)} (
  user_id TEXT NOT NULL PRIMARY KEY,
  user_epoch INTEGER NOT NULL ${exact("user_epoch", 0)} -- raised when the user's sessions are revoked
) STRICT, WITHOUT ROWID`;
}

function createReadable(names: TableNames): string {
  const date = (column: string): string => `strftime('%Y-%m-%d %H:%M:%S', ${column} / 1000, 'unixepoch')`;
  return `CREATE VIEW IF NOT EXISTS ${quote(names.readable)} AS
SELECT session_handle,
  CASE
    WHEN retired_reason IS NOT NULL THEN retired_reason
    WHEN expires_at <= 1000 * CAST(strftime('%s', 'now') AS INTEGER) THEN 'expired'
    ELSE 'live'
  END AS session_state,
  ${date("created_at")} AS created_utc,
  ${date("expires_at")} AS expires_utc,
  user_id,
  session_data
FROM ${quote(names.sessions)}`;
}

/** Every version of the schema, in order. */
export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    // Only what cannot be another program's may be there already: a table of sessions that someone dropped leaves the rest behind.
    statements: (names) => [
      createSessions(names),
      `CREATE INDEX ${quote(names.byUser)} ON ${quote(names.sessions)} (user_id) WHERE user_id IS NOT NULL`,
      `CREATE INDEX ${quote(names.bySweep)} ON ${quote(names.sessions)} (sweep_at)`,
      createUsers(names),
      createReadable(names),
      `CREATE TABLE IF NOT EXISTS ${quote(names.schema)} (version INTEGER NOT NULL) STRICT`,
    ],
  },
];

/** The statements of these migrations, and those that note the version that holds after them. */
export function migrationStatements(names: TableNames, migrations: readonly Migration[]): readonly string[] {
  const last = migrations.at(-1);
  if (last === undefined) return [];
  return [
    ...migrations.flatMap((migration) => migration.statements(names)),
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
