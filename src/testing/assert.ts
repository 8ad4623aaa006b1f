import { isDeepStrictEqual } from "node:util";

/** A promise of a kit that was not kept. */
export class RuleFailure extends Error {
  override readonly name = "RuleFailure";
}

const LONGEST_SHOWN = 200;

function show(value: unknown): string {
  const text = typeof value === "string" ? JSON.stringify(value) : (JSON.stringify(value) ?? String(value));
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}… (${text.length} characters)` : text;
}

/** @throws {RuleFailure} always */
export function fail(message: string): never {
  throw new RuleFailure(message);
}

/** @throws {RuleFailure} unless `condition` holds */
export function ok(condition: boolean, message: string): asserts condition {
  if (!condition) fail(message);
}

/**
 * Compares deeply. Objects are compared by their own fields, whatever made them; a field that is undefined counts as absent.
 *
 * @throws {RuleFailure} unless both are the same
 */
export function equal(actual: unknown, expected: unknown, what: string): void {
  if (!isDeepStrictEqual(plain(actual), plain(expected))) fail(`${what}: expected ${show(expected)}, got ${show(actual)}`);
}

// A driver's rows may have no prototype; what counts is what they hold.
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return Object.fromEntries(fields.map(([key, field]) => [key, plain(field)]));
}

/** What a call came to: its value, or the error that it threw or rejected with. */
export type Settled<T> = { readonly value: T; readonly error?: undefined } | { readonly error: NonNullable<unknown> };

/** Runs `call` and gives its outcome instead of throwing. */
export async function settle<T>(call: () => T | Promise<T>): Promise<Settled<T>> {
  try {
    return { value: await call() };
  } catch (error) {
    return { error: error ?? new Error("rejected with nothing") };
  }
}

/** @throws {RuleFailure} unless `call` throws or rejects; gives the error */
export async function rejects(call: () => unknown, what: string): Promise<NonNullable<unknown>> {
  const outcome = await settle(call);
  if (outcome.error === undefined) return fail(`${what}: expected an error`);
  return outcome.error;
}
