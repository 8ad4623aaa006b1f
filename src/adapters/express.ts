import type { IncomingMessage, ServerResponse } from "node:http";
import type { Session } from "../core/session.ts";
import type { Sessions } from "../core/sessions.ts";
import { isAttached, processRequest } from "../middleware/exchange.ts";
import { hold, type PropertyOptions, setProperty } from "./_attach.ts";
import { nodeRequest } from "./_session-request.ts";

/** Options of {@link expressSession}. */
export interface ExpressSessionOptions extends PropertyOptions {}

/** The part of Express's request that is used: `secure` follows its own `trust proxy` setting. */
export type ExpressRequestLike = IncomingMessage & { readonly secure?: boolean };

/** A middleware of Express 5 or 4, and of others of that shape: Connect, NestJS on Express. */
export type ExpressMiddleware = (req: ExpressRequestLike, res: ServerResponse, next: (error?: unknown) => void) => void;

/**
 * Sessions for Express: `app.use(expressSession(sessions))`, then `sessions.of(req)` or, typed by
 * `import "sojourn/express/augment"`, `req.session`.
 *
 * The first byte of a response, redirects included, waits until the session is stored. When it cannot be stored or loaded, the
 * application's error handler gets the `SessionError` (its `status` is 400, 409 or 503), with the response as it was before the
 * handler. Behind a proxy set Express's `trust proxy`, or `req.secure` is false.
 */
export function expressSession<T extends object>(
  sessions: Sessions<T>,
  options: ExpressSessionOptions = {},
): ExpressMiddleware {
  return (req, res, next) => {
    const mounted = isAttached(sessions, req);
    const attach = (session: Session<T>): void => {
      setProperty(req, options, session);
      if (!mounted) hold(session, res, next);
      next();
    };
    const session = processRequest(sessions, nodeRequest(req, req.secure ?? {}), req);
    if (session instanceof Promise) session.then(attach, next);
    else attach(session);
  };
}
