import type { ServerResponse } from "node:http";
import type { Session } from "../core/session.ts";
import type { Awaitable } from "../core/store.ts";
import {
  type HeaderChanges,
  headersLeft,
  owedHeaders,
  type SessionResponse,
  settleAfterResponse,
  settleResponse,
  whenAsked,
} from "../middleware/exchange.ts";
import { type Head, headOf } from "./_head.ts";
import { HeldResponse, type Holder } from "./_held-response.ts";
import { type Detour, detour } from "./_response-verbs.ts";

/** Where the session is put on the framework's request. */
export interface PropertyOptions {
  /** The property's name; `false` sets none, and leaves `sessions.of`. Default `session`. */
  readonly property?: string | false;
}

/** Puts the session on the framework's object under the name of the options. */
export function setProperty(target: object, { property = "session" }: PropertyOptions, session: unknown): void {
  if (property !== false) (target as Record<string, unknown>)[property] = session;
}

/**
 * Makes a Node response wait for the commit of `session`, once somebody asks for the session.
 *
 * @param onHeld told when it waits: not before the session is asked for, and not when its headers had left by then
 */
export function hold<T extends object>(
  session: Session<T>,
  res: ServerResponse,
  answer: (error: unknown) => void,
  onHeld?: (held: HeldResponse) => void,
): void {
  const waiting = new Hold(session as unknown as Session<never>, res, answer, onHeld);
  whenAsked(session, () => waiting.asked());
}

/** A response that is held for its session as soon as somebody asks for that. */
class Hold implements Holder {
  readonly answer: (error: unknown) => void;
  readonly #session: Session<never>;
  readonly #res: ServerResponse;
  readonly #first: Head;
  readonly #detoured: Detour;
  readonly #onHeld: ((held: HeldResponse) => void) | undefined;
  #held: HeldResponse | undefined;

  constructor(
    session: Session<never>,
    res: ServerResponse,
    answer: (error: unknown) => void,
    onHeld: ((held: HeldResponse) => void) | undefined,
  ) {
    this.answer = answer;
    this.#session = session;
    this.#res = res;
    this.#first = headOf(res);
    this.#detoured = detour(res);
    this.#onHeld = onHeld;
    // With its head fixed by hand, a response can still wait, and take a cookie.
    this.#detoured.onHead = () => this.#take();
  }

  asked(): void {
    if (this.#detoured.passed) {
      headersLeft(this.#session);
      this.#res.once("close", () => this.closed(true));
      return;
    }
    const held = this.#take();
    this.#onHeld?.(held);
  }

  commit(response: SessionResponse): Awaitable<HeaderChanges> {
    return settleResponse(this.#session, response);
  }

  owed(): HeaderChanges {
    return owedHeaders(this.#session);
  }

  closed(streamed: boolean): void {
    void settleAfterResponse(this.#session, streamed);
  }

  #take(): HeldResponse {
    return (this.#held ??= new HeldResponse(this.#res, this.#detoured, this.#first, this));
  }
}
