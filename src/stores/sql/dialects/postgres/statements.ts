import type { TableNames } from "../../names.ts";
import { BURY, commonTexts, NOT_REVOKED, READABLE, RECORD, SWEEP_FRONT, WRITTEN } from "../../statements.ts";
import { compileAll, type Bindings, type Compiled, type StatementName, type Texts } from "../../texts.ts";

/** Every statement of the PostgreSQL store. */
const TEXTS: Texts = {
  ...commonTexts(),
  create: `INSERT INTO {sessions} (${WRITTEN}) SELECT ${RECORD} WHERE ${NOT_REVOKED}
ON CONFLICT (session_handle) DO NOTHING`,
  // One statement is one transaction: if the new handle is taken after all, the old session is not ended.
  rotate: `WITH ended AS (
  UPDATE {sessions} SET ${BURY}
  WHERE session_handle = :old AND session_version = :expected AND retired_reason IS NULL AND ${READABLE}
    AND NOT EXISTS (SELECT 1 FROM {sessions} h WHERE h.session_handle = :handle) AND ${NOT_REVOKED}
  RETURNING 1
)
INSERT INTO {sessions} (${WRITTEN}) SELECT ${RECORD} FROM ended`,
  advanceEpoch: `INSERT INTO {users} AS u (user_id, user_epoch) VALUES (:user, :least)
ON CONFLICT (user_id) DO UPDATE SET user_epoch = GREATEST(u.user_epoch, :least) RETURNING user_epoch`,
  // Rows that somebody else is at are left to them.
  postpone: `UPDATE {sessions} SET sweep_at = expires_at
WHERE session_handle = ANY (ARRAY(${SWEEP_FRONT} FOR UPDATE SKIP LOCKED)) AND expires_at > :before`,
  sweep: `DELETE FROM {sessions}
WHERE session_handle = ANY (ARRAY(${SWEEP_FRONT} FOR UPDATE SKIP LOCKED)) AND expires_at <= :before`,
};

const NUMBERS: ReadonlySet<keyof Bindings> = new Set<keyof Bindings>([
  ...(["created", "expires", "epoch", "until", "before", "limit", "least"] as const),
]);

/** `$1` and so on, each value once, with its type: PostgreSQL would else guess it from the first place where it stands. */
function place(binding: keyof Bindings, order: (keyof Bindings)[]): string {
  if (!order.includes(binding)) order.push(binding);
  return `CAST($${order.indexOf(binding) + 1} AS ${NUMBERS.has(binding) ? "bigint" : "text"})`;
}

/** The statements for one table of sessions. */
export function postgresStatements(names: TableNames): Readonly<Record<StatementName, Compiled>> {
  return compileAll(TEXTS, names, place);
}
