import { isSessionError, SessionError } from "../core/errors.ts";
import type { Sessions } from "../core/sessions.ts";
import type { Middleware, View } from "./middleware.ts";
import { sessionMiddleware, type SessionMiddlewareOptions } from "./session-middleware.ts";

/** An app: a view with middleware around it. */
export interface AppOptions<T extends object = Record<string, unknown>> extends SessionMiddlewareOptions {
  readonly view: View;
  /** Mounted on top of the list, unless the list has the session middleware itself. */
  readonly sessions?: Sessions<T>;
  /** Outermost first. Default none. */
  readonly middleware?: readonly Middleware[];
  /** The answer to an error that no middleware answered. Default: plain text with the error's status, or 500. */
  readonly onError?: (error: unknown, request: Request) => Response | Promise<Response>;
}

const HOOKS = ["processRequest", "processView", "processException", "processResponse"] as const;

/**
 * An app as a fetch handler: requests go down the list of middleware, responses come back up. It runs wherever Web requests do:
 * Node, Bun, Deno, Workers.
 *
 * An error in a hook or the view becomes a response where it is thrown, as in Django, so that the middleware above see a response,
 * whatever happened below.
 *
 * @throws {SessionError} ERR_SESSION_CONFIG for a middleware without any hook
 */
export function createApp<T extends object>(options: AppOptions<T>): View {
  const { view, sessions, middleware = [], onError = answerError, trustProxy } = options;
  for (const one of middleware) {
    if (typeof one !== "object" || one === null || !HOOKS.some((hook) => typeof one[hook] === "function")) {
      throw new SessionError("ERR_SESSION_CONFIG", `A middleware is an object with one of ${HOOKS.join(", ")}`);
    }
  }
  const proxy = trustProxy === undefined ? {} : { trustProxy };
  const own = sessions === undefined ? [] : [sessionMiddleware(sessions, proxy)];
  const layers = [...own, ...middleware];
  const innermost = (request: Request) => answerView(layers, view, request);
  const handler = layers.reduceRight<View>((next, layer) => aroundLayer(layer, next, onError), guarded(innermost, onError));
  return handler;
}

function aroundLayer(layer: Middleware, next: View, onError: NonNullable<AppOptions["onError"]>): View {
  return guarded(async (request) => {
    const early = await layer.processRequest?.(request);
    const response = early instanceof Response ? early : await next(request);
    return (await layer.processResponse?.(request, response)) ?? response;
  }, onError);
}

async function answerView(layers: readonly Middleware[], view: View, request: Request): Promise<Response> {
  for (const layer of layers) {
    const response = await layer.processView?.(request, view);
    if (response instanceof Response) return response;
  }
  try {
    return await view(request);
  } catch (error) {
    for (const layer of layers.toReversed()) {
      const response = await layer.processException?.(request, error);
      if (response instanceof Response) return response;
    }
    throw error;
  }
}

function guarded(inner: View, onError: NonNullable<AppOptions["onError"]>): View {
  return async (request) => {
    try {
      return await inner(request);
    } catch (error) {
      return onError(error, request);
    }
  };
}

function answerError(error: unknown): Response {
  const known = isSessionError(error);
  const text = known ? `${error.code}\n` : "Internal Server Error\n";
  return new Response(text, {
    status: known ? error.status : 500,
    headers: { "Cache-Control": "no-store", ...(known ? error.headers : undefined) },
  });
}
