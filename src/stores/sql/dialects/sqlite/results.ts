import { field } from "../../failures.ts";

/** SQLite's primary result codes, by number. */
const RESULTS: Readonly<Record<number, string>> = {
  1: "ERROR",
  2: "INTERNAL",
  3: "PERM",
  4: "ABORT",
  5: "BUSY",
  6: "LOCKED",
  7: "NOMEM",
  8: "READONLY",
  9: "INTERRUPT",
  10: "IOERR",
  11: "CORRUPT",
  13: "FULL",
  14: "CANTOPEN",
  15: "PROTOCOL",
  17: "SCHEMA",
  18: "TOOBIG",
  19: "CONSTRAINT",
  20: "MISMATCH",
  21: "MISUSE",
  23: "AUTH",
  25: "RANGE",
  26: "NOTADB",
};

/** After one of these the statement was undone, or never began. Not so after an I/O error, which may come from the commit itself. */
const UNDONE: ReadonlySet<string> = new Set([
  ...["ERROR", "PERM", "ABORT", "BUSY", "LOCKED", "NOMEM", "READONLY", "INTERRUPT", "FULL", "CANTOPEN", "PROTOCOL"],
  ...["SCHEMA", "TOOBIG", "CONSTRAINT", "MISMATCH", "MISUSE", "AUTH", "RANGE", "NOTADB"],
]);

const WHAT_HAPPENED: Readonly<Record<string, string>> = {
  READONLY: "The SQLite database is read-only",
  SCHEMA: "Another connection was changing the SQLite database's tables",
  FULL: "The disk is full, or the SQLite database is as large as it may be",
  IOERR: "The SQLite database's file could not be read or written",
  CORRUPT: "The SQLite database's file is damaged; restore it, or see the `.recover` command of the sqlite3 shell",
  CANTOPEN: "The SQLite database's file could not be opened",
  NOTADB: "The file is not a SQLite database",
  TOOBIG: "The session's data is longer than SQLite stores",
};

/** The name of SQLite's primary result code, without its prefix, from whichever field the driver puts it in; or undefined. */
export function resultOf(error: unknown): string | undefined {
  const number = field(error, "errcode") ?? field(error, "rawCode");
  if (typeof number === "number") return RESULTS[number & 0xff];
  const code = field(error, "code");
  return typeof code === "string" ? /^SQLITE_([A-Z]+)/.exec(code)?.[1] : undefined;
}

/** True when another connection stood in the way, so that the call may be made again. */
export function isBusy(error: unknown): boolean {
  return isLocked(error) || resultOf(error) === "SCHEMA";
}

/** True when another connection held the lock. */
export function isLocked(error: unknown): boolean {
  return ["BUSY", "LOCKED", "PROTOCOL"].includes(resultOf(error) ?? "");
}

/** True for a result after which nothing was stored. */
export function isUndone(result: string | undefined): boolean {
  return result !== undefined && UNDONE.has(result);
}

/** In words; the result's own name for those that have none. */
export function wordsFor(result: string | undefined): string {
  const known = result === undefined ? undefined : WHAT_HAPPENED[result];
  return known ?? `The SQLite database failed${result === undefined ? "" : ` (${result})`}`;
}
