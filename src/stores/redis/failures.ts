import { isSessionError, SessionError } from "../../core/errors.ts";

/** The server's error codes after which nothing was stored: a script checks them before its first write, or never begins. */
const REFUSED: Readonly<Record<string, string>> = {
  OOM: "Redis is out of memory (`maxmemory`), and its policy lets nothing go",
  READONLY: "Redis is a read-only replica; connect through Sentinel or the cluster, or to the master",
  LOADING: "Redis is loading its data after a start",
  MASTERDOWN: "Redis lost its master",
  CLUSTERDOWN: "The Redis cluster is down, or has no node for the session's slot",
  TRYAGAIN: "The Redis cluster is moving the session's slot",
  MOVED: "The Redis cluster's slots are moving; is the client a cluster client?",
  ASK: "The Redis cluster's slots are moving; is the client a cluster client?",
  CROSSSLOT: "The Redis cluster client sent keys of several slots",
  NOREPLICAS: "Redis has fewer replicas than `min-replicas-to-write`",
  MISCONF: "Redis cannot write its file, and refuses writes",
  BUSY: "Redis is busy with somebody's script",
  NOAUTH: "Redis wants a password",
  WRONGPASS: "Redis refused the user or the password",
  NOPERM: "Redis does not let this user run the store's scripts or touch its keys",
};

/** Errors of node-redis for a command that it never sent. */
const UNSENT: ReadonlySet<string> = new Set(["ClientClosedError", "ClientOfflineError"]);

/**
 * What a client rejected with: as a `SessionError` where it is sure that nothing was stored, else as it is, since a lost reply says
 * nothing about the call.
 */
export function redisFailure(error: unknown): unknown {
  if (isSessionError(error) || !(error instanceof Error)) return error;
  if (UNSENT.has(error.constructor.name)) {
    return new SessionError("ERR_SESSION_STORE", "There is no connection to Redis", { cause: error, applied: "no" });
  }
  if (error.message.includes("WRONGTYPE")) return unreadable("a key of the store holds something else", error);
  // Before Redis 7, and after too many redirections, the code stands behind words of the server's or the client's own.
  const known = error.message
    .match(/\b[A-Z]{3,}\b/g)
    ?.map((word) => REFUSED[word])
    .find((what) => what !== undefined);
  return known === undefined ? error : new SessionError("ERR_SESSION_STORE", known, { cause: error, applied: "no" });
}

/** The error for what is there and makes no sense. */
export function unreadable(problem: string, cause?: unknown): SessionError {
  return new SessionError("ERR_SESSION_UNREADABLE", `A session in Redis cannot be read: ${problem}`, { cause });
}
