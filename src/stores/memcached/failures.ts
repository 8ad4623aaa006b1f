import { SessionError } from "../../core/errors.ts";
import type { Reply } from "./replies.ts";

/** A connection ended before a request that had been sent was answered. */
export class LostReply extends Error {
  override readonly name = "LostReply";
  /** True when the connection was given up because nothing came for too long. */
  readonly late: boolean;

  constructor(cause: Error | undefined, late: boolean) {
    super(late ? "Memcached did not answer in time" : "The connection to Memcached ended before the reply came", { cause });
    this.late = late;
  }
}

/** The error for a call that surely stored nothing. */
export function notStored(what: string, cause?: unknown): SessionError {
  return new SessionError("ERR_SESSION_STORE", what, { cause, applied: "no" });
}

/** The error for a write whose reply was lost; others pass. */
export function afterWriting(error: unknown): unknown {
  if (!(error instanceof LostReply)) return error;
  return new SessionError("ERR_SESSION_STORE", error.message, { cause: error });
}

/** The error for what is there and makes no sense. */
export function unreadable(problem: string): SessionError {
  return new SessionError("ERR_SESSION_UNREADABLE", `A session in Memcached cannot be read: ${problem}`);
}

/** What the server says, after `SERVER_ERROR`, when it surely stored nothing. */
const OUT_OF_MEMORY = /^out of memory/i;
const TOO_LARGE = /^object too large/i;

/** The cause of the error for an item that the server has no room for. */
export class OutOfMemory extends Error {
  override readonly name = "OutOfMemory";
}

/** @throws {SessionError} for a `SERVER_ERROR`; what it was that the server could not do is unknown unless it is one of two */
export function checkReply(reply: Reply): void {
  if (reply.code !== "SERVER_ERROR") return;
  const problem = reply.words.join(" ");
  if (TOO_LARGE.test(problem)) {
    throw new SessionError(
      "ERR_SESSION_TOO_LARGE",
      "The session is larger than the items that Memcached takes (`-I`, 1 MB by default); the stored one was left as it is",
    );
  }
  if (OUT_OF_MEMORY.test(problem)) {
    throw notStored(
      "Memcached has no memory for an item of this size, and none that it may let go",
      new OutOfMemory(problem),
    );
  }
  throw new SessionError("ERR_SESSION_STORE", "Memcached could not carry out the command");
}
