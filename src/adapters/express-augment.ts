import type { Session } from "../core/session.ts";

/**
 * What `req.session` holds. Yours is told by merging:
 *
 * ```ts
 * import "sojourn/express/augment";
 *
 * declare module "sojourn/express/augment" {
 *   interface SessionData extends Visit {}
 * }
 * ```
 */
export interface SessionData extends Record<never, never> {}

declare global {
  namespace Express {
    interface Request {
      /** The session that `expressSession` attached; the same as `sessions.of(req)`. */
      session: Session<SessionData>;
    }
  }
}
