import { isThenable } from "./plain.ts";
import type { Awaitable } from "./store.ts";

/** True for a value that is still to come. */
export function isPending<V>(value: Awaitable<V>): value is Promise<V> {
  return isThenable(value);
}

/**
 * Goes on with a value: at once when it is there, else when it comes. A request over a store that answers at once so needs no promise
 * on its way, each of which costs as much as the store.
 */
export function whenSettled<V, R>(value: Awaitable<V>, next: (value: V) => Awaitable<R>): Awaitable<R> {
  return isPending(value) ? value.then(next) : next(value);
}

/** {@link whenSettled} for what may fail, at once or later: then `failed` says how to go on. */
export function whenDone<V, R>(
  start: () => Awaitable<V>,
  next: (value: V) => Awaitable<R>,
  failed: (error: unknown) => Awaitable<R>,
): Awaitable<R> {
  let value: Awaitable<V>;
  try {
    value = start();
  } catch (error) {
    return failed(error);
  }
  return isPending(value) ? value.then(next, failed) : next(value);
}
