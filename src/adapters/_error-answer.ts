import type { ServerResponse } from "node:http";
import { ERROR_TABLE, isSessionError } from "../core/errors.ts";

/** What a visitor gets in place of a response whose session could not be stored. */
interface ErrorAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The status and the words for an error: those of the error table, and nothing about any other error. */
export function errorAnswer(error: unknown): ErrorAnswer {
  const known = isSessionError(error);
  return {
    status: known ? error.status : 500,
    headers: {
      "Content-Type": "text/plain; charset=utf-8",
      "Cache-Control": "no-store",
      ...(known ? error.headers : undefined),
    },
    body: known ? `${error.code}: ${ERROR_TABLE[error.code]?.title ?? "The session failed"}\n` : "Internal Server Error\n",
  };
}

/** Sends {@link errorAnswer} as a Web response. */
export function errorResponse(error: unknown): Response {
  const { status, headers, body } = errorAnswer(error);
  return new Response(body, { status, headers });
}

/**
 * Sends {@link errorAnswer} on a Node response. One that is on its way already is cut off, so that it cannot pass for whole; one
 * that has ended is left alone.
 */
export function sendError(res: ServerResponse, error: unknown): void {
  if (res.writableEnded) return;
  if (res.headersSent) {
    res.destroy();
    return;
  }
  const { status, headers, body } = errorAnswer(error);
  res.writeHead(status, { ...headers, "Content-Length": Buffer.byteLength(body) });
  res.end(body);
}
