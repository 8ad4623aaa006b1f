import { SessionError } from "../../core/errors.ts";
import type { Connection } from "./connection.ts";
import type { Reply } from "./replies.ts";

/**
 * Names one state of one item. The server counts its writes and gives each item the count as its `cas`, so the same number never names
 * another state, for as long as the server runs. A server that was started again counts from one: therefore a token holds only on the
 * connection that it came over, which no restart outlives, and is sent over no other.
 */
export interface Token {
  readonly connection: Connection;
  readonly cas: string;
  /** The number of the state, see {@link nextState}. */
  readonly state: number;
}

const STATES = 0x1_0000_0000;

/** The number, in the item's flags, that an item begins with. */
export function firstState(): number {
  return Math.floor(Math.random() * STATES);
}

/**
 * The number of the state that follows. A write does not tell the new token, so the item's flags are read behind it: had others written
 * in between, each on the state before, the number would have gone on with each of them, and the token is not taken for ours.
 */
export function nextState(state: number): number {
  return (state + 1) % STATES;
}

/**
 * The token in a reply. Undefined when there is no item, or one without a token.
 *
 * @throws {SessionError} `ERR_SESSION_CONFIG` when the server was told to have none
 */
export function tokenIn(connection: Connection, { words }: Reply): Token | undefined {
  const cas = flag(words, "c");
  const state = flag(words, "f");
  if (cas === "0") {
    throw new SessionError("ERR_SESSION_CONFIG", "Memcached runs without compare-and-swap: start it without `-C`");
  }
  return cas === undefined || state === undefined ? undefined : { connection, cas, state: Number(state) };
}

function flag(words: readonly string[], name: string): string | undefined {
  const value = words.find((word) => word.startsWith(name))?.slice(1);
  return value !== undefined && /^\d{1,20}$/.test(value) ? value : undefined;
}
