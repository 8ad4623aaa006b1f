import { SessionError } from "../../core/errors.ts";

/** Failures of the system after which the call surely changed nothing. */
const CERTAIN = new Set([
  ...["EACCES", "EAGAIN", "EDQUOT", "EFBIG", "EISDIR", "ELOOP", "EMFILE", "EMLINK", "ENAMETOOLONG", "ENFILE", "ENOENT"],
  ...["ENOMEM", "ENOSPC", "ENOSYS", "ENOTDIR", "ENOTEMPTY", "ENOTSUP", "EOPNOTSUPP", "EPERM", "EROFS", "EXDEV"],
]);

const CAUSES: Readonly<Record<string, string>> = {
  EACCES: "its folder may not be written or read by this user",
  EDQUOT: "the user's quota on the disk is used up",
  EMFILE: "this process has too many files open",
  ENFILE: "the machine has too many files open",
  ENOENT: "its folder is gone",
  ENOSPC: "the disk is full",
  ENOTDIR: "something stands where a folder must be",
  EPERM: "the file system refuses it; it must have hard links",
  EROFS: "the file system is read-only",
};

/** The system's code for a failure, such as `ENOENT`; undefined for any other error. */
export function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}

/** True for a failure of the system with one of `codes`. */
export function failedWith(error: unknown, ...codes: readonly string[]): boolean {
  const code = codeOf(error);
  return code !== undefined && codes.includes(code);
}

/**
 * The error for a failure of the system. Its cause holds the code alone: the system's own message holds paths, and
 * those hold handles.
 *
 * @param before true when nothing that counts had been done yet, whatever the code
 */
export function storeFailure(error: unknown, before: boolean): unknown {
  const code = codeOf(error);
  if (error instanceof SessionError || code === undefined) return error;
  const why = CAUSES[code] ?? "the system reports a failure";
  return new SessionError("ERR_SESSION_STORE", `The file store failed: ${why} (${code})`, {
    applied: before || CERTAIN.has(code) ? "no" : "unknown",
    cause: Object.assign(new Error(code), { code }),
  });
}

/** The error for a file that is there and is not what the store writes. */
export function unreadable(): SessionError {
  return new SessionError("ERR_SESSION_UNREADABLE", "A file of the store is damaged, or of a newer version");
}

/** The error for a file that others keep on changing. */
export function busy(): SessionError {
  return new SessionError(
    "ERR_SESSION_STORE",
    "The file store failed: other processes hold the session's file for too long",
    {
      applied: "no",
    },
  );
}
