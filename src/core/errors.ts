/** One row of the table of errors: what went wrong and what to do, in words that are safe to show to an operator. */
interface ErrorEntry {
  /** The HTTP status that an adapter answers with. */
  readonly status: number;
  readonly title: string;
  readonly fix: string;
}

/**
 * Every error that sojourn throws, with its status, its title and its fix. Codes are stable: one is never reused for another
 * meaning. `docs/reference/errors.md` has an entry for each, checked both ways.
 */
export const ERROR_TABLE = {
  ERR_SESSION_CONFIG: {
    status: 500,
    title: "The configuration cannot work",
    fix: "Change the option that the message names; `sojourn doctor` checks a whole configuration.",
  },
  ERR_SESSION_NOT_ATTACHED: {
    status: 500,
    title: "No session middleware ran for this request",
    fix: "Mount the adapter before the handler, and ask with the request object that the framework passed it.",
  },
  ERR_SESSION_NOT_LOADED: {
    status: 500,
    title: "The session was used before it was loaded",
    fix: 'Await `session.load()` first, or configure `load: "always"`.',
  },
  ERR_SESSION_DATA: {
    status: 500,
    title: "The session's data cannot be stored",
    fix: "Keep to plain objects, arrays, strings, finite numbers, booleans and null, or configure a codec for richer values.",
  },
  ERR_SESSION_TOO_LARGE: {
    status: 500,
    title: "The session's data is too large",
    fix: "Store less, or raise `maxBytes` (a cookie store: `maxCookieBytes`, within what browsers and servers take).",
  },
  ERR_SESSION_INVALID: {
    status: 500,
    title: "The session's data does not match its schema",
    fix: "Change the data or the schema; nothing was stored.",
  },
  ERR_SESSION_GONE: {
    status: 400,
    title: "The session was ended before the request completed",
    fix: 'Nothing was stored. The visitor may have logged out in another request; `onGone: "drop"` lets the response pass.',
  },
  ERR_SESSION_CONFLICT: {
    status: 409,
    title: "Another request changed the same value",
    fix: "Use `session.update()`, or declare a merge for the key other than `reject`.",
  },
  ERR_SESSION_CONTENTION: {
    status: 503,
    title: "The session is written by too many requests at once",
    fix: "Try again; nothing was stored. If it recurs, write less often or raise `contentionSeconds`.",
  },
  ERR_SESSION_LOCKED: {
    status: 503,
    title: "The session's lock is held by another request",
    fix: "Try again, or wait longer with `waitSeconds`.",
  },
  ERR_SESSION_LOCK_LOST: {
    status: 503,
    title: "The session's lock ran out before the work was done",
    fix: "Nothing was stored. Hold the lock longer with `holdSeconds`, or do less under it.",
  },
  ERR_SESSION_OUTCOME_UNKNOWN: {
    status: 503,
    title: "Whether the session was stored cannot be known",
    fix: "Load the session again before you decide; the write is not repeated, because it might count twice.",
  },
  ERR_SESSION_STORE: {
    status: 503,
    title: "The session store failed",
    fix: "See the cause; the session was not changed by this call unless `applied` says otherwise.",
  },
  ERR_SESSION_READ_ONLY: {
    status: 503,
    title: "The session store takes no changes now",
    fix: "Nothing was stored. Try again; the cause says why the store refuses writes.",
  },
  ERR_SESSION_UNREADABLE: {
    status: 503,
    title: "The stored session cannot be read",
    fix: "The record was left as it is. Restore the key, the codec or the schema that wrote it, or revoke it.",
  },
  ERR_SESSION_HEADERS_SENT: {
    status: 500,
    title: "The response's headers have left, so no cookie can be set",
    fix: "Do it before the first byte of the response is written.",
  },
  ERR_SESSION_UNSUPPORTED: {
    status: 500,
    title: "The store cannot do this",
    fix: "Choose a store that declares the ability, or do without it.",
  },
  ERR_SESSION_USAGE: {
    status: 500,
    title: "The call cannot be made like this",
    fix: "See the message.",
  },
} as const satisfies Record<`ERR_SESSION_${string}`, ErrorEntry>;

/** The stable code of a {@link SessionError}. */
export type SessionErrorCode = keyof typeof ERROR_TABLE;

/** What may come with a {@link SessionError}. */
export interface SessionErrorOptions {
  readonly cause?: unknown;
  /** For `ERR_SESSION_STORE` and `ERR_SESSION_READ_ONLY`: `"no"` when the failed call surely stored nothing. Default `"unknown"`. */
  readonly applied?: "no" | "unknown";
  /** For those two: after how many seconds it is worth trying again. Default 1 where the status is 503. */
  readonly retryAfterSeconds?: number;
  /** For `ERR_SESSION_GONE`: how the session ended. */
  readonly reason?: "ended" | "rotated" | "expired" | "revoked";
}

// Registered, so that two copies of the package recognise each other's errors.
const brand = Symbol.for("sojourn.SessionError");

/** An error of sojourn: a stable `code`, an HTTP `status`, and a message that says what to do. Never holds data or ids. */
export class SessionError extends Error {
  override readonly name = "SessionError";
  readonly code: SessionErrorCode;
  /** The HTTP status that an adapter answers with. */
  readonly status: number;
  /** The same as `status`, under the name that Fastify reads. */
  readonly statusCode: number;
  /** What to do about it. */
  readonly fix: string;
  readonly applied: "no" | "unknown" | undefined;
  readonly reason: "ended" | "rotated" | "expired" | "revoked" | undefined;

  /** Seconds for the `Retry-After` header of a 503. */
  readonly retryAfterSeconds: number | undefined;
  /** Headers for the answer, under the name that Express and Koa read. */
  readonly headers: Readonly<Record<string, string>> | undefined;

  constructor(code: SessionErrorCode, detail?: string, options: SessionErrorOptions = {}) {
    const { title, fix, status } = ERROR_TABLE[code];
    super(`${detail ?? title}. ${fix}`, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = status;
    this.statusCode = status;
    this.fix = fix;
    this.applied = code === "ERR_SESSION_STORE" ? (options.applied ?? "unknown") : options.applied;
    this.reason = options.reason;
    this.retryAfterSeconds = options.retryAfterSeconds ?? (status === 503 ? 1 : undefined);
    this.headers = this.retryAfterSeconds === undefined ? undefined : { "Retry-After": String(this.retryAfterSeconds) };
    Object.defineProperty(this, brand, { value: true });
  }
}

/**
 * True for a {@link SessionError}, also one from another copy of the package.
 *
 * @param code only errors of this code, when given
 */
export function isSessionError(error: unknown, code?: SessionErrorCode): error is SessionError {
  return (
    typeof error === "object" &&
    error !== null &&
    (error as { [brand]?: unknown })[brand] === true &&
    (code === undefined || (error as SessionError).code === code)
  );
}
