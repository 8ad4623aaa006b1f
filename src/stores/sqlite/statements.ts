import { lockHandleOf, type SessionHandle } from "../../core/id.ts";
import type { SqliteDatabaseLike, SqliteStatementLike } from "./driver.ts";
import { quote, type TableNames } from "./names.ts";

/** Every statement of the store, prepared once. The comment behind each says what is bound, in order. */
export interface Statements {
  /** handle */
  readonly load: SqliteStatementLike;
  /** handle */
  readonly has: SqliteStatementLike;
  /** handle, version, created, expires, user, epoch, sweep (= expires), data; user, epoch */
  readonly create: SqliteStatementLike;
  /** data, version, expires; handle, expected version, user, epoch, expires; user, epoch */
  readonly save: SqliteStatementLike;
  /** data, version, expires, user, epoch, sweep (= expires); handle */
  readonly replace: SqliteStatementLike;
  /** expires; handle, version, expires */
  readonly touch: SqliteStatementLike;
  /** successor or nothing, token, reason, until, until; handle */
  readonly retire: SqliteStatementLike;
  /** successor or nothing, token, reason, until, until; handle, expected version */
  readonly retireVersion: SqliteStatementLike;
  /** until; handle, until */
  readonly extend: SqliteStatementLike;
  /** after, limit */
  readonly list: SqliteStatementLike;
  /** user */
  readonly sessionsOf: SqliteStatementLike;
  /** user */
  readonly epoch: SqliteStatementLike;
  /** user, at least, at least */
  readonly advanceEpoch: SqliteStatementLike;
  /** before, before, limit; before */
  readonly postpone: SqliteStatementLike;
  /** before, before, limit; before */
  readonly sweep: SqliteStatementLike;
}

function exact(column: string): string {
  return `typeof(${column}) = 'integer' AND ${column} BETWEEN ${-Number.MAX_SAFE_INTEGER} AND ${Number.MAX_SAFE_INTEGER}`;
}

// A row that cannot be read must not be covered up by a write. `save` compares the version, the user and the epoch anyway.
const READABLE_REST = `typeof(session_data) = 'text' AND ${exact("created_at")} AND ${exact("expires_at")}`;
const READABLE = `${READABLE_REST} AND typeof(session_version) = 'text' AND typeof(user_id) IN ('text', 'null') AND ${exact("user_epoch")}`;

/** What `list` and `sessionsOf` give, in order. */
export const LISTED = [
  "session_data",
  "session_version",
  "created_at",
  "expires_at",
  "user_id",
  "user_epoch",
  "session_handle",
] as const;

/** What `load` gives, in order. */
export const LOADED = [...LISTED.slice(0, 6), "retired_reason", "present_epoch"] as const;

/** What `epoch` and `advanceEpoch` give. */
export const EPOCH = ["user_epoch"] as const;

/** Those that give rows. */
const QUERIES: ReadonlySet<keyof Statements> = new Set(["load", "list", "sessionsOf", "epoch", "advanceEpoch"]);

const LOCK_PATTERN = `${lockHandleOf("" as SessionHandle)}*`;

