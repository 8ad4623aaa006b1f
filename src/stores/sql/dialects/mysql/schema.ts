import { SCHEMA_VERSION } from "../../migrate.ts";
import { DEFAULT_TABLE, tableNames, type Naming, type TableNames } from "../../names.ts";
import { exact } from "../../statements.ts";

/** MySQL's names have at most 64 characters. */
export const MYSQL_NAMING: Naming = {
  longest: 64,
  quote: (name) => `\`${name.replaceAll("`", "``")}\``,
};

const OPTIONS = "ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET = utf8mb4";

// Keys are bytes: MySQL's texts take "a" for "A" or "a " by their collation, and none that MySQL and MariaDB both have does neither.
// 1020 bytes are 255 characters. Nothing indexes `expires_at`, so that a touch writes the row alone; the sweep goes by `sweep_at`.
function createSessions({ sessions }: TableNames): string {
  return `CREATE TABLE IF NOT EXISTS ${sessions} (
  session_handle VARBINARY(1020) NOT NULL COMMENT 'the hash of the id in the cookie; it opens nothing in a browser',
  session_version VARBINARY(1020) NOT NULL COMMENT 'a random token, new with every write',
  created_at BIGINT NOT NULL COMMENT 'milliseconds since 1970-01-01 00:00 UTC, as every time here',
  expires_at BIGINT NOT NULL,
  user_id VARBINARY(1020) NULL,
  user_epoch BIGINT NOT NULL COMMENT 'below the epoch of the user, the session is revoked',
  retired_reason VARBINARY(16) NULL COMMENT 'ended or rotated; NULL while the session is live',
  sweep_at BIGINT NOT NULL COMMENT 'from this time on a sweep looks at the row; not after expires_at',
  session_data LONGTEXT NOT NULL COMMENT 'as the codec wrote it; once the session is over nothing, or the handle it was rotated to',
  PRIMARY KEY (session_handle),
  KEY by_user (user_id),
  KEY by_sweep (sweep_at),
  CHECK (${exact("created_at")}),
  CHECK (${exact("expires_at")}),
  CHECK (${exact("user_epoch", 0)}),
  CHECK (retired_reason IN ('ended', 'rotated'))
) ${OPTIONS}`;
}

function createReadable({ sessions, readable }: TableNames): string {
  const text = (column: string): string => `CONVERT(${column} USING utf8mb4)`;
  const date = (column: string): string => `TIMESTAMP '1970-01-01 00:00:00' + INTERVAL ${column} * 1000 MICROSECOND`;
  return `CREATE OR REPLACE VIEW ${readable} AS
SELECT ${text("session_handle")} AS session_handle,
  CASE
    WHEN retired_reason IS NOT NULL THEN ${text("retired_reason")}
    WHEN expires_at <= 1000 * UNIX_TIMESTAMP() THEN 'expired'
    ELSE 'live'
  END AS session_state,
  ${date("created_at")} AS created_utc,
  ${date("expires_at")} AS expires_utc,
  ${text("user_id")} AS user_id,
  session_data
FROM ${sessions}`;
}

/** The statements that make the tables. Each may be run by many at once; the version is noted last. */
export function mysqlSchemaStatements(names: TableNames): readonly string[] {
  return [
    `CREATE TABLE IF NOT EXISTS ${names.schema} (one INT NOT NULL PRIMARY KEY, version INT NOT NULL) ${OPTIONS}`,
    createSessions(names),
    `CREATE TABLE IF NOT EXISTS ${names.users} (
  user_id VARBINARY(1020) NOT NULL PRIMARY KEY,
  user_epoch BIGINT NOT NULL COMMENT 'raised when the sessions of the user are revoked',
  CHECK (${exact("user_epoch", 0)})
) ${OPTIONS}`,
    createReadable(names),
    `INSERT INTO ${names.schema} (one, version) VALUES (1, ${SCHEMA_VERSION}) ON DUPLICATE KEY UPDATE one = one`,
  ];
}

/** Which table {@link mysqlSchema} is about. */
export interface MysqlSchemaOptions {
  /** The table of sessions. Default `sojourn_sessions`. */
  readonly table?: string;
}

/**
 * The SQL that makes the tables, for those who keep their schema in files of their own. What is there already stays as it is.
 *
 * @throws {SessionError} `ERR_SESSION_CONFIG` for a name that MySQL does not take
 */
export function mysqlSchema(options: MysqlSchemaOptions = {}): string {
  const names = tableNames({ table: options.table ?? DEFAULT_TABLE, store: "mysqlSchema" }, MYSQL_NAMING);
  return mysqlSchemaStatements(names)
    .map((statement) => `${statement};\n`)
    .join("\n");
}
