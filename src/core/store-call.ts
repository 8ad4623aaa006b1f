import type { Engine } from "./engine.ts";
import { isSessionError, SessionError } from "./errors.ts";
import { publish, publishTimed, timeFor } from "./events.ts";
import type { SessionHandle } from "./id.ts";
import { isPending, whenSettled } from "./settled.ts";
import { isCertain, type Send, StoreTimeout, within } from "./store-limit.ts";
import type { Awaitable, LoadOutcome } from "./store.ts";

/**
 * Loads a record; with `fresh` not a copy of it. Of a store that answers at once, at once.
 *
 * @throws {SessionError} ERR_SESSION_STORE or ERR_SESSION_UNREADABLE
 */
export function loadRecord(engine: Engine, handle: SessionHandle, fresh = false): Awaitable<LoadOutcome> {
  const started = timeFor("loaded");
  const reply = ask(engine, (call) => engine.store.load(handle, fresh ? { ...call, fresh } : call));
  if (started === undefined) return reply;
  return whenSettled(reply, (outcome) => {
    publishTimed("loaded", engine.store.name, started);
    return outcome;
  });
}

/**
 * Asks the store something that changes nothing, within `storeTimeoutSeconds`. Of a store that answers at once, at once.
 *
 * @throws {SessionError} ERR_SESSION_STORE or ERR_SESSION_UNREADABLE
 */
export function ask<O>(engine: Engine, send: Send<O>): Awaitable<O> {
  let reply: Awaitable<O>;
  try {
    reply = within(engine, send, engine.options.storeTimeoutSeconds * 1000);
  } catch (error) {
    throw askError(engine, error);
  }
  if (!isPending(reply)) return reply;
  return reply.catch((error: unknown) => {
    throw askError(engine, error);
  });
}

function askError(engine: Engine, error: unknown): unknown {
  if (!isSessionError(error, "ERR_SESSION_UNREADABLE")) return storeError(engine, error, "no");
  publish("unreadable", { store: engine.store.name, reason: "record" });
  return error;
}

/** What a verb answered, and whether it had to be sent twice. */
export interface Attempt<O> {
  readonly outcome: O;
  /** True when the first reply was lost: the outcome may be that of a call which had already been applied. */
  readonly repeated: boolean;
}

/**
 * Sends a write, and once more if its reply was lost, both within `storeTimeoutSeconds`. Every write carries a token of its writer,
 * so that sending it twice stores it once, and the caller recognises its own. Of a store that answers at once, at once.
 *
 * @throws {SessionError} ERR_SESSION_STORE when nothing was stored, ERR_SESSION_OUTCOME_UNKNOWN when that cannot be known
 */
export function attempt<O>(engine: Engine, send: Send<O>): Awaitable<Attempt<O>> {
  const limit = engine.options.storeTimeoutSeconds * 1000;
  const started = performance.now();
  const again = (error: unknown): Awaitable<Attempt<O>> => {
    if (isCertain(error)) throw storeError(engine, error, "no");
    publish("storeError", { store: engine.store.name, error });
    // A store that did not answer in time does not answer a second call either.
    if (error instanceof StoreTimeout) throw outcomeUnknown(error);
    return attemptAgain(engine, send, limit - (performance.now() - started));
  };
  let reply: Awaitable<O>;
  try {
    reply = within(engine, send, limit, "write");
  } catch (error) {
    return again(error);
  }
  if (!isPending(reply)) return { outcome: reply, repeated: false };
  return reply.then((outcome) => ({ outcome, repeated: false }), again);
}

async function attemptAgain<O>(engine: Engine, send: Send<O>, limit: number): Promise<Attempt<O>> {
  try {
    return { outcome: await within(engine, send, limit, "write"), repeated: true };
  } catch (error) {
    publish("storeError", { store: engine.store.name, error });
    throw outcomeUnknown(error);
  }
}

/** The error for a write of which nobody can say whether it was stored. */
export function outcomeUnknown(cause?: unknown): SessionError {
  return new SessionError("ERR_SESSION_OUTCOME_UNKNOWN", undefined, { cause });
}

/** A store's failure as the library reports it; an error that is one already passes. */
export function storeError(engine: Engine, error: unknown, applied: "no" | "unknown"): SessionError {
  publish("storeError", { store: engine.store.name, error });
  if (isSessionError(error)) return error;
  const what = error instanceof StoreTimeout ? "did not answer in time" : "failed";
  return new SessionError("ERR_SESSION_STORE", `The store \`${engine.store.name}\` ${what}`, { cause: error, applied });
}

/** True for the error of a store that did not answer within `storeTimeoutSeconds`. */
export function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.cause instanceof StoreTimeout;
}
