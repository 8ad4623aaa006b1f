import { SessionError } from "../../core/errors.ts";
import { isLocked, isUndone, resultOf, wordsFor } from "../sql/dialects/sqlite/results.ts";
import { field } from "../sql/failures.ts";

/** Whether a failed call could have stored something. */
export type Effect = "read" | "write";

const BUSY = "Another connection held the SQLite database's lock for longer than `busyTimeoutMs`";

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
  const applied = effect === "read" || isUndone(result) ? "no" : "unknown";
  return new SessionError("ERR_SESSION_STORE", isLocked(error) ? BUSY : wordsFor(result), { cause: error, applied });
}

/** The error for a row that is there and makes no sense. */
export function unreadable(table: string, problem: string, cause?: unknown): SessionError {
  return new SessionError("ERR_SESSION_UNREADABLE", `A row of the SQLite table "${table}" cannot be read: ${problem}`, {
    cause,
  });
}
