import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";
import type { SessionRequest } from "../middleware/exchange.ts";

/** A request of `node:http`, `node:https` or the compatibility side of `node:http2`. */
export type NodeRequest = IncomingMessage | Http2ServerRequest;

/** Where a framework has no word of its own on proxies. */
export interface ProxyOptions {
  /**
   * True when a proxy that you run sets `X-Forwarded-Proto`, whose first word then says whether the visitor came by https.
   * Default false: anybody can send that header.
   */
  readonly trustProxy?: boolean;
}

/** What the session needs of a Node request. */
export function nodeRequest(req: NodeRequest, secure: boolean): SessionRequest {
  return {
    method: req.method ?? "GET",
    secure,
    header: (name) => {
      const value = req.headers[name];
      return Array.isArray(value) ? value.join(", ") : value;
    },
  };
}

/** True when a Node request came by https, as far as its socket or a trusted proxy can tell. */
export function nodeSecure(req: NodeRequest, { trustProxy = false }: ProxyOptions): boolean {
  const forwarded = trustProxy ? forwardedSecure(req.headers["x-forwarded-proto"]) : undefined;
  return forwarded ?? ("encrypted" in req.socket && req.socket.encrypted);
}

/** What the session needs of a Web `Request`. */
export function webRequest(request: Request, { trustProxy = false }: ProxyOptions): SessionRequest {
  const header = (name: string) => request.headers.get(name) ?? undefined;
  const forwarded = trustProxy ? forwardedSecure(header("x-forwarded-proto")) : undefined;
  return { method: request.method, secure: forwarded ?? request.url.startsWith("https:"), header };
}

function forwardedSecure(value: string | readonly string[] | undefined): boolean | undefined {
  const first = String(value ?? "")
    .split(",", 1)[0]
    ?.trim()
    .toLowerCase();
  return first ? first === "https" : undefined;
}
