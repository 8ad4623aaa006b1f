import { field, neverConnected, type Trouble } from "../../failures.ts";

/** Of these MySQL does not say whether the commit came before: shutdowns, lost connections, errors during the commit. */
const UNSURE: ReadonlySet<number> = new Set([1053, 1080, 1105, 1152, 1158, 1159, 1160, 1161, 1180, 1184, 1196, 1927, 4031]);

/** Rolled back, whole or the statement, for the sake of another transaction. */
const AGAIN: ReadonlySet<number> = new Set([1020, 1213]);

const WHAT_HAPPENED: Readonly<Record<number, string>> = {
  1020: "MySQL undid the write because of others at the same time",
  1213: "MySQL undid the write because of others at the same time",
  1205: "A lock in MySQL was not free in time (`innodb_lock_wait_timeout`)",
  1290: "The MySQL database is read-only, as a replica is",
  1792: "The MySQL database is read-only, as a replica is",
  1836: "The MySQL database is read-only, as a replica is",
  1040: "MySQL takes no more connections now",
  1203: "MySQL takes no more connections of this user now",
  1226: "MySQL takes no more connections of this user now",
  1044: "MySQL refused the user, the password or the database's name",
  1045: "MySQL refused the user, the password or the database's name",
  1049: "MySQL refused the user, the password or the database's name",
  1142: "MySQL does not allow this user to use or create the tables",
  1114: "The disk is full, or the MySQL table is as large as it may be",
  1021: "The disk is full, or the MySQL table is as large as it may be",
  1317: "MySQL cancelled the statement",
  1969: "MySQL cancelled the statement (`max_statement_time`)",
  3024: "MySQL cancelled the statement (`max_execution_time`)",
};

const TOO_LARGE = "The session's data is longer than MySQL takes at once (`max_allowed_packet`)";

/** What an error of `mysql2` or `mariadb` means. */
export function mysqlTrouble(error: unknown): Trouble | undefined {
  if (neverConnected(error) || neverHandedOut(error)) {
    return { applied: "no", kind: "other", what: "MySQL could not be reached" };
  }
  const number = field(error, "errno");
  if (isTooLarge(error, number)) return { applied: "no", kind: "other", what: TOO_LARGE, code: "ERR_SESSION_TOO_LARGE" };
  // Numbers below are the system's, and those above the drivers' own.
  if (typeof number !== "number" || number < 1000 || number >= 45_000 || (number >= 2000 && number < 3000)) return undefined;
  const what = WHAT_HAPPENED[number] ?? `The MySQL database failed (${number})`;
  if (UNSURE.has(number)) return { applied: "unknown", kind: "other", what };
  return { applied: "no", kind: kindOf(number), what };
}

function kindOf(number: number): Trouble["kind"] {
  if (AGAIN.has(number)) return "again";
  if (number === 1062) return "duplicate";
  return number === 1146 ? "no table" : "other";
}

/** Said by the server, or by a driver that knows the server's limit. */
function isTooLarge(error: unknown, number: unknown): boolean {
  return number === 1153 || field(error, "code") === "ER_MAX_ALLOWED_PACKET";
}

/** mysql2's pool has no codes for what it says when it has no connection to give. */
function neverHandedOut(error: unknown): boolean {
  if (!(error instanceof Error) || typeof field(error, "errno") === "number") return false;
  return /^(Pool is closed|Queue limit reached|No connections available)/.test(error.message);
}
