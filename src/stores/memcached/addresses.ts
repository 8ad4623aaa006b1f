/** Where a server is reached. */
export type Target = { readonly path: string } | { readonly host: string; readonly port: number };

/** A server of the list. */
export interface Address {
  /** What it is told apart by: where sessions are kept depends on it. */
  readonly name: string;
  readonly target: Target;
}

const DEFAULT_PORT = 11_211;
const HOST_PORT = /^(?:\[([0-9a-f:.]+(?:%\w+)?)\]|([^\s:/?#@[\]]+))(?::(\d{1,5}))?$/i;

/** Reads `host`, `host:port`, `[::1]:port` or the path of a socket, which begins with a slash. Undefined for anything else. */
export function parseAddress(text: string): Address | undefined {
  if (text.startsWith("/") && text.length > 1 && !text.includes("\0")) return { name: text, target: { path: text } };
  const [, six, plain, digits] = HOST_PORT.exec(text) ?? [];
  const host = (six ?? plain)?.toLowerCase();
  const port = digits === undefined ? DEFAULT_PORT : Number(digits);
  if (host === undefined || port < 1 || port > 65_535) return undefined;
  return { name: `${six === undefined ? host : `[${host}]`}:${port}`, target: { host, port } };
}