/** The text of every statement. */
export function statementTexts(names: TableNames): Readonly<Record<keyof Statements, string>> {
  const sessions = quote(names.sessions);
  const users = quote(names.users);
  const notRevoked = `NOT EXISTS (SELECT 1 FROM ${users} AS u WHERE u.user_id = ? AND u.user_epoch > ?)`;
  // A record whose reason nobody knows is unreadable, and may be ended.
  const retire = `UPDATE ${sessions} SET session_data = ?, session_version = ?, retired_reason = ?, expires_at = ?, sweep_at = ?,
  created_at = iif(${READABLE}, created_at, 0), user_id = NULL, user_epoch = 0
WHERE session_handle = ? AND (retired_reason IS NULL OR retired_reason NOT IN ('ended', 'rotated'))`;
  // However many are over, no more of them are looked at than go into a batch. One unreadable row must not stop the sweep of others.
  const front = `SELECT rowid FROM ${sessions} WHERE sweep_at <= ? AND (expires_at <= ? OR (${READABLE})) ORDER BY sweep_at LIMIT ?`;
  return {
    load: `SELECT ${LOADED.slice(0, 7).join(", ")},
  (SELECT u.user_epoch FROM ${users} AS u WHERE u.user_id = s.user_id) AS present_epoch
FROM ${sessions} AS s WHERE session_handle = ?`,
    has: `SELECT 1 AS found FROM ${sessions} WHERE session_handle = ?`,
    create: `INSERT INTO ${sessions}
  (session_handle, session_version, created_at, expires_at, user_id, user_epoch, sweep_at, session_data)
SELECT ?, ?, ?, ?, ?, ?, ?, ? WHERE ${notRevoked}
ON CONFLICT (session_handle) DO NOTHING`,
    // The indexed columns are not named after SET, so that no index is rewritten; the rare write that changes one is `replace`.
    save: `UPDATE ${sessions} SET session_data = ?, session_version = ?, expires_at = ?
WHERE session_handle = ? AND session_version = ? AND retired_reason IS NULL
  AND user_id IS ? AND user_epoch = ? AND sweep_at <= ? AND ${READABLE_REST} AND ${notRevoked}`,
    replace: `UPDATE ${sessions} SET session_data = ?, session_version = ?, expires_at = ?, user_id = ?, user_epoch = ?,
  sweep_at = min(sweep_at, ?)
WHERE session_handle = ?`,
    touch: `UPDATE ${sessions} SET expires_at = ?
WHERE session_handle = ? AND session_version = ? AND retired_reason IS NULL AND expires_at < ? AND ${READABLE}`,
    retire,
    retireVersion: `${retire} AND session_version = ?`,
    extend: `UPDATE ${sessions} SET expires_at = ?
WHERE session_handle = ? AND retired_reason IS NOT NULL AND expires_at < ?`,
    list: `SELECT ${LISTED.join(", ")} FROM ${sessions}
WHERE session_handle > ? AND retired_reason IS NULL AND session_handle NOT GLOB '${LOCK_PATTERN}'
ORDER BY session_handle LIMIT ?`,
    sessionsOf: `SELECT ${LISTED.join(", ")} FROM ${sessions}
WHERE user_id = ? AND retired_reason IS NULL ORDER BY session_handle`,
    epoch: `SELECT user_epoch FROM ${users} WHERE user_id = ?`,
    advanceEpoch: `INSERT INTO ${users} (user_id, user_epoch) VALUES (?, ?)
ON CONFLICT (user_id) DO UPDATE SET user_epoch = max(user_epoch, ?) RETURNING user_epoch`,
    postpone: `UPDATE ${sessions} SET sweep_at = expires_at WHERE rowid IN (${front}) AND expires_at > ?`,
    sweep: `DELETE FROM ${sessions} WHERE rowid IN (${front}) AND expires_at <= ?`,
  };
}

/** Prepares every statement; throws the driver's error when the tables are not as expected. */
export function prepareStatements(database: SqliteDatabaseLike, names: TableNames): Statements {
  const texts = Object.entries(statementTexts(names)) as [keyof Statements, string][];
  const statements = texts.map(([name, text]) => {
    const statement = database.prepare(text);
    // Where rows may come as arrays they are faster: node:sqlite's objects have no prototype, and are slow to read.
    if (QUERIES.has(name)) statement.setReturnArrays?.(true);
    return [name, statement] as const;
  });
  return Object.fromEntries(statements) as Record<keyof Statements, SqliteStatementLike>;
}

/** Gives the statements back to drivers that would hold on to the database for their sake. */
export function finalizeStatements(statements: Statements): void {
  for (const statement of Object.values<SqliteStatementLike>({ ...statements })) statement.finalize?.();
}
