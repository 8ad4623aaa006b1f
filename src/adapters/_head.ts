import type { OutgoingHttpHeader, ServerResponse } from "node:http";
import type { HeaderChanges } from "../middleware/exchange.ts";

/** A response's status line and headers at one moment. */
export interface Head {
  readonly status: number;
  readonly message: string;
  readonly headers: readonly (readonly [name: string, value: OutgoingHttpHeader])[];
}

const NO_HEADERS: Head["headers"] = [];

const isHttp2 = (res: ServerResponse): boolean => res.req?.httpVersionMajor === 2;

/** Reads a response's head, to be put back by {@link restoreHead}. */
export function headOf(res: ServerResponse): Head {
  const names = res.getHeaderNames();
  const headers = names.length === 0 ? NO_HEADERS : names.map((name) => [name, res.getHeader(name) ?? ""] as const);
  return { status: res.statusCode, message: messageOf(res), headers };
}

/** Gives a response the head that it had before. */
export function restoreHead(res: ServerResponse, head: Head): void {
  for (const name of res.getHeaderNames()) res.removeHeader(name);
  for (const [name, value] of head.headers) res.setHeader(name, value);
  setStatus(res, head.status, head.message);
}

/** The status message, which HTTP/2 does not have and warns about when asked. */
export function messageOf(res: ServerResponse): string {
  return isHttp2(res) ? "" : res.statusMessage;
}

/** Sets status and message; an empty message is the usual one. */
export function setStatus(res: ServerResponse, status: number, message: string): void {
  res.statusCode = status;
  if (!isHttp2(res)) res.statusMessage = message;
}

/** True when `writeHead` sends at once, and not with the first byte of the body. */
export function sendsAtOnce(res: ServerResponse): boolean {
  return isHttp2(res);
}

/**
 * Does to a response what the arguments of `writeHead` ask for, in all their forms, without fixing its head: a status, maybe a
 * message, and headers as an object, a flat list, or a list of pairs. They replace what was set before under the same names.
 */
export function applyHead(res: ServerResponse, [status, second, third]: readonly unknown[]): void {
  const message = typeof second === "string" ? second : undefined;
  const headers = third ?? (message === undefined ? second : undefined);
  const code = assertStatus(status);
  if (Array.isArray(headers)) {
    const pairs = pairsOf(headers);
    for (const [name] of pairs) res.removeHeader(name);
    for (const [name, value] of pairs) res.appendHeader(name, Array.isArray(value) ? value : String(value));
  } else if (typeof headers === "object" && headers !== null) {
    for (const [name, value] of Object.entries(headers)) if (name) res.setHeader(name, value as OutgoingHttpHeader);
  }
  setStatus(res, code, message ?? messageOf(res));
}

/** @throws {RangeError} as Node does, for what is no status of a response */
export function assertStatus(status: unknown): number {
  const code = Number(status) | 0;
  if (code >= 100 && code <= 999) return code;
  throw coded(new RangeError(`Invalid status code: ${String(status)}`), "ERR_HTTP_INVALID_STATUS_CODE");
}

/** Adds what the session asks for. The handler's own cookies stay. */
export function addHeaders(res: ServerResponse, changes: HeaderChanges): void {
  for (const [name, value] of changes.set) res.setHeader(name, value);
  if (changes.setCookie.length === 0) return;
  const present = res.getHeader("set-cookie") ?? undefined;
  const earlier = present === undefined || Array.isArray(present) ? present : [String(present)];
  res.setHeader("Set-Cookie", earlier?.concat(changes.setCookie) ?? changes.setCookie.slice());
}

/** Node's own refusal to change a head that is fixed. */
export function headFixed(res: ServerResponse, action: "set" | "append" | "remove" | "write"): Error {
  return isHttp2(res)
    ? coded(new Error("Response has already been initiated."), "ERR_HTTP2_HEADERS_SENT")
    : coded(new Error(`Cannot ${action} headers after they are sent to the client`), "ERR_HTTP_HEADERS_SENT");
}

/** @throws {TypeError} as Node does, for what is no chunk of a body */
export function assertChunk(chunk: unknown): void {
  if (typeof chunk === "string" || chunk instanceof Uint8Array) return;
  if (chunk === null) throw coded(new TypeError("May not write null values to stream"), "ERR_STREAM_NULL_VALUES");
  const message = 'The "chunk" argument must be of type string or an instance of Buffer or Uint8Array.';
  throw coded(new TypeError(`${message} Received type ${typeof chunk}`), "ERR_INVALID_ARG_TYPE");
}

function pairsOf(headers: readonly unknown[]): readonly (readonly [name: string, value: unknown])[] {
  if (Array.isArray(headers[0])) return headers as (readonly [string, unknown])[];
  if (headers.length % 2 !== 0) {
    throw coded(new TypeError("The argument 'headers' is invalid: a name without a value"), "ERR_INVALID_ARG_VALUE");
  }
  return headers.flatMap((name, at) => (at % 2 === 0 ? [[String(name), headers[at + 1]] as const] : []));
}

function coded<E extends Error>(error: E, code: string): E {
  return Object.assign(error, { code });
}
