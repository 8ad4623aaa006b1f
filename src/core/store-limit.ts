import { isSessionError } from "./errors.ts";
import { isThenable } from "./plain.ts";
import type { CallKind, StoreHealth } from "./store-health.ts";
import type { Awaitable, CallOptions, SessionStore } from "./store.ts";

/** Sends a call to a store. */
export type Send<O> = (options?: CallOptions) => Awaitable<O>;

/** A store, and whether it answers. */
export interface Watched {
  readonly store: Pick<SessionStore, "cancels">;
  readonly health?: StoreHealth | undefined;
}

/** The store did not answer in time. What became of the call is unknown. */
export class StoreTimeout extends Error {
  override readonly name = "StoreTimeout";
}

/**
 * Sends a call, unless the store is given a rest, and waits for the answer no longer than `milliseconds`. What a store answers at
 * once is given at once, and what it throws is thrown.
 *
 * @param kind whose failures count together; those of reads keep writes from the store too
 * @throws {SessionError} ERR_SESSION_STORE, with nothing sent, while the store is given a rest
 * @throws {StoreTimeout}
 */
export function within<O>(
  { store, health }: Watched,
  send: Send<O>,
  milliseconds: number,
  kind: CallKind = "read",
): Awaitable<O> {
  health?.admit(kind);
  const cancel = store.cancels === true ? new AbortController() : undefined;
  let reply: Awaitable<O>;
  try {
    reply = send(cancel && { signal: cancel.signal });
  } catch (error) {
    fail(health, kind, error);
    throw error;
  }
  // Embedded stores need no timer.
  if (isThenable(reply)) return raced(reply as PromiseLike<O>, milliseconds, { health, kind, cancel });
  health?.succeeded(kind);
  return reply;
}

/** Counts a failure; an answer that says no is none. */
function fail(health: StoreHealth | undefined, kind: CallKind, error: unknown): void {
  if (isSessionError(error) && error.code !== "ERR_SESSION_STORE") health?.succeeded(kind);
  else health?.failed(kind);
}

const LONGEST_TIMER_MS = 0x7fff_ffff;

interface Waiting {
  readonly health: StoreHealth | undefined;
  readonly kind: CallKind;
  readonly cancel: AbortController | undefined;
}

function raced<O>(reply: PromiseLike<O>, milliseconds: number, { health, kind, cancel }: Waiting): Promise<O> {
  return new Promise<O>((resolve, reject) => {
    let late = false;
    const timer = setTimeout(
      () => {
        late = true;
        const error = new StoreTimeout("No reply in time");
        cancel?.abort(error);
        fail(health, kind, error);
        reject(error);
      },
      Math.min(Math.max(0, milliseconds), LONGEST_TIMER_MS),
    );
    Promise.resolve(reply).then(
      (outcome) => {
        if (late) return;
        clearTimeout(timer);
        health?.succeeded(kind);
        resolve(outcome);
      },
      (error: unknown) => {
        if (late) return;
        clearTimeout(timer);
        fail(health, kind, error);
        resolve(rejected(error));
      },
    );
  });
}

/** True when a call that failed with this error has surely changed nothing. */
export function isCertain(error: unknown): boolean {
  return isSessionError(error) && (error.code !== "ERR_SESSION_STORE" || error.applied === "no");
}

async function rejected(error: unknown): Promise<never> {
  throw error;
}
