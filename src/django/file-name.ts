/** `SESSION_COOKIE_NAME`, unless it is set. */
export const DEFAULT_COOKIE_NAME = "sessionid";

/**
 * The name of a session's file in `SESSION_FILE_PATH`: the cookie's name and the key, with nothing between. Its content is `session_data`
 * as it is in the table. Undefined for a key with other characters than Django's own keys have: it could lead out of the folder.
 */
export function sessionFileName(sessionKey: string, cookieName: string = DEFAULT_COOKIE_NAME): string | undefined {
  return /^[a-z0-9]*$/.test(sessionKey) ? cookieName + sessionKey : undefined;
}
