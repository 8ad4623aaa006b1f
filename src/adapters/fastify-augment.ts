import type { Session } from "../core/session.ts";

/** What is augmented. */
export type { FastifyRequest } from "fastify";

/**
 * What `request.session` holds. Yours is told by merging:
 *
 * ```ts
 * import "sojourn/fastify/augment";
 *
 * declare module "sojourn/fastify/augment" {
 *   interface SessionData extends Visit {}
 * }
 * ```
 */
export interface SessionData extends Record<never, never> {}

declare module "fastify" {
  interface FastifyRequest {
    /** The session that `fastifySession` attached; the same as `sessions.of(request)`. */
    session: Session<SessionData>;
  }
}
