import type { Session } from "../core/session.ts";

/** What is augmented. */
export type { ExtendableContext } from "koa";

/**
 * What `ctx.session` holds. Yours is told by merging:
 *
 * ```ts
 * import "sojourn/koa/augment";
 *
 * declare module "sojourn/koa/augment" {
 *   interface SessionData extends Visit {}
 * }
 * ```
 */
export interface SessionData extends Record<never, never> {}

declare module "koa" {
  interface ExtendableContext {
    /** The session that `koaSession` attached; the same as `sessions.of(ctx)`. */
    session: Session<SessionData>;
  }
}
