import type { FastifyPluginCallback, FastifyReply, FastifyRequest } from "fastify";
import { isThenable } from "../core/plain.ts";
import type { Session } from "../core/session.ts";
import type { Sessions } from "../core/sessions.ts";
import { whenSettled } from "../core/settled.ts";
import { type HeaderChanges, isAttached, processRequest } from "../middleware/exchange.ts";
import { withHeaders } from "../middleware/with-headers.ts";
import { hold, type PropertyOptions, setProperty } from "./_attach.ts";
import { sendError } from "./_error-answer.ts";
import type { HeldResponse } from "./_held-response.ts";
import { nodeRequest } from "./_session-request.ts";

/** Options of {@link fastifySession}. */
export interface FastifySessionOptions extends PropertyOptions {}

/**
 * Sessions for Fastify: `app.register(fastifySession(sessions))`, then `sessions.of(request)` or, typed by
 * `import "sojourn/fastify/augment"`, `request.session`. It holds for the instance that it is registered on and all below it.
 *
 * The session is stored in `onSend`, before the headers leave; when it cannot be stored or loaded, Fastify's error handler gets the
 * `SessionError` (its `statusCode` is 400, 409 or 503), with the reply's headers as they were before the handler. What is sent
 * past Fastify (`reply.hijack()`, `reply.raw.write`) waits for the store with its first byte instead. Behind a proxy set Fastify's
 * `trustProxy`.
 */
export function fastifySession<T extends object>(
  sessions: Sessions<T>,
  options: FastifySessionOptions = {},
): FastifyPluginCallback {
  const { property = "session" } = options;

  const plugin: FastifyPluginCallback = (fastify, _options, done) => {
    // On the request, as a map of every request would keep the garbage collector busy; other sessions on it have a key of their own.
    const OPENED = Symbol("sojourn.opened");
    // Declared beforehand, the property does not change the shape of the request's objects.
    if (property !== false && !fastify.hasRequestDecorator(property)) fastify.decorateRequest(property, null);

    fastify.addHook("onRequest", (request, reply, next) => {
      const mounted = isAttached(sessions, request);
      const attach = (session: Session<T>): void => {
        setProperty(request, options, session);
        if (!mounted) {
          const headers = reply.getHeaders();
          const fail = (error: unknown): void => sendError(reply.raw, error);
          hold(session, reply.raw, fail, (held) => {
            (request as Carrier)[OPENED] = new Opened(held, headers);
          });
        }
        next();
      };
      const secure = request.protocol === "https";
      const session = processRequest(sessions, nodeRequest(request.raw, secure), request, request.raw);
      if (session instanceof Promise) session.then(attach, next);
      else attach(session);
    });

    fastify.addHook("onSend", (request, reply, payload, next) => {
      const open = (request as Carrier)[OPENED];
      if (!open?.held.open) return next(null, payload);
      let sent: unknown;
      try {
        sent = commitReply(open, reply, payload);
      } catch (error) {
        return next(refused(open, reply, error));
      }
      if (isThenable(sent))
        sent.then(
          (value) => next(null, value),
          (error: unknown) => next(refused(open, reply, error)),
        );
      else next(null, sent);
    });
    done();
  };

  return Object.assign(plugin, {
    [Symbol.for("skip-override")]: true,
    [Symbol.for("fastify.display-name")]: "sojourn",
    [Symbol.for("plugin-meta")]: { name: "sojourn", fastify: "5.x" },
  });
}

/** Stores the session and adds its headers to the reply, or to the `Response` that is sent in its place. */
function commitReply({ held }: Opened, reply: FastifyReply, payload: unknown): unknown {
  const own = payload instanceof Response ? payload : undefined;
  const changes = held.commit(own?.status ?? reply.statusCode, {
    header: (name) => own?.headers.get(name) ?? reply.getHeader(name)?.toString(),
    streams: typeof payload !== "string" && !Buffer.isBuffer(payload),
  });
  return whenSettled(changes, (value) => (own ? withHeaders(own, value) : addReplyHeaders(reply, value, payload)));
}

/** Makes the reply as new for the answer to an error. */
function refused({ held, headers }: Opened, reply: FastifyReply, error: unknown): Error {
  for (const name of Object.keys(reply.getHeaders())) reply.removeHeader(name);
  reply.headers(headers);
  addReplyHeaders(reply, held.owed(), undefined);
  return error as Error;
}

type Carrier = FastifyRequest & Record<symbol, Opened | undefined>;
type ReplyHeaders = Parameters<FastifyReply["headers"]>[0];

class Opened {
  readonly held: HeldResponse;
  /** The reply's headers before the handler. */
  readonly headers: ReplyHeaders;

  constructor(held: HeldResponse, headers: ReplyHeaders) {
    this.held = held;
    this.headers = headers;
  }
}

function addReplyHeaders(reply: FastifyReply, { set, setCookie }: HeaderChanges, payload: unknown): unknown {
  for (const [name, value] of set) reply.header(name, value);
  // Fastify adds to the cookies that are there.
  for (const cookie of setCookie) reply.header("set-cookie", cookie);
  return payload;
}
