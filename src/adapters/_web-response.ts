import type { Session } from "../core/session.ts";
import { type HeaderChanges, owedHeaders, processResponse } from "../middleware/exchange.ts";
import { withHeaders } from "../middleware/with-headers.ts";

/**
 * Commits the session of a Web response and gives the response to send: the same one, or, where its headers cannot be changed (as of
 * `Response.redirect()` and of what `fetch()` gave), a copy that takes over the body as it is.
 *
 * An upgrade (101), which may carry a socket, and `Response.error()` are passed on as they are, for a copy would mean something else.
 * When such a response cannot take a cookie, no new session is created for it.
 *
 * @throws what the commit rejects with
 */
export async function commitResponse<T extends object>(
  session: Session<T>,
  response: Response,
  isAborted: () => boolean,
): Promise<Response> {
  const sealed = response.status < 200 && isImmutable(response);
  const changes = await processResponse(session, {
    // `Response.error()` has the status 0, and is a failure.
    status: response.status || 500,
    header: (name) => response.headers.get(name) ?? undefined,
    get aborted() {
      return sealed || isAborted();
    },
  });
  return sealed ? response : withHeaders(response, changes);
}

/**
 * What the answer to an error has to carry: the cookie of an id that was final before the request failed, or the deletion of one that was
 * ended. Nothing more is stored.
 */
export async function failureHeaders<T extends object>(session: Session<T>): Promise<HeaderChanges> {
  const changes = await processResponse(session, { status: 500, header: () => undefined });
  const owed = owedHeaders(session);
  return owed.setCookie.length > 0 || owed.set.length > 0 ? owed : changes;
}

function isImmutable({ headers }: Response): boolean {
  try {
    headers.delete("x-sojourn-probe");
    return false;
  } catch {
    return true;
  }
}
