import { exact } from "../../statements.ts";

/** The names of what belongs to one table of sessions, quoted. */
interface Names {
  readonly sessions: string;
  readonly users: string;
  readonly schema: string;
  readonly readable: string;
  readonly byUser: string;
  readonly bySweep: string;
}

/** The statements that make one table of sessions, and what belongs to it. */
export interface SqliteTables {
  readonly sessions: string;
  readonly indexes: readonly [byUser: string, bySweep: string];
  readonly users: string;
  readonly readable: string;
  readonly schema: string;
}

/**
 * What SQLite makes the tables with, whoever makes them.
 *
 * @param unlessThere what stands before the names of the table of sessions and its indexes: `IF NOT EXISTS`, or nothing, which stops
 *   where another program's are in the way
 */
export function sqliteTables(names: Names, unlessThere: "" | "IF NOT EXISTS "): SqliteTables {
  return {
    sessions: sessionsTable(names, unlessThere),
    indexes: [
      `CREATE INDEX ${unlessThere}${names.byUser} ON ${names.sessions} (user_id) WHERE user_id IS NOT NULL`,
      `CREATE INDEX ${unlessThere}${names.bySweep} ON ${names.sessions} (sweep_at)`,
    ],
    users: `CREATE TABLE IF NOT EXISTS ${names.users} (
  user_id TEXT NOT NULL PRIMARY KEY,
  user_epoch INTEGER NOT NULL CHECK (${exact("user_epoch", 0)}) -- raised when the user's sessions are revoked
) STRICT, WITHOUT ROWID`,
    readable: readableView(names),
    schema: `CREATE TABLE IF NOT EXISTS ${names.schema} (version INTEGER NOT NULL) STRICT`,
  };
}

// A table with rowids: without them SQLite keeps the data among the keys, and from 2 KB of data on a session takes three times as long
// to find. The data comes last: SQLite reads a row from its beginning, and a large value in the way would have to be walked through.
// The index for the sweep is on a column of its own, which saves and touches leave alone: an index on `expires_at` would have to
// be rewritten by each of them, and a save takes twice as long with it.
function sessionsTable({ sessions }: Names, unlessThere: string): string {
  return `CREATE TABLE ${unlessThere}${sessions} (
  session_handle TEXT NOT NULL PRIMARY KEY, -- the hash of the id in the cookie; it opens nothing in a browser
  session_version TEXT NOT NULL, -- a random token, new with every write
  created_at INTEGER NOT NULL CHECK (${exact("created_at")}), -- milliseconds since 1970-01-01 00:00 UTC, as every time here
  expires_at INTEGER NOT NULL CHECK (${exact("expires_at")}),
  user_id TEXT,
  user_epoch INTEGER NOT NULL CHECK (${exact("user_epoch", 0)}), -- below the user's own, the session is revoked
  retired_reason TEXT CHECK (retired_reason IN ('ended', 'rotated')), -- NULL while the session is live
  sweep_at INTEGER NOT NULL, -- from this time on a sweep looks at the row; not after expires_at
  session_data TEXT NOT NULL -- as the codec wrote it; once the session is over nothing, or the handle it was rotated to
) STRICT`;
}

function readableView({ sessions, readable }: Names): string {
  const date = (column: string): string => `strftime('%Y-%m-%d %H:%M:%S', ${column} / 1000, 'unixepoch')`;
  return `CREATE VIEW IF NOT EXISTS ${readable} AS
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
FROM ${sessions}`;
}
