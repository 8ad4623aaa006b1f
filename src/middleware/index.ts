export { createApp, type AppOptions } from "./app.ts";
export type { Middleware, View } from "./middleware.ts";
export { sessionMiddleware, type SessionMiddlewareOptions } from "./session-middleware.ts";
export {
  afterResponse,
  isAttached,
  owedHeaders,
  processRequest,
  processResponse,
  type HeaderChanges,
  type SessionRequest,
  type SessionResponse,
} from "./exchange.ts";
