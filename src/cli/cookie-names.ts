import type { ResolvedOptions } from "../core/options.ts";
import type { CookieNames } from "./typed-session.ts";

/** The names that a session's cookie may have: the one that was said, the configured ones, and the library's defaults. */
export function cookieNames({ cookieName, readAlso }: ResolvedOptions, said: string | undefined): CookieNames {
  return said === undefined ? [...new Set([cookieName, ...readAlso, "__Host-sid", "sid"])] : [said];
}
