import type { Session } from "../core/session.ts";
import { processResponse } from "../middleware/exchange.ts";
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

function isImmutable({ headers }: Response): boolean {
  try {
    headers.delete("x-sojourn-probe");
    return false;
  } catch {
    return true;
  }
}
