import type { TableNames } from "../../names.ts";
import { commonTexts, NOT_REVOKED, READABLE, reading, RECORD, WRITTEN, type Manner } from "../../statements.ts";
import { compileAll, type Bindings, type Compiled, type Place, type StatementName, type Texts } from "../../texts.ts";

// Counts may be switched off for a connection (NOCOUNT); a row for each changed one comes all the same.
const OUTPUT = "OUTPUT inserted.user_epoch AS changed";

/** Held to the end of the statement, so that nothing gets between what it reads and what it writes. */
const LOCKED = "WITH (UPDLOCK, HOLDLOCK)";

const KEYS: ReadonlySet<string> = new Set(["session_handle", "session_version", "user_id"]);

const MANNER: Manner = {
  read: (column) => (KEYS.has(column) ? `CAST(${column} AS nvarchar(255)) AS ${column}` : column),
  update: (set, where) => `UPDATE {sessions} SET ${set}\n${OUTPUT} WHERE ${where}`,
};

/** The columns of a rotation's two rows. */
const COLUMNS = [...WRITTEN.split(", "), "retired_reason"];

const FREE = `NOT EXISTS (SELECT 1 FROM {sessions} AS h ${LOCKED} WHERE h.session_handle = :handle)`;

/** See the other databases' `SWEEP_FRONT`. */
const SWEEP_FRONT = `SELECT TOP (:limit) d.session_handle FROM {sessions} AS d ${LOCKED}
  WHERE d.sweep_at <= :before AND (d.expires_at <= :before OR (${READABLE})) ORDER BY d.sweep_at`;

/** Every statement on SQL Server. A handle that is taken is found by the statement, or is an error, which the store recognises. */
const TEXTS: Texts = {
  ...commonTexts(MANNER),
  create: `INSERT INTO {sessions} (${WRITTEN})
${OUTPUT} SELECT ${RECORD} WHERE ${FREE} AND ${NOT_REVOKED}`,
  // One statement, and so one round trip and one transaction: two rows are made of the old session, its heir and its tombstone,
  // and the tombstone, whose handle is taken, goes onto the old row.
  rotate: `MERGE INTO {sessions} WITH (HOLDLOCK) AS t
USING (
  SELECT CASE p.part WHEN 1 THEN :handle ELSE :old END AS session_handle,
    CASE p.part WHEN 1 THEN :version ELSE :token END AS session_version,
    CASE p.part WHEN 1 THEN :created ELSE s.created_at END AS created_at,
    CASE p.part WHEN 1 THEN :expires ELSE :until END AS expires_at,
    CASE p.part WHEN 1 THEN :user END AS user_id,
    CASE p.part WHEN 1 THEN :epoch ELSE 0 END AS user_epoch,
    CASE p.part WHEN 1 THEN :expires ELSE :until END AS sweep_at,
    CASE p.part WHEN 1 THEN :data ELSE :successor END AS session_data,
    CASE p.part WHEN 2 THEN :reason END AS retired_reason
  FROM {sessions} AS s ${LOCKED} CROSS JOIN (VALUES (1), (2)) AS p (part)
  WHERE s.session_handle = :old AND s.session_version = :expected AND s.retired_reason IS NULL AND ${READABLE}
    AND ${FREE} AND ${NOT_REVOKED}
) AS n ON t.session_handle = n.session_handle
WHEN MATCHED THEN UPDATE SET ${COLUMNS.slice(1)
    .map((column) => `${column} = n.${column}`)
    .join(", ")}
WHEN NOT MATCHED THEN INSERT (${COLUMNS.join(", ")}) VALUES (${COLUMNS.map((column) => `n.${column}`).join(", ")})
${OUTPUT};`,
  list: `SELECT TOP (:limit) ${reading("list", MANNER)} FROM {sessions} s
WHERE s.session_handle > :after AND s.retired_reason IS NULL AND SUBSTRING(s.session_handle, 1, 10) <> CAST(N'lock-' AS varbinary(10))
ORDER BY s.session_handle`,
  advanceEpoch: `MERGE INTO {users} WITH (HOLDLOCK) AS t USING (SELECT :user AS user_id, :least AS user_epoch) AS n ON t.user_id = n.user_id
WHEN MATCHED THEN UPDATE SET user_epoch = CASE WHEN t.user_epoch < n.user_epoch THEN n.user_epoch ELSE t.user_epoch END
WHEN NOT MATCHED THEN INSERT (user_id, user_epoch) VALUES (n.user_id, n.user_epoch)
OUTPUT inserted.user_epoch AS user_epoch;`,
  postpone: `UPDATE {sessions} SET sweep_at = expires_at
${OUTPUT} WHERE expires_at > :before AND session_handle IN (${SWEEP_FRONT})`,
  sweep: `DELETE FROM {sessions}
OUTPUT deleted.user_epoch AS changed WHERE expires_at <= :before AND session_handle IN (${SWEEP_FRONT})`,
};

const TYPES: Readonly<Record<keyof Bindings, string>> = {
  handle: "varbinary(510)",
  old: "varbinary(510)",
  version: "varbinary(510)",
  expected: "varbinary(510)",
  user: "varbinary(510)",
  token: "varbinary(510)",
  after: "varbinary(510)",
  data: "nvarchar(max)",
  successor: "nvarchar(max)",
  reason: "nvarchar(16)",
  created: "bigint",
  expires: "bigint",
  epoch: "bigint",
  until: "bigint",
  before: "bigint",
  limit: "bigint",
  least: "bigint",
};

/** `@1` and so on, each value once, with its type: texts are sent as UTF-16, and keys are the bytes of it. */
const place: Place = (binding, order) => {
  if (!order.includes(binding)) order.push(binding);
  return `CAST(@${order.indexOf(binding) + 1} AS ${TYPES[binding]})`;
};

/** The statements for one table of sessions. */
export function mssqlStatements(names: TableNames): Readonly<Record<StatementName, Compiled>> {
  return compileAll(TEXTS, names, place, ["changed"]);
}
