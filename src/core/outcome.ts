import type { Engine } from "./engine.ts";
import { type Attempt, attempt, loadRecord, outcomeUnknown, storeError } from "./store-call.ts";
import { SessionError } from "./errors.ts";
import { publish } from "./events.ts";
import { newVersion, type SessionHandle } from "./id.ts";
import type { RetiredReason, SessionRecord, Tombstone } from "./record.ts";
import type { LoadOutcome, RetireOutcome, SaveOutcome } from "./store.ts";

/** Why a session to be written is not there any more. */
export type GoneReason = RetiredReason | "expired" | "revoked";

/** The error for a write onto a session that is over. */
export function goneError(engine: Engine, reason: GoneReason): SessionError {
  publish("gone", { store: engine.store.name, reason });
  return new SessionError("ERR_SESSION_GONE", undefined, { reason });
}

/** A tombstone of this writer; with the record that the session goes on as, for a rotation. */
export function newTombstone({ options }: Engine, successor?: SessionRecord): Tombstone {
  return {
    reason: successor === undefined ? "ended" : "rotated",
    token: successor?.version ?? newVersion(),
    successor: successor?.handle ?? null,
    until: options.clock.now() + options.tombstoneSeconds * 1000,
  };
}

/**
 * Ends a session whatever version it has, and what it was rotated to meanwhile: who asks for the end has not seen the new id yet.
 *
 * @returns whether this call ended something
 */
export async function endSession(engine: Engine, handle: SessionHandle): Promise<boolean> {
  let ended = false;
  let next: SessionHandle | null = handle;
  // A chain is as long as the rotations of one minute; a loop cannot be, but must not hang either.
  for (let hops = 0; next !== null && hops < MAX_ROTATIONS; hops++) {
    const current: SessionHandle = next;
    const tombstone = newTombstone(engine);
    const { outcome }: Attempt<RetireOutcome> = await attempt(engine, (call) =>
      engine.store.retire(current, tombstone, undefined, call),
    );
    if (outcome.status !== "retired") break;
    ended ||= outcome.tombstone.token === tombstone.token;
    next = outcome.tombstone.successor;
  }
  if (ended) publish("ended", { store: engine.store.name });
  return ended;
}

const MAX_ROTATIONS = 100;

/** Why there is nothing to write onto. */
export function goneReasonOf(outcome: Extract<SaveOutcome, { status: "retired" | "missing" | "revoked" }>): GoneReason {
  if (outcome.status === "retired") return outcome.reason;
  return outcome.status === "missing" ? "expired" : "revoked";
}

/** True when the store holds this very record: an earlier sending of it had arrived. */
export async function isStored(engine: Engine, record: SessionRecord): Promise<boolean> {
  let found: LoadOutcome;
  try {
    found = await loadRecord(engine, record.handle, true);
  } catch (error) {
    throw outcomeUnknown(error);
  }
  return found.status === "live" && found.record.version === record.version;
}

/** Ends the session of a user who was revoked: whoever did that did not get to this record. Gives the tombstone, stored or not. */
export async function endRevoked(engine: Engine, record: SessionRecord): Promise<Tombstone> {
  publish("revoked", { store: engine.store.name });
  const tombstone = newTombstone(engine);
  try {
    await attempt(engine, (call) => engine.store.retire(record.handle, tombstone, undefined, call));
  } catch (error) {
    // It is over all the same: the user's epoch says so to everybody.
    storeError(engine, error, "unknown");
  }
  return tombstone;
}

/** Whether a record is still the one that was stored: nobody rotated or ended it meanwhile. `unknown` when the store fails. */
export type Standing = "current" | "superseded" | "unknown";

/** Asks the store for a record's standing. */
export async function standingOf(engine: Engine, { handle, version, expiresAt }: SessionRecord): Promise<Standing> {
  try {
    const { outcome } = await attempt(engine, (call) => engine.store.touch(handle, version, expiresAt, call));
    return outcome.status === "touched" ? "current" : "superseded";
  } catch {
    return "unknown";
  }
}
