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
 * Tells the answer of an error handler that takes its time from what the handler, still at work, goes on to send: whoever sets a
 * status or a header is answering, for to the handler the head was sent long ago.
 *
 * @param answering called once, before that status or header is set
 */
export function watchHead(res: ServerResponse, answering: () => void): void {
  const begin = (): void => {
    restore();
    answering();
  };
  const began = (name: "setHeader" | "setHeaders" | "appendHeader" | "removeHeader" | "writeHead") => ({
    value: (...args: unknown[]): unknown => {
      begin();
      return Reflect.apply(res[name], res, args);
    },
  });
  const { statusCode } = res;
  const restore = shadow(res, {
    setHeader: began("setHeader"),
    setHeaders: began("setHeaders"),
    appendHeader: began("appendHeader"),
    removeHeader: began("removeHeader"),
    writeHead: began("writeHead"),
    statusCode: {
      get: () => statusCode,
      set: (status: number) => {
        begin();
        res.statusCode = status;
      },
    },
  });
}
