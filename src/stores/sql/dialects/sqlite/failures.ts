import { field, type Trouble } from "../../failures.ts";
import { isBusy, isLocked, isUndone, resultOf, wordsFor } from "./results.ts";

/** What an error of a driver of SQLite means. */
export function sqliteTrouble(error: unknown): Trouble | undefined {
  // Drivers refuse to read an integer that JavaScript cannot hold.
  if (field(error, "code") === "ERR_OUT_OF_RANGE" || error instanceof RangeError) {
    const what = "A row of the SQLite table of sessions cannot be read: a number beyond 2^53";
    return { applied: "unknown", kind: "other", what, code: "ERR_SESSION_UNREADABLE" };
  }
  const result = resultOf(error);
  const what = isLocked(error) ? "Another connection held the SQLite database's lock" : wordsFor(result);
  // SQLite has no code for it, and some drivers pass on nothing but its words.
  if ((result === undefined || result === "ERROR") && /\bno such table\b/.test(String(field(error, "message")))) {
    return { applied: "no", kind: "no table", what };
  }
  if (result === undefined) return undefined;
  if (result === "TOOBIG") return { applied: "no", kind: "other", what, code: "ERR_SESSION_TOO_LARGE" };
  return { applied: isUndone(result) ? "no" : "unknown", kind: isBusy(error) ? "again" : "other", what };
}
