import type { Engine } from "./engine.ts";
import { loadRecord } from "./store-call.ts";
import { SessionError } from "./errors.ts";
import { publish } from "./events.ts";
import { newVersion } from "./id.ts";
import type { RetiredReason, SessionRecord, Tombstone } from "./record.ts";
import type { SaveOutcome } from "./store.ts";

/** Why a session to be written is not there any more. */
export type GoneReason = RetiredReason | "expired" | "revoked";

/** The error for a write onto a session that is over. */
export function goneError(engine: Engine, reason: GoneReason): SessionError {
  publish("gone", { store: engine.store.name, reason });
  return new SessionError("ERR_SESSION_GONE", undefined, { reason });
}

/** A tombstone of this writer. */
export function newTombstone({ options }: Engine, reason: RetiredReason, token: string = newVersion()): Tombstone {
  return { reason, token, until: options.clock.now() + options.tombstoneSeconds * 1000 };
}

/** Why there is nothing to write onto. */
export function goneReasonOf(
  outcome: Extract<SaveOutcome, { status: "retired" | "missing" | "revoked" }>,
): GoneReason {
  if (outcome.status === "retired") return outcome.reason;
  return outcome.status === "missing" ? "expired" : "revoked";
}

/** True when the store holds this very record: an earlier sending of it had arrived. */
export async function isStored(engine: Engine, record: SessionRecord): Promise<boolean> {
  const found = await loadRecord(engine, record.handle);
  return found.status === "live" && found.record.version === record.version;
}
