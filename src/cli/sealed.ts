import { isSessionError } from "../core/errors.ts";
import type { SessionHandle } from "../core/id.ts";
import type { ResolvedOptions } from "../core/options.ts";
import type { OpenOutcome, StatelessStore } from "../core/store.ts";
import { describeRecord, type Stored } from "./stored.ts";
import type { SealedValue } from "./typed-session.ts";

/** What was found under an id or in a cookie. */
export interface Opened {
  /** Null when a cookie could not be opened. */
  readonly handle: SessionHandle | null;
  readonly stored: Stored | { readonly state: "tampered" };
}

/** Opens a cookie store's value, which opens only under the name that it was made for: each is tried. */
export async function openSealed(
  store: StatelessStore,
  { value, names }: SealedValue,
  options: ResolvedOptions,
): Promise<Opened> {
  let tampered = false;
  for (const name of names) {
    const outcome = tryOpen(store, value, name);
    if (outcome === undefined) return { handle: null, stored: { state: "unreadable", reason: "key or format" } };
    if (outcome.status === "live") {
      return { handle: outcome.record.handle, stored: await describeRecord(outcome.record, 0, options) };
    }
    tampered ||= outcome.tampered;
  }
  return { handle: null, stored: { state: tampered ? "tampered" : "missing" } };
}

function tryOpen(store: StatelessStore, value: string, name: string): OpenOutcome | undefined {
  try {
    return store.open(value, name);
  } catch (error) {
    if (isSessionError(error, "ERR_SESSION_UNREADABLE")) return undefined;
    throw error;
  }
}
