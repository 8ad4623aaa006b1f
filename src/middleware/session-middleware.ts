import type { Sessions } from "../core/sessions.ts";
import type { Session } from "../core/session.ts";
import { isAttached, processRequest, processResponse } from "./exchange.ts";
import type { Middleware } from "./middleware.ts";
import { withHeaders } from "./with-headers.ts";

/** How the session middleware reads a request. */
export interface SessionMiddlewareOptions {
  /** Believe `X-Forwarded-Proto`: only behind a proxy that sets it. Default false. */
  readonly trustProxy?: boolean;
}

/** The session middleware: attaches an unloaded session on the way in, stores it and sets the cookie on the way out. */
export function sessionMiddleware<T extends object>(
  sessions: Sessions<T>,
  { trustProxy = false }: SessionMiddlewareOptions = {},
): Middleware {
  // Who was entered first stores it; a second mount of the same sessions is none.
  const owned = new WeakMap<Request, Session<T>>();
  return {
    async processRequest(request) {
      if (isAttached(sessions, request)) return;
      const forwarded = trustProxy ? request.headers.get("x-forwarded-proto")?.split(",")[0]?.trim() : undefined;
      const session = processRequest(
        sessions,
        {
          method: request.method,
          secure: (forwarded ?? new URL(request.url).protocol.slice(0, -1)) === "https",
          header: (name) => request.headers.get(name) ?? undefined,
        },
        request,
      );
      owned.set(request, sessions.of(request));
      await session;
    },
    async processResponse(request, response) {
      const session = owned.get(request);
      if (session === undefined) return response;
      const { status, headers } = response;
      const changes = await processResponse(session, { status, header: (name) => headers.get(name) ?? undefined });
      return withHeaders(response, changes);
    },
  };
}
