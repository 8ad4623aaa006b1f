import type { StatementName, Texts } from "./texts.ts";

const LARGEST = Number.MAX_SAFE_INTEGER;

/** A column with a time, or an epoch, that JavaScript reads exactly. */
export function exact(column: string, least: number = -LARGEST): string {
  return `${column} BETWEEN ${least} AND ${LARGEST}`;
}

/** A row that cannot be read must not be covered up by a write. */
export const READABLE = `${exact("created_at")} AND ${exact("expires_at")} AND ${exact("user_epoch", 0)}`;

/**
 * What a sweep looks at: however many are over or were renewed, no more than go into a batch. One unreadable row must not stop the sweep
 * of the others.
 */
export const SWEEP_FRONT = `SELECT session_handle FROM {sessions}
  WHERE sweep_at <= :before AND (expires_at <= :before OR (${READABLE})) ORDER BY sweep_at LIMIT :limit`;

/** True unless the user was revoked after the epoch that the record brings. */
export const NOT_REVOKED = "NOT EXISTS (SELECT 1 FROM {users} u WHERE u.user_id = :user AND u.user_epoch > :epoch)";

/** What makes a tombstone of a record. Its columns are named in this order because MySQL sees each change at once. */
export const BURY = `created_at = CASE WHEN ${READABLE} THEN created_at ELSE 0 END, session_data = :successor,
  expires_at = :until, sweep_at = :until, user_id = NULL, user_epoch = 0, retired_reason = :reason, session_version = :token`;

/** The columns of a record, in the order that they are read. */
const READ = ["session_data", "session_version", "created_at", "expires_at", "user_id", "user_epoch"] as const;

/** The columns that each statement gives, in their order; what is not here gives none. */
export const COLUMNS: Readonly<Partial<Record<StatementName, readonly string[]>>> = {
  load: [...READ, "retired_reason", "present_epoch"],
  has: ["found"],
  list: [...READ, "session_handle"],
  sessionsOf: [...READ, "session_handle"],
  epoch: ["user_epoch"],
  advanceEpoch: ["user_epoch"],
};

/** The columns of a record, in the order that they are written. */
export const WRITTEN =
  "session_handle, session_version, created_at, expires_at, user_id, user_epoch, sweep_at, session_data";

/** The values that are written in them. */
export const RECORD = ":handle, :version, :created, :expires, :user, :epoch, :expires, :data";

/** What a database says in a way of its own in the statements that are else the same. */
export interface Manner {
  /** A column as it is read, under its own name. Default: as it is. */
  readonly read?: (column: string) => string;
  /** An update of sessions. Default: without a word on what it changed, which the drivers tell. */
  readonly update?: (set: string, where: string) => string;
}

/** The columns that `statement` gives, as a database reads them from the table of sessions. */
export function reading(statement: "load" | "list" | "sessionsOf", { read = (column) => column }: Manner = {}): string {
  const columns = (COLUMNS[statement] ?? []).filter((column) => column !== "present_epoch");
  return columns.map(read).join(", ");
}

/** The statements that are the same in every database, but for its {@link Manner}. */
export function commonTexts(manner: Manner = {}) {
  const update = manner.update ?? ((set, where) => `UPDATE {sessions} SET ${set}\nWHERE ${where}`);
  // A record whose reason nobody knows is unreadable, and may be ended.
  const standing = "session_handle = :handle AND (retired_reason IS NULL OR retired_reason NOT IN ('ended', 'rotated'))";
  const live = "session_handle = :handle AND session_version = :expected AND retired_reason IS NULL";
  return {
    load: `SELECT ${reading("load", manner)}, (SELECT u.user_epoch FROM {users} u WHERE u.user_id = s.user_id) AS present_epoch
FROM {sessions} s WHERE s.session_handle = :handle`,
    has: "SELECT 1 AS found FROM {sessions} WHERE session_handle = :handle",
    // `sweep_at` moves only when the deadline falls behind it: a column that is set to what it was is rewritten in no index.
    save: update(
      `sweep_at = CASE WHEN sweep_at > :expires THEN :expires ELSE sweep_at END, session_data = :data, expires_at = :expires,
  user_id = :user, user_epoch = :epoch, session_version = :version`,
      `${live} AND ${READABLE} AND ${NOT_REVOKED}`,
    ),
    touch: update("expires_at = :expires", `${live} AND expires_at < :expires AND ${READABLE}`),
    retire: update(BURY, standing),
    retireVersion: update(BURY, `${standing} AND session_version = :expected`),
    extend: update(
      "expires_at = :until",
      "session_handle = :handle AND retired_reason IN ('ended', 'rotated') AND expires_at < :until",
    ),
    list: `SELECT ${reading("list", manner)} FROM {sessions}
WHERE session_handle > :after AND retired_reason IS NULL AND session_handle NOT LIKE 'lock-%'
ORDER BY session_handle LIMIT :limit`,
    sessionsOf: `SELECT ${reading("sessionsOf", manner)} FROM {sessions} s
WHERE user_id = :user AND retired_reason IS NULL ORDER BY s.session_handle`,
    epoch: "SELECT user_epoch FROM {users} WHERE user_id = :user",
  } as const satisfies Partial<Texts>;
}
