import type { IncomingMessage, ServerResponse } from "node:http";
import type { Sessions } from "../core/sessions.ts";
import { type HeaderChanges, isAttached, processRequest } from "../middleware/exchange.ts";
import { hold, type PropertyOptions, setProperty } from "./_attach.ts";
import { addHeaders } from "./_head.ts";
import type { HeldResponse } from "./_held-response.ts";
import { nodeRequest } from "./_session-request.ts";

/** Options of {@link koaSession}. */
export interface KoaSessionOptions extends PropertyOptions {}

/** The part of Koa's context that is used: `secure` follows its own `app.proxy` setting. */
export interface KoaContextLike {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly request: object;
  readonly secure: boolean;
  readonly respond?: boolean;
  readonly body?: unknown;
  onerror(error: Error): void;
}

/** A middleware of Koa 3 and 2. */
export type KoaMiddleware = (ctx: KoaContextLike, next: () => Promise<unknown>) => Promise<void>;

/**
 * Sessions for Koa: `app.use(koaSession(sessions))`, then `sessions.of(ctx)` or, typed by `import "sojourn/koa/augment"`,
 * `ctx.session`.
 *
 * The session is stored when the middleware below are done, and before Koa responds; when it cannot be stored or loaded, the
 * `SessionError` (its `status` is 400, 409 or 503) is thrown to the middleware above. What is sent past Koa (`ctx.respond = false`,
 * `ctx.res.write`) and what Koa answers to an error waits for the store with its first byte instead. Behind a proxy set `app.proxy`.
 */
export function koaSession<T extends object>(sessions: Sessions<T>, options: KoaSessionOptions = {}): KoaMiddleware {
  return async (ctx, next) => {
    const { req, res } = ctx;
    const mounted = isAttached(sessions, req);
    const session = await processRequest(sessions, nodeRequest(req, ctx.secure), req, ctx, ctx.request);
    setProperty(ctx, options, session);
    if (mounted) {
      await next();
      return;
    }
    let held: HeldResponse | undefined;
    const fail = (error: unknown): void => ctx.onerror(error as Error);
    hold(session, res, fail, (waiting) => (held = waiting));
    await next();
    if (!held?.open || ctx.respond === false) return;
    try {
      const streams = typeof ctx.body !== "string" && !Buffer.isBuffer(ctx.body);
      addHeaders(res, await held.commit(res.statusCode, { streams }));
    } catch (error) {
      addLater(res, held.owed());
      throw error;
    }
  };
}

/** Koa clears the headers before it answers to an error: what has to be among them is added with the answer's last call. */
function addLater(res: ServerResponse, changes: HeaderChanges): void {
  if (changes.set.length === 0 && changes.setCookie.length === 0) return;
  const { end } = res;
  res.end = function (this: ServerResponse, ...args: Parameters<typeof end>) {
    res.end = end;
    if (!res.headersSent) addHeaders(res, changes);
    return end.apply(this, args);
  } as typeof end;
}
