import type { TableNames } from "../../names.ts";
import { commonTexts, NOT_REVOKED, READABLE, reading, RECORD, SWEEP_FRONT, WRITTEN, type Manner } from "../../statements.ts";
import { compileAll, questionMark, type Compiled, type StatementName, type Texts } from "../../texts.ts";

// Drivers differ in what they say about changes, and some say nothing; a row for each, they all give.
const RETURNING = "RETURNING 1 AS changed";

const MANNER: Manner = { update: (set, where) => `UPDATE {sessions} SET ${set}\nWHERE ${where} ${RETURNING}` };

/** What a rotation writes onto the old session: the tombstone, which was to be inserted and whose handle is taken. */
const ONTO = [
  ...["session_data", "expires_at", "sweep_at", "user_id", "user_epoch", "retired_reason", "session_version"],
].map((column) => `${column} = excluded.${column}`);

/** Every statement on SQLite. */
const TEXTS: Texts = {
  ...commonTexts(MANNER),
  create: `INSERT INTO {sessions} (${WRITTEN}) SELECT ${RECORD} WHERE ${NOT_REVOKED}
ON CONFLICT (session_handle) DO NOTHING ${RETURNING}`,
  // One statement, and so one transaction where there are no others: two rows are made of the old session, its heir and its
  // tombstone, and the tombstone goes onto the old row. SQLite reads to the end before it writes to a table that it reads from.
  rotate: `WITH going AS MATERIALIZED (
  SELECT created_at FROM {sessions}
  WHERE session_handle = :old AND session_version = :expected AND retired_reason IS NULL AND ${READABLE}
    AND NOT EXISTS (SELECT 1 FROM {sessions} h WHERE h.session_handle = :handle) AND ${NOT_REVOKED}
)
INSERT INTO {sessions} (${WRITTEN}, retired_reason)
SELECT ${RECORD}, NULL FROM going
UNION ALL
SELECT :old, :token, created_at, :until, NULL, 0, :until, :successor, :reason FROM going WHERE TRUE
ON CONFLICT (session_handle) DO UPDATE SET ${ONTO.join(", ")} ${RETURNING}`,
  // SQLite's LIKE takes capitals for small letters.
  list: `SELECT ${reading("list")} FROM {sessions}
WHERE session_handle > :after AND retired_reason IS NULL AND session_handle NOT GLOB 'lock-*'
ORDER BY session_handle LIMIT :limit`,
  advanceEpoch: `INSERT INTO {users} (user_id, user_epoch) VALUES (:user, :least)
ON CONFLICT (user_id) DO UPDATE SET user_epoch = max(user_epoch, excluded.user_epoch) RETURNING user_epoch`,
  postpone: `UPDATE {sessions} SET sweep_at = expires_at
WHERE session_handle IN (${SWEEP_FRONT}) AND expires_at > :before ${RETURNING}`,
  sweep: `DELETE FROM {sessions} WHERE session_handle IN (${SWEEP_FRONT}) AND expires_at <= :before ${RETURNING}`,
};

/** The statements for one table of sessions. */
export function sqliteStatements(names: TableNames): Readonly<Record<StatementName, Compiled>> {
  return compileAll(TEXTS, names, questionMark, ["changed"]);
}
