import type { Awaitable } from "../core/store.ts";

/** What answers a request in the end. */
export type View = (request: Request) => Awaitable<Response>;

/**
 * A middleware is any object that has some of these hooks; it is recognised by its shape and needs no base class. The hooks are
 * those of Django's middleware (docs: "Middleware", "Other middleware hooks"), on Web requests and responses.
 */
export interface Middleware {
  /** Called on the way in. A response that it gives is the answer: neither the view nor any middleware below sees the request. */
  processRequest?(request: Request): Awaitable<Response | undefined | void>;
  /** Called just before the view, after every `processRequest`. A response that it gives is used in place of the view's. */
  processView?(request: Request, view: View): Awaitable<Response | undefined | void>;
  /** Called when the view threw, on the way up, until one gives a response. */
  processException?(request: Request, error: unknown): Awaitable<Response | undefined | void>;
  /** Called on the way out, for every middleware that was entered. Gives the response to go on with; the same one if nothing. */
  processResponse?(request: Request, response: Response): Awaitable<Response | undefined | void>;
}
