import { SessionError, type SessionErrorCode } from "../../core/errors.ts";

/** What an error of a database or its driver means for the statement that met it. */
export interface Trouble {
  /** Whether the statement may have stored something. */
  readonly applied: "no" | "unknown";
  /** `again`: rolled back for the sake of another, and may be tried at once. `duplicate`: the handle is taken. `no table`: there is none. */
  readonly kind: "again" | "duplicate" | "no table" | "other";
  /** In words; also an error's code, when it is not the store that failed. */
  readonly what: string;
  readonly code?: SessionErrorCode;
}

/** The field of an error, whatever it is. */
export function field(error: unknown, name: string): unknown {
  return typeof error === "object" && error !== null ? (error as Record<string, unknown>)[name] : undefined;
}

const NEVER_CONNECTED: ReadonlySet<unknown> = new Set([
  ...["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "EHOSTDOWN", "ENOENT", "EACCES"],
  // The drivers' own words for a connection that was never had.
  ...[
    "CONNECT_TIMEOUT",
    "CONNECTION_ENDED",
    "ER_GET_CONNECTION_TIMEOUT",
    "ER_POOL_ALREADY_CLOSED",
    "POOL_CLOSED",
    "POOL_NOCONNECT",
  ],
]);

/** True for an error from before the connection stood, so that no statement can have been sent. */
export function neverConnected(error: unknown): boolean {
  const code = field(error, "code");
  if (NEVER_CONNECTED.has(code)) return true;
  return field(error, "syscall") === "connect" && typeof code === "string";
}

/** The error that a store throws for trouble that surely stored nothing. */
export function surely(trouble: Trouble, engine: string, cause: unknown): SessionError {
  const { what, code = "ERR_SESSION_STORE" } = trouble;
  const options = code === "ERR_SESSION_STORE" ? { cause, applied: "no" as const } : { cause };
  return new SessionError(code, what === "" ? `The ${engine} database failed` : what, options);
}
