import type { Context, MiddlewareHandler } from "hono";
import { isSessionError } from "../core/errors.ts";
import type { Session } from "../core/session.ts";
import type { Sessions } from "../core/sessions.ts";
import { type HeaderChanges, isAttached, processRequest } from "../middleware/exchange.ts";
import { withHeaders } from "../middleware/with-headers.ts";
import { errorResponse } from "./_error-answer.ts";
import { type ProxyOptions, webRequest } from "./_session-request.ts";
import { commitResponse, failureHeaders } from "./_web-response.ts";

/** Options of {@link honoSession}. */
export interface HonoSessionOptions<Name extends string = "session"> extends ProxyOptions {
  /** The variable of the context: `c.get(property)`. Default `session`. */
  readonly property?: Name;
}

/** Hono's environment with the session among its variables: `new Hono<SessionEnv<Visit>>()`. */
export interface SessionEnv<T extends object, Name extends string = "session"> {
  Variables: Record<Name, Session<T>>;
}

/**
 * Sessions for Hono: `app.use(honoSession(sessions))`, then `c.get("session")` or `sessions.of(c)`.
 *
 * The response is given back when the session is stored. When it cannot be stored or loaded, `app.onError` gets the `SessionError`,
 * and the handler's response with its headers is dropped; Hono's own error handler answers with 400, 409 or 503.
 */
export function honoSession<T extends object, Name extends string = "session">(
  sessions: Sessions<T>,
  options: HonoSessionOptions<Name> = {},
): MiddlewareHandler<SessionEnv<T, Name>> {
  const property = options.property ?? ("session" as Name);
  return async (c, next) => {
    const request = c.req.raw;
    const mounted = isAttached(sessions, request);
    let session: Session<T>;
    try {
      session = await processRequest(sessions, webRequest(request, options), request, c, c.req);
    } catch (error) {
      throw answerable(error);
    }
    c.set(property, session);
    await next();
    if (mounted) return;
    try {
      const response = await commitResponse(session, c.res, () => request.signal.aborted);
      if (response !== c.res) replace(c, response);
    } catch (error) {
      dropResponse(c);
      throw answerable(error, await failureHeaders(session));
    }
  };
}

// Setting `c.res` over another response would copy that one's headers over the new ones.
function replace(c: Context, response: Response): void {
  c.res = undefined;
  c.res = response;
}

/** Takes the response back with all the headers that the handler gave it, so that none of them is on the error's. */
function dropResponse(c: Context): void {
  const names = [...c.res.headers.keys()];
  c.res = undefined;
  c.finalized = false;
  for (const name of names) c.header(name, undefined);
}

/** Hono's own error handler answers with what an error's `getResponse` gives. */
function answerable(error: unknown, owed: HeaderChanges = { set: [], setCookie: [] }): unknown {
  if (!isSessionError(error)) return error;
  const getResponse = (): Response => withHeaders(errorResponse(error), owed);
  return Object.defineProperty(error, "getResponse", { value: getResponse, configurable: true });
}
