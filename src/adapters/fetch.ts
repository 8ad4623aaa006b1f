import { isSessionError } from "../core/errors.ts";
import type { Session } from "../core/session.ts";
import type { Sessions } from "../core/sessions.ts";
import type { Awaitable } from "../core/store.ts";
import { isAttached, processRequest } from "../middleware/exchange.ts";
import { withHeaders } from "../middleware/with-headers.ts";
import { errorResponse } from "./_error-answer.ts";
import { type ProxyOptions, webRequest } from "./_session-request.ts";
import { commitResponse, failureHeaders } from "./_web-response.ts";

/** Options of {@link fetchSession}. */
export interface FetchSessionOptions extends ProxyOptions {
  /**
   * Makes the response to a `SessionError`, whether loading or storing the session failed or the handler threw it. Default: the
   * error's status (400, 409, 500 or 503), with its code and title as plain text. Other errors reject, as without a session, unless a
   * cookie has to be sent: of an id that was stored before the handler threw.
   */
  readonly onError?: (error: unknown, request: Request) => Awaitable<Response>;
}

/** A handler of Web requests, as Bun, Deno, Workers and Node's adapters take it. */
export type FetchHandler<Rest extends unknown[]> = (request: Request, ...rest: Rest) => Promise<Response>;

/**
 * Sessions for a Web-standard handler: Bun.serve, Deno.serve, Workers, SvelteKit hooks, and whatever else is a function from `Request`
 * to `Response`. Further arguments (`env`, `ctx`, `info`) are passed through.
 *
 * ```ts
 * export default {
 *   fetch: fetchSession(sessions, async (request, session) => {
 *     const count = await session.update((visit) => (visit.count = (visit.count ?? 0) + 1));
 *     return new Response(`new count=${count}`);
 *   }),
 * };
 * ```
 *
 * The response is given back when the session is stored. Its body is not touched: while it streams, `session.update()` still
 * writes, and what is changed on the loaded data is no longer saved.
 */
export function fetchSession<T extends object, Rest extends unknown[] = []>(
  sessions: Sessions<T>,
  handler: (request: Request, session: Session<T>, ...rest: Rest) => Awaitable<Response>,
  options: FetchSessionOptions = {},
): FetchHandler<Rest> {
  const { onError = errorResponse } = options;
  return async (request, ...rest) => {
    const mounted = isAttached(sessions, request);
    let session: Session<T>;
    try {
      session = await processRequest(sessions, webRequest(request, options), request);
    } catch (error) {
      if (!isSessionError(error)) throw error;
      return onError(error, request);
    }
    if (mounted) return handler(request, session, ...rest);
    try {
      const response = await handler(request, session, ...rest);
      return await commitResponse(session, response, () => request.signal.aborted);
    } catch (error) {
      const owed = await failureHeaders(session);
      // Without a cookie to send, another's error is the runtime's to answer.
      if (!isSessionError(error) && owed.setCookie.length === 0) throw error;
      return withHeaders(await onError(error, request), owed);
    }
  };
}
