import { SessionError } from "../../core/errors.ts";

/** Whether a failed call could have stored something. */
export type Effect = "read" | "write";

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
  BUSY: "Another connection held the SQLite database's lock for longer than `busyTimeoutMs`",
  READONLY: "The SQLite database is read-only",
  FULL: "The disk is full, or the SQLite database is as large as it may be",
  IOERR: "The SQLite database's file could not be read or written",
  CORRUPT: "The SQLite database's file is damaged; restore it, or see the `.recover` command of the sqlite3 shell",
  CANTOPEN: "The SQLite database's file could not be opened",
  NOTADB: "The file is not a SQLite database",
  TOOBIG: "The session's data is longer than SQLite stores",
};

function field(error: unknown, name: string): unknown {
  return typeof error === "object" && error !== null ? (error as Record<string, unknown>)[name] : undefined;
}

/** The name of SQLite's primary result code, without its prefix, from whichever field the driver puts it in; or undefined. */
export function resultOf(error: unknown): string | undefined {
  const number = field(error, "errcode") ?? field(error, "rawCode");
  if (typeof number === "number") return RESULTS[number & 0xff];
  const code = field(error, "code");
  return typeof code === "string" ? /^SQLITE_([A-Z]+)/.exec(code)?.[1] : undefined;
}

/** True when another connection stood in the way, so that the call may be made again. */
export function isBusy(error: unknown): boolean {
  const result = resultOf(error);
  return result === "BUSY" || result === "LOCKED" || result === "PROTOCOL";
}

/**
 * What a driver threw, as the error of a store.
 *
 * @param effect `read` also for what was rolled back: it surely stored nothing
 */
export function storeFailure(error: unknown, effect: Effect, table: string): SessionError {
  if (error instanceof SessionError) return error;
  // node:sqlite refuses to read an integer that JavaScript cannot hold.
  if (field(error, "code") === "ERR_OUT_OF_RANGE") return unreadable(table, "a number beyond 2^53", error);
  const result = resultOf(error);
  const known = result === undefined ? undefined : WHAT_HAPPENED[isBusy(error) ? "BUSY" : result];
  const applied = effect === "read" || (result !== undefined && UNDONE.has(result)) ? "no" : "unknown";
  return new SessionError(
    "ERR_SESSION_STORE",
    known ?? `The SQLite database failed${result === undefined ? "" : ` (${result})`}`,
    {
      cause: error,
      applied,
    },
  );
}

/** The error for a row that is there and makes no sense. */
export function unreadable(table: string, problem: string, cause?: unknown): SessionError {
  return new SessionError("ERR_SESSION_UNREADABLE", `A row of the SQLite table "${table}" cannot be read: ${problem}`, {
    cause,
  });
}
