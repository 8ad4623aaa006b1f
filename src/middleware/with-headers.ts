import type { HeaderChanges } from "./exchange.ts";

/** A response with the changes made: the same one where its headers can be changed, else a copy (redirects are immutable). */
export function withHeaders(response: Response, { set, setCookie }: HeaderChanges): Response {
  if (set.length === 0 && setCookie.length === 0) return response;
  const immutable = isImmutable(response);
  // A WebSocket's answer and a network error cannot be made again.
  if (immutable && response.status < 200) return response;
  const target = immutable ? new Response(response.body, response) : response;
  for (const [name, value] of set) target.headers.set(name, value);
  for (const value of setCookie) target.headers.append("set-cookie", value);
  return target;
}

/** True for a response whose headers cannot be changed. */
export function isImmutable(response: Response): boolean {
  try {
    response.headers.delete("x-sojourn-probe");
    return false;
  } catch {
    return true;
  }
}
