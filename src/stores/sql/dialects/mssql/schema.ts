import { SCHEMA_VERSION } from "../../migrate.ts";
import type { Naming, TableNames } from "../../names.ts";
import { exact } from "../../statements.ts";

/** SQL Server's names have at most 128 characters. */
export const MSSQL_NAMING: Naming = {
  longest: 128,
  quote: (name) => `[${name.replaceAll("]", "]]")}]`,
};

// Keys are bytes: SQL Server's texts take "a" for "a " whatever their collation. 510 bytes are 255 characters in UTF-16, as `nvarchar`
// has them. Nothing indexes `expires_at`, so that a touch writes the row alone; the sweep goes by `sweep_at`.
function sessionsTable({ sessions }: TableNames): string {
  return `CREATE TABLE ${sessions} (
  session_handle varbinary(510) NOT NULL PRIMARY KEY, -- the hash of the id in the cookie; it opens nothing in a browser
  session_version varbinary(510) NOT NULL, -- a random token, new with every write
  created_at bigint NOT NULL CHECK (${exact("created_at")}), -- milliseconds since 1970-01-01 00:00 UTC, as every time here
  expires_at bigint NOT NULL CHECK (${exact("expires_at")}),
  user_id varbinary(510) NULL,
  user_epoch bigint NOT NULL CHECK (${exact("user_epoch", 0)}), -- below the user's own, the session is revoked
  retired_reason nvarchar(16) NULL CHECK (retired_reason IN ('ended', 'rotated')), -- NULL while the session is live
  sweep_at bigint NOT NULL, -- from this time on a sweep looks at the row; not after expires_at
  session_data nvarchar(max) NOT NULL -- as the codec wrote it; once the session is over nothing, or the handle it was rotated to
)`;
}

function readableView({ sessions, readable }: TableNames): string {
  const text = (column: string): string => `CAST(${column} AS nvarchar(255))`;
  // The years that a date can have; a number of milliseconds is too large for what DATEADD takes.
  const date = (column: string): string => `CASE WHEN ${column} BETWEEN 0 AND 100000000000000 THEN DATEADD(millisecond,
    CAST(${column} % 60000 AS int), DATEADD(minute, CAST(${column} / 60000 AS int), CAST('19700101' AS datetime2(3)))) END`;
  return `CREATE OR ALTER VIEW ${readable} AS
SELECT ${text("session_handle")} AS session_handle,
  CASE
    WHEN retired_reason IS NOT NULL THEN retired_reason
    WHEN expires_at <= DATEDIFF_BIG(millisecond, CAST('19700101' AS datetime2(3)), SYSUTCDATETIME()) THEN 'expired'
    ELSE 'live'
  END AS session_state,
  ${date("created_at")} AS created_utc,
  ${date("expires_at")} AS expires_utc,
  ${text("user_id")} AS user_id,
  session_data
FROM ${sessions}`;
}

/** The statements that make the tables. Each is sent by itself, all in one transaction. */
export function mssqlSchemaStatements(names: TableNames): readonly string[] {
  const { sessions, users, schema, byUser, bySweep } = names;
  const unlessTable = (table: string, definition: string): string =>
    `IF OBJECT_ID(${literal(table)}, N'U') IS NULL ${definition}`;
  const index = (name: string, column: string): string =>
    `IF INDEXPROPERTY(OBJECT_ID(${literal(sessions)}), ${literal(unquoted(name))}, 'IndexID') IS NULL
CREATE INDEX ${name} ON ${sessions} (${column})`;
  return [
    // Two processes that find no tables take turns.
    "EXEC sp_getapplock @Resource = N'sojourn', @LockMode = 'Exclusive', @LockOwner = 'Transaction', @LockTimeout = 60000",
    unlessTable(sessions, sessionsTable(names)),
    index(byUser, "user_id"),
    index(bySweep, "sweep_at"),
    unlessTable(
      users,
      `CREATE TABLE ${users} (
  user_id varbinary(510) NOT NULL PRIMARY KEY,
  user_epoch bigint NOT NULL CHECK (${exact("user_epoch", 0)}) -- raised when the user's sessions are revoked
)`,
    ),
    readableView(names),
    unlessTable(schema, `CREATE TABLE ${schema} (one int NOT NULL PRIMARY KEY CHECK (one = 1), version int NOT NULL)`),
    `INSERT INTO ${schema} (one, version) SELECT 1, ${SCHEMA_VERSION} WHERE NOT EXISTS (SELECT 1 FROM ${schema})`,
  ];
}

function literal(text: string): string {
  return `N'${text.replaceAll("'", "''")}'`;
}

function unquoted(name: string): string {
  return name.slice(1, -1).replaceAll("]]", "]");
}
