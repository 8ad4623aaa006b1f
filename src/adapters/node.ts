import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { isThenable } from "../core/plain.ts";
import type { Session } from "../core/session.ts";
import type { Sessions } from "../core/sessions.ts";
import { isAttached, processRequest } from "../middleware/exchange.ts";
import { hold, type PropertyOptions, setProperty } from "./_attach.ts";
import { sendError } from "./_error-answer.ts";
import { nodeRequest, type ProxyOptions } from "./_session-request.ts";

/** Options of {@link nodeSession}. */
export interface NodeSessionOptions extends PropertyOptions, ProxyOptions {
  /**
   * Told of every error that was answered with a plain status: of the session's own, and, under `wrap`, of whatever the listener
   * threw. Default `console.error`.
   */
  readonly onError?: (error: unknown) => void;
}

/** A listener of `http.createServer`. */
export type NodeListener<Request = IncomingMessage, Response = ServerResponse> = (req: Request, res: Response) => unknown;

/** What {@link nodeSession} gives. */
export interface NodeSession {
  /**
   * Attaches the session, then calls `next`. A session that cannot be loaded (only with `load: "always"`) is answered with its error,
   * and `next` is not called. Without a `next`, the returned promise rejects with that error, and nothing is answered.
   */
  (
    req: IncomingMessage | Http2ServerRequest,
    res: ServerResponse | Http2ServerResponse,
    next?: () => void,
  ): void | Promise<void>;

  /** Runs `listener` with the session attached; what it throws or rejects with is answered with 500. */
  wrap(listener: NodeListener): NodeListener;
  wrap(
    listener: NodeListener<Http2ServerRequest, Http2ServerResponse>,
  ): NodeListener<Http2ServerRequest, Http2ServerResponse>;
}

/**
 * Sessions for `node:http`, `node:https` and the compatibility side of `node:http2`.
 *
 * ```ts
 * createServer(nodeSession(sessions).wrap(async (req, res) => {
 *   const count = await sessions.of(req).update((visit) => (visit.count = (visit.count ?? 0) + 1));
 *   res.end(`new count=${count}`);
 * }));
 * ```
 *
 * The first byte of the response waits until the session is stored. To the handler the response looks as usual: what it writes
 * meanwhile is kept and sent in order, `write` says `false` and `drain` follows. When the session cannot be stored, the client
 * gets 400, 409 or 503 with the error's code and title instead of the handler's response. Informational responses
 * (`writeEarlyHints`, `writeContinue`, `writeProcessing`) are not the response, and pass at once.
 */
export function nodeSession<T extends object>(sessions: Sessions<T>, options: NodeSessionOptions = {}): NodeSession {
  const { onError = (error) => console.error(error) } = options;

  const fail = (res: ServerResponse, error: unknown): void => {
    sendError(res, error);
    onError(error);
  };

  const open = (req: IncomingMessage, res: ServerResponse): void | Promise<void> => {
    const mounted = isAttached(sessions, req);
    const attach = (session: Session<T>): void => {
      setProperty(req, options, session);
      if (!mounted) hold(session, res, (error) => fail(res, error));
    };
    const session = processRequest(sessions, nodeRequest(req, options), req);
    return session instanceof Promise ? session.then(attach) : attach(session);
  };

  const session = (req: IncomingMessage, res: ServerResponse, next?: () => void): void | Promise<void> => {
    if (!next) return open(req, res);
    let opening: void | Promise<void>;
    try {
      opening = open(req, res);
    } catch (error) {
      return fail(res, error);
    }
    // Whatever `next` throws is its own: it must not be taken for a session that could not be opened.
    return opening ? opening.then(next, (error: unknown) => fail(res, error)) : next();
  };

  const run = (listener: NodeListener, req: IncomingMessage, res: ServerResponse): unknown => {
    let result: unknown;
    try {
      result = listener(req, res);
    } catch (error) {
      return fail(res, error);
    }
    return isThenable(result) ? result.then(undefined, (error: unknown) => fail(res, error)) : result;
  };

  const wrap = (listener: NodeListener): NodeListener => {
    return (req, res) => {
      let opening: void | Promise<void>;
      try {
        opening = open(req, res);
      } catch (error) {
        return fail(res, error);
      }
      if (opening === undefined) return run(listener, req, res);
      return opening.then(
        () => run(listener, req, res),
        (error: unknown) => fail(res, error),
      );
    };
  };

  // The compatibility classes of HTTP/2 have all that is used here of those of HTTP/1.
  return Object.assign(session, { wrap }) as unknown as NodeSession;
}
