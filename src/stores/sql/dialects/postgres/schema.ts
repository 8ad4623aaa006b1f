import { SCHEMA_VERSION } from "../../migrate.ts";
import { DEFAULT_TABLE, tableNames, type Naming, type TableNames } from "../../names.ts";
import { exact } from "../../statements.ts";

/** PostgreSQL cuts longer names off in silence. */
export const POSTGRES_NAMING: Naming = {
  longest: 63,
  quote: (name) => `"${name.replaceAll('"', '""')}"`,
};

// A quarter of each page stays free, so that a row which is written again finds room beside itself, and no index has to know
// ("heap-only tuples"). That needs columns whose changes no index sees: `expires_at` has none, and the sweep goes by `sweep_at`.
function createSessions({ sessions }: TableNames): string {
  return `CREATE TABLE IF NOT EXISTS ${sessions} (
  session_handle text COLLATE "C" NOT NULL PRIMARY KEY, -- the hash of the id in the cookie; it opens nothing in a browser
  session_version text COLLATE "C" NOT NULL, -- a random token, new with every write
  created_at bigint NOT NULL CHECK (${exact("created_at")}), -- milliseconds since 1970-01-01 00:00 UTC, as every time here
  expires_at bigint NOT NULL CHECK (${exact("expires_at")}),
  sweep_at bigint NOT NULL, -- from this time on a sweep looks at the row; not after expires_at
  user_epoch bigint NOT NULL CHECK (${exact("user_epoch", 0)}), -- below the user's own, the session is revoked
  user_id text COLLATE "C",
  retired_reason text CHECK (retired_reason IN ('ended', 'rotated')), -- NULL while the session is live
  session_data text NOT NULL -- as the codec wrote it; once the session is over nothing, or the handle it was rotated to
) WITH (fillfactor = 75, autovacuum_vacuum_scale_factor = 0.05)`;
}

function createReadable({ sessions, readable }: TableNames): string {
  return `CREATE OR REPLACE VIEW ${readable} AS
SELECT session_handle,
  CASE
    WHEN retired_reason IS NOT NULL THEN retired_reason
    WHEN expires_at <= 1000 * extract(epoch FROM now()) THEN 'expired'
    ELSE 'live'
  END AS session_state,
  timestamp '1970-01-01 00:00' + created_at * interval '1 millisecond' AS created_utc,
  timestamp '1970-01-01 00:00' + expires_at * interval '1 millisecond' AS expires_utc,
  user_id,
  session_data
FROM ${sessions}`;
}

/** The statements that make the tables. Run as one transaction. */
export function postgresSchemaStatements(names: TableNames): readonly string[] {
  return [
    // Even `IF NOT EXISTS` fails when two processes create the same table at the same moment. The number is this lock's name.
    "SELECT pg_advisory_xact_lock(8390880602277372270)",
    createSessions(names),
    `CREATE INDEX IF NOT EXISTS ${names.byUser} ON ${names.sessions} (user_id) WHERE user_id IS NOT NULL`,
    `CREATE INDEX IF NOT EXISTS ${names.bySweep} ON ${names.sessions} (sweep_at)`,
    `CREATE TABLE IF NOT EXISTS ${names.users} (
  user_id text COLLATE "C" NOT NULL PRIMARY KEY,
  user_epoch bigint NOT NULL CHECK (${exact("user_epoch", 0)}) -- raised when the user's sessions are revoked
)`,
    createReadable(names),
    `CREATE TABLE IF NOT EXISTS ${names.schema} (one integer NOT NULL PRIMARY KEY CHECK (one = 1), version integer NOT NULL)`,
    `INSERT INTO ${names.schema} (one, version) VALUES (1, ${SCHEMA_VERSION}) ON CONFLICT (one) DO NOTHING`,
  ];
}

/** Which table {@link postgresSchema} is about. */
export interface PostgresSchemaOptions {
  /** The table of sessions. Default `sojourn_sessions`. */
  readonly table?: string;
  /** The schema that it is in. Default: the first of the connection's `search_path`. */
  readonly schema?: string;
}

/**
 * The SQL that makes the tables, as one transaction, for those who keep their schema in files of their own. What is there already
 * stays as it is.
 *
 * @throws {SessionError} `ERR_SESSION_CONFIG` for a name that PostgreSQL does not take
 */
export function postgresSchema(options: PostgresSchemaOptions = {}): string {
  const { table = DEFAULT_TABLE, schema } = options;
  const names = tableNames({ table, schema, store: "postgresSchema" }, POSTGRES_NAMING);
  return ["BEGIN", ...postgresSchemaStatements(names), "COMMIT"].map((statement) => `${statement};\n`).join("\n");
}
