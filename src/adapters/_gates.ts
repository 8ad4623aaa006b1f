import type { ServerResponse } from "node:http";
import { headFixed } from "./_head.ts";
import { shadow } from "./_shadow.ts";

// Properties of their own with constant values keep the responses' shape the same from request to request, which accessors and
// removed properties would not: those only stand where a response goes wrong or streams.
const TRUE = { value: true, configurable: true, writable: true };

function refuseSet(this: ServerResponse): never {
  throw headFixed(this, "set");
}

function refuseAppend(this: ServerResponse): never {
  throw headFixed(this, "append");
}

function refuseRemove(this: ServerResponse): never {
  throw headFixed(this, "remove");
}

/**
 * Makes a response look as after Node's own `writeHead`: sent, and with a head that cannot be changed.
 *
 * @returns lets the head be changed again, for it to be completed; it still looks sent
 */
export function fixHead(res: ServerResponse): () => void {
  const { setHeader, setHeaders, appendHeader, removeHeader } = res;
  Object.defineProperty(res, "headersSent", TRUE);
  res.setHeader = refuseSet;
  res.setHeaders = refuseSet;
  res.appendHeader = refuseAppend;
  res.removeHeader = refuseRemove;
  return () => {
    res.setHeader = setHeader;
    res.setHeaders = setHeaders;
    res.appendHeader = appendHeader;
    res.removeHeader = removeHeader;
  };
}

/** Makes a response look as after Node's own `end`. */
export function showEnded(res: ServerResponse): void {
  Object.defineProperty(res, "writableEnded", TRUE);
}

/** Makes a response look full, or as full as it is. */
export function showFull(res: ServerResponse, full: boolean): void {
  if (full) Object.defineProperty(res, "writableNeedDrain", TRUE);
  else Reflect.deleteProperty(res, "writableNeedDrain");
}

/** Makes a response look as it is. */
export function showPlain(res: ServerResponse): void {
  for (const name of ["headersSent", "writableEnded", "writableNeedDrain"]) Reflect.deleteProperty(res, name);
}

/**
 * Tells the answer of an error handler that takes its time, and whose calls can no longer be told by where they come from, from what
 * the handler, still at work, goes on to send: whoever sets a status or a header is answering, for to the handler the head was sent
 * long ago.
 *
 * @param isKnown true in a call that is known to be the answer's
 * @param answering called once, before somebody else sets a status or a header
 */
export function watchHead(res: ServerResponse, isKnown: () => boolean, answering: () => void): void {
  let { statusCode } = res;
  const begin = (): void => {
    if (isKnown()) return;
    restore();
    res.statusCode = statusCode;
    answering();
  };
  const began = (name: "setHeader" | "setHeaders" | "appendHeader" | "removeHeader") => {
    const before = res[name];
    return {
      value: (...args: unknown[]): unknown => {
        begin();
        return Reflect.apply(before, res, args);
      },
    };
  };
  const restore = shadow(res, {
    setHeader: began("setHeader"),
    setHeaders: began("setHeaders"),
    appendHeader: began("appendHeader"),
    removeHeader: began("removeHeader"),
    statusCode: {
      get: () => statusCode,
      set: (status: number) => {
        begin();
        statusCode = status;
        if (!isKnown()) res.statusCode = status;
      },
    },
  });
}
