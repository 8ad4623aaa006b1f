import type { TableNames } from "../../names.ts";
import { commonTexts, NOT_REVOKED, READABLE, RECORD, SWEEP_FRONT, WRITTEN } from "../../statements.ts";
import { compileAll, questionMark, type Compiled, type StatementName, type Texts } from "../../texts.ts";

/** What a rotation writes onto the old session; the new one, which is inserted, is left alone. */
function onto(column: string, value: string): string {
  return `${column} = IF({sessions}.session_handle = :old AND {sessions}.session_version = :expected, ${value}, {sessions}.${column})`;
}

/** Every statement of the MySQL and MariaDB store. A handle that is taken is an error, which the store recognises. */
const TEXTS: Texts = {
  ...commonTexts(),
  create: `INSERT INTO {sessions} (${WRITTEN}) SELECT ${RECORD} FROM DUAL WHERE ${NOT_REVOKED}`,
  // One statement, and so one round trip and one transaction: two rows are made of the old session, its heir and its tombstone,
  // and the tombstone, whose handle is taken, goes onto the old row. The version is changed last, as each change is seen at once.
  rotate: `INSERT INTO {sessions} (${WRITTEN}, retired_reason)
SELECT IF(p.part = 1, :handle, :old), IF(p.part = 1, :version, :token), IF(p.part = 1, :created, s.created_at),
  IF(p.part = 1, :expires, :until), IF(p.part = 1, :user, NULL), IF(p.part = 1, :epoch, 0), IF(p.part = 1, :expires, :until),
  IF(p.part = 1, :data, :successor), IF(p.part = 1, NULL, :reason)
FROM {sessions} s CROSS JOIN (SELECT 1 AS part UNION ALL SELECT 2 AS part) p
WHERE s.session_handle = :old AND s.session_version = :expected AND s.retired_reason IS NULL AND ${READABLE}
  AND NOT EXISTS (SELECT 1 FROM {sessions} h WHERE h.session_handle = :handle) AND ${NOT_REVOKED}
FOR UPDATE
ON DUPLICATE KEY UPDATE ${[
    onto("session_data", ":successor"),
    onto("expires_at", ":until"),
    onto("sweep_at", ":until"),
    onto("user_id", "NULL"),
    onto("user_epoch", "0"),
    onto("retired_reason", ":reason"),
    onto("session_version", ":token"),
  ].join(",\n  ")}`,
  // The new epoch comes back as the "insert id", because an update returns no rows here.
  advanceEpoch: `INSERT INTO {users} (user_id, user_epoch) VALUES (:user, LAST_INSERT_ID(CAST(:least AS SIGNED)))
ON DUPLICATE KEY UPDATE user_epoch = LAST_INSERT_ID(GREATEST(user_epoch, CAST(:least AS SIGNED)))`,
  // Joined, as a subquery of the table that is written may have no limit here.
  postpone: `UPDATE {sessions} s JOIN (${SWEEP_FRONT}) f ON f.session_handle = s.session_handle
SET s.sweep_at = s.expires_at WHERE s.expires_at > :before`,
  sweep: `DELETE s FROM {sessions} s JOIN (${SWEEP_FRONT}) f ON f.session_handle = s.session_handle
WHERE s.expires_at <= :before`,
};

/** The statements for one table of sessions. */
export function mysqlStatements(names: TableNames): Readonly<Record<StatementName, Compiled>> {
  return compileAll(TEXTS, names, questionMark);
}
