import type { ServerResponse } from "node:http";
import type { Session } from "../core/session.ts";
import { afterResponse, owedHeaders, processResponse } from "../middleware/exchange.ts";
import { HeldResponse } from "./_held-response.ts";

/** Where the session is put on the framework's request. */
export interface PropertyOptions {
  /** The property's name; `false` sets none, and leaves `sessions.of`. Default `session`. */
  readonly property?: string | false;
}

/** Puts the session on the framework's object under the name of the options. */
export function setProperty(target: object, { property = "session" }: PropertyOptions, session: unknown): void {
  if (property !== false) Reflect.set(target, property, session);
}

/** Makes a Node response wait for the commit of `session`. */
export function hold<T extends object>(
  session: Session<T>,
  res: ServerResponse,
  answer: (error: unknown) => void,
): HeldResponse {
  return new HeldResponse(res, {
    commit: (response) => processResponse(session, response),
    owed: () => owedHeaders(session),
    answer,
    closed: () => void afterResponse(session),
  });
}
