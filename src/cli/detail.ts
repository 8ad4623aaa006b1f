import type { SessionError } from "../core/errors.ts";

/** What exactly went wrong, without the fix that a library's error says in the same breath. */
export function detailOf({ message, fix }: SessionError): string {
  return message.endsWith(`. ${fix}`) ? message.slice(0, -fix.length - 2) : message;
}
