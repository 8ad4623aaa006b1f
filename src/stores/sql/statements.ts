import type { Texts } from "./texts.ts";

const LARGEST = Number.MAX_SAFE_INTEGER;

/** A column with a time, or an epoch, that JavaScript reads exactly. */
export function exact(column: string, least: number = -LARGEST): string {
  return `${column} BETWEEN ${least} AND ${LARGEST}`;
}

/** A row that cannot be read must not be covered up by a write. */
export const READABLE = `${exact("created_at")} AND ${exact("expires_at")} AND ${exact("user_epoch", 0)}`;

/** True unless the user was revoked after the epoch that the record brings. */
export const NOT_REVOKED = "NOT EXISTS (SELECT 1 FROM {users} u WHERE u.user_id = :user AND u.user_epoch > :epoch)";

/** What makes a tombstone of a record. Its columns are named in this order because MySQL sees each change at once. */
export const BURY = `created_at = CASE WHEN ${READABLE} THEN created_at ELSE 0 END, session_data = :successor,
  expires_at = :until, sweep_at = :until, user_id = NULL, user_epoch = 0, retired_reason = :reason, session_version = :token`;

// A record whose reason nobody knows is unreadable, and may be ended.
const RETIRE = `UPDATE {sessions} SET ${BURY}
WHERE session_handle = :handle AND (retired_reason IS NULL OR retired_reason NOT IN ('ended', 'rotated'))`;

/** The columns of a record, in the order that they are read. `list` adds the handle, `load` the tombstone and the user's epoch. */
const RECORD = "session_data, session_version, created_at, expires_at, user_id, user_epoch";

/** The columns of a record, in the order that they are written. */
export const WRITTEN =
  "session_handle, session_version, created_at, expires_at, user_id, user_epoch, sweep_at, session_data";

/** The statements that are the same in every database. */
export const COMMON = {
  load: `SELECT ${RECORD}, retired_reason, (SELECT u.user_epoch FROM {users} u WHERE u.user_id = s.user_id) AS present_epoch
FROM {sessions} s WHERE s.session_handle = :handle`,
  has: "SELECT 1 FROM {sessions} WHERE session_handle = :handle",
  // `sweep_at` moves only when the deadline falls behind it: a column that is set to what it was is rewritten in no index.
  save: `UPDATE {sessions} SET sweep_at = LEAST(sweep_at, :expires), session_data = :data, expires_at = :expires,
  user_id = :user, user_epoch = :epoch, session_version = :version
WHERE session_handle = :handle AND session_version = :expected AND retired_reason IS NULL AND ${READABLE} AND ${NOT_REVOKED}`,
  touch: `UPDATE {sessions} SET expires_at = :expires
WHERE session_handle = :handle AND session_version = :expected AND retired_reason IS NULL AND expires_at < :expires AND ${READABLE}`,
  retire: RETIRE,
  retireVersion: `${RETIRE} AND session_version = :expected`,
  extend: `UPDATE {sessions} SET expires_at = :until
WHERE session_handle = :handle AND retired_reason IN ('ended', 'rotated') AND expires_at < :until`,
  list: `SELECT ${RECORD}, session_handle FROM {sessions}
WHERE session_handle > :after AND retired_reason IS NULL AND session_handle NOT LIKE 'lock-%'
ORDER BY session_handle LIMIT :limit`,
  sessionsOf: `SELECT ${RECORD}, session_handle FROM {sessions}
WHERE user_id = :user AND retired_reason IS NULL ORDER BY session_handle`,
  epoch: "SELECT user_epoch FROM {users} WHERE user_id = :user",
} as const satisfies Partial<Texts>;
