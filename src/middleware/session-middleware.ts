import type { Sessions } from "../core/sessions.ts";
import type { Session } from "../core/session.ts";
import { isAttached, processRequest, processResponse } from "./exchange.ts";
import type { Middleware } from "./middleware.ts";
import { isImmutable, withHeaders } from "./with-headers.ts";

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
          secure: forwarded === undefined ? request.url.startsWith("https:") : forwarded === "https",
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
      // An answer that can take no cookie makes no new session, nor does a client that has gone.
      const aborted = request.signal.aborted || (status < 200 && isImmutable(response));
      const header = (name: string): string | undefined => headers.get(name) ?? undefined;
      // `Response.error()` has the status 0, and is a failure.
      return withHeaders(response, await processResponse(session, { status: status || 500, header, aborted }));
    },
  };
}
