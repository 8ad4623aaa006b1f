import type { ServerResponse } from "node:http";
import { headFixed } from "./_head.ts";
import { shadow } from "./_shadow.ts";

/** What a handler sees of a response that it has begun to send. */
export interface SentView {
  readonly ended: () => boolean;
  readonly needDrain: () => boolean;
}

/**
 * Makes a response look as after Node's own `writeHead`: sent, and with a head that cannot be changed.
 *
 * @returns makes it look as it is
 */
export function fixHead(res: ServerResponse, { ended, needDrain }: SentView): () => void {
  const refuse = (action: "set" | "append" | "remove") => ({
    value: () => {
      throw headFixed(res, action);
    },
  });
  return shadow(res, {
    setHeader: refuse("set"),
    setHeaders: refuse("set"),
    appendHeader: refuse("append"),
    removeHeader: refuse("remove"),
    headersSent: { get: () => true },
    writableEnded: { get: ended },
    writableNeedDrain: { get: needDrain },
  });
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
