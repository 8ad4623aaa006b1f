import type { FastifyPluginCallback, FastifyReply, FastifyRequest } from "fastify";
import type { Session } from "../core/session.ts";
import type { Sessions } from "../core/sessions.ts";
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
    const opened = new WeakMap<FastifyRequest, Opened>();
    // Declared beforehand, the property does not change the shape of the request's objects.
    if (property !== false && !fastify.hasRequestDecorator(property)) fastify.decorateRequest(property, null);

    fastify.addHook("onRequest", (request, reply, next) => {
      const mounted = isAttached(sessions, request);
      const attach = (session: Session<T>): void => {
        setProperty(request, options, session);
        if (!mounted) {
          const held = hold(session, reply.raw, (error) => sendError(reply.raw, error));
          opened.set(request, { held, headers: { ...reply.getHeaders() } });
        }
        next();
      };
      const secure = request.protocol === "https";
      const session = processRequest(sessions, nodeRequest(request.raw, secure), request, request.raw);
      if (session instanceof Promise) session.then(attach, next);
      else attach(session);
    });

    fastify.addHook("onSend", async (request, reply, payload) => {
      const open = opened.get(request);
      if (!open?.held.open) return payload;
      const own = payload instanceof Response ? payload : undefined;
      try {
        const changes = await open.held.commit(own?.status ?? reply.statusCode, (name) => {
          return own?.headers.get(name) ?? reply.getHeader(name)?.toString();
        });
        return own ? withHeaders(own, changes) : addReplyHeaders(reply, changes, payload);
      } catch (error) {
        for (const name of Object.keys(reply.getHeaders())) reply.removeHeader(name);
        reply.headers(open.headers);
        addReplyHeaders(reply, open.held.owed(), undefined);
        throw error;
      }
    });
    done();
  };

  return Object.assign(plugin, {
    [Symbol.for("skip-override")]: true,
    [Symbol.for("fastify.display-name")]: "sojourn",
    [Symbol.for("plugin-meta")]: { name: "sojourn", fastify: "5.x" },
  });
}

interface Opened {
  readonly held: HeldResponse;
  /** The reply's headers before the handler. */
  readonly headers: Parameters<FastifyReply["headers"]>[0];
}

function addReplyHeaders(reply: FastifyReply, { set, setCookie }: HeaderChanges, payload: unknown): unknown {
  for (const [name, value] of set) reply.header(name, value);
  // Fastify adds to the cookies that are there.
  for (const cookie of setCookie) reply.header("set-cookie", cookie);
  return payload;
}
