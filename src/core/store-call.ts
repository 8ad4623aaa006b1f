import type { Engine } from "./engine.ts";
import { isSessionError, SessionError } from "./errors.ts";
import { publish } from "./events.ts";
import type { SessionHandle } from "./id.ts";
import { isThenable } from "./plain.ts";
import type { Awaitable, LoadOutcome } from "./store.ts";

/** Loads a record. @throws {SessionError} ERR_SESSION_STORE or ERR_SESSION_UNREADABLE */
export async function loadRecord(engine: Engine, handle: SessionHandle): Promise<LoadOutcome> {
  const started = performance.now();
  const outcome = await ask(engine, () => engine.store.load(handle));
  publish("loaded", { store: engine.store.name, durationMs: performance.now() - started });
  return outcome;
}

/**
 * Asks the store something that changes nothing, within `storeTimeoutSeconds`.
 *
 * @throws {SessionError} ERR_SESSION_STORE or ERR_SESSION_UNREADABLE
 */
export async function ask<O>(engine: Engine, send: () => Awaitable<O>): Promise<O> {
  try {
    return await within(engine, send, engine.options.storeTimeoutSeconds * 1000);
  } catch (error) {
    if (isSessionError(error, "ERR_SESSION_UNREADABLE")) {
      publish("unreadable", { store: engine.store.name, reason: "record" });
      throw error;
    }
    throw storeError(engine, error, "no");
  }
}

/** What a verb answered, and whether it had to be sent twice. */
export interface Attempt<O> {
  readonly outcome: O;
  /** True when the first reply was lost: the outcome may be that of a call which had already been applied. */
  readonly repeated: boolean;
}

/**
 * Sends a write, and once more if its reply was lost, both within `storeTimeoutSeconds`. Every write carries a token of its writer,
 * so that sending it twice stores it once, and the caller recognises its own.
 *
 * @throws {SessionError} ERR_SESSION_STORE when nothing was stored, ERR_SESSION_OUTCOME_UNKNOWN when that cannot be known
 */
export async function attempt<O>(engine: Engine, send: () => Awaitable<O>): Promise<Attempt<O>> {
  const limit = engine.options.storeTimeoutSeconds * 1000;
  const started = performance.now();
  try {
    return { outcome: await within(engine, send, limit), repeated: false };
  } catch (error) {
    if (isCertain(error)) throw storeError(engine, error, "no");
    publish("storeError", { store: engine.store.name, error });
    // A store that did not answer in time does not answer a second call either.
    if (error instanceof StoreTimeout) throw outcomeUnknown(error);
  }
  try {
    return { outcome: await within(engine, send, limit - (performance.now() - started)), repeated: true };
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

class StoreTimeout extends Error {
  override readonly name = "StoreTimeout";
}

async function within<O>(engine: Engine, send: () => Awaitable<O>, milliseconds: number): Promise<O> {
  const { health } = engine;
  health?.admit();
  try {
    const reply = send();
    // Embedded stores answer at once, and need no timer.
    const outcome = isThenable(reply) ? await raced(reply as PromiseLike<O>, milliseconds) : reply;
    health?.succeeded();
    return outcome;
  } catch (error) {
    if (isSessionError(error) && error.code !== "ERR_SESSION_STORE") health?.succeeded();
    else health?.failed();
    throw error;
  }
}

const LONGEST_TIMER_MS = 2 ** 31 - 1;

async function raced<O>(reply: PromiseLike<O>, milliseconds: number): Promise<O> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new StoreTimeout("No reply in time")),
      Math.min(Math.max(0, milliseconds), LONGEST_TIMER_MS),
    );
  });
  try {
    return await Promise.race([reply, late]);
  } finally {
    clearTimeout(timer);
  }
}

function isCertain(error: unknown): boolean {
  return isSessionError(error) && (error.code !== "ERR_SESSION_STORE" || error.applied === "no");
}
