import { SessionError } from "./errors.ts";

const LONGEST = 255;

/** @throws {SessionError} ERR_SESSION_USAGE for anything but 1 to 255 characters of well-formed text without NUL */
export function checkUserId(userId: unknown): asserts userId is string {
  const sound = typeof userId === "string" && userId.length > 0 && userId.length <= LONGEST;
  if (!sound || userId.includes("\0") || !userId.isWellFormed()) {
    throw new SessionError("ERR_SESSION_USAGE", `A user's id is a text of 1 to ${LONGEST} characters`);
  }
}
