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

/** What the session needs of a Node request, read when it is needed. */
class NodeSessionRequest implements SessionRequest {
  readonly #req: NodeRequest;
  readonly #secure: boolean | ProxyOptions;

  constructor(req: NodeRequest, secure: boolean | ProxyOptions) {
    this.#req = req;
    this.#secure = secure;
  }

  get method(): string {
    return this.#req.method ?? "GET";
  }

  get secure(): boolean {
    return typeof this.#secure === "boolean" ? this.#secure : nodeSecure(this.#req, this.#secure);
  }

  header(name: string): string | undefined {
    const value = this.#req.headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  }
}

/**
 * What the session needs of a Node request.
 *
 * @param secure whether it came by https, or how to tell where the framework does not
 */
export function nodeRequest(req: NodeRequest, secure: boolean | ProxyOptions): SessionRequest {
  return new NodeSessionRequest(req, secure);
}

/** True when a Node request came by https, as far as its socket or a trusted proxy can tell. */
function nodeSecure(req: NodeRequest, { trustProxy = false }: ProxyOptions): boolean {
  const forwarded = trustProxy ? forwardedSecure(req.headers["x-forwarded-proto"]) : undefined;
  return forwarded ?? ("encrypted" in req.socket && req.socket.encrypted);
}

/** What the session needs of a Web `Request`, read when it is needed. */
class WebSessionRequest implements SessionRequest {
  readonly #request: Request;
  readonly #options: ProxyOptions;

  constructor(request: Request, options: ProxyOptions) {
    this.#request = request;
    this.#options = options;
  }

  get method(): string {
    return this.#request.method;
  }

  get secure(): boolean {
    const { trustProxy = false } = this.#options;
    const forwarded = trustProxy ? forwardedSecure(this.header("x-forwarded-proto")) : undefined;
    return forwarded ?? this.#request.url.startsWith("https:");
  }

  header(name: string): string | undefined {
    return this.#request.headers.get(name) ?? undefined;
  }
}

/** What the session needs of a Web `Request`. */
export function webRequest(request: Request, options: ProxyOptions): SessionRequest {
  return new WebSessionRequest(request, options);
}

function forwardedSecure(value: string | readonly string[] | undefined): boolean | undefined {
  const first = String(value ?? "")
    .split(",", 1)[0]
    ?.trim()
    .toLowerCase();
  return first ? first === "https" : undefined;
}
