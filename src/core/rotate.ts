import type { Engine } from "./engine.ts";
import { attempt, outcomeUnknown } from "./store-call.ts";
import { isSessionError } from "./errors.ts";
import { publish } from "./events.ts";
import { goneError, goneReasonOf, isStored, newTombstone } from "./outcome.ts";
import type { SessionRecord } from "./record.ts";
import type { RetireOutcome, SaveOutcome, SessionStore } from "./store.ts";

type Rotated = { readonly status: "rotated" } | Extract<SaveOutcome, { status: "conflict" }>;

/**
 * Stores `record` under its new handle and ends `old`, provided that nobody wrote to `old` meanwhile: in one step where the store
 * can, else by creating first and retiring second, so that a crash leaves at most a record whose id nobody holds.
 */
export async function rotateRecord(engine: Engine, old: SessionRecord, record: SessionRecord): Promise<Rotated> {
  const { store } = engine;
  const { rotate } = store;
  if (rotate === undefined) return inSteps(engine, old, record);
  return atOnce(engine, old, record, rotate.bind(store));
}

async function atOnce(
  engine: Engine,
  old: SessionRecord,
  record: SessionRecord,
  rotate: NonNullable<SessionStore["rotate"]>,
): Promise<Rotated> {
  const tombstone = newTombstone(engine, record);
  const { outcome, repeated } = await attempt(engine, (call) => rotate(old.handle, old.version, record, tombstone, call));
  if (outcome.status === "rotated" || outcome.status === "conflict") return outcome;
  // What looks like another's doing may be an earlier sending of this very call.
  if (outcome.status !== "revoked" && (await isStored(engine, record))) return { status: "rotated" };
  if (outcome.status === "exists") throw outcomeUnknown();
  if (repeated && outcome.status === "missing") throw outcomeUnknown();
  throw goneError(engine, goneReasonOf(outcome));
}

async function inSteps(engine: Engine, old: SessionRecord, record: SessionRecord): Promise<Rotated> {
  const created = await attempt(engine, (call) => engine.store.create(record, call));
  if (created.outcome.status === "revoked") throw goneError(engine, "revoked");
  if (created.outcome.status === "exists" && !(await isStored(engine, record))) throw outcomeUnknown();
  const tombstone = newTombstone(engine, record);
  let retired: RetireOutcome;
  try {
    ({ outcome: retired } = await attempt(engine, (call) => engine.store.retire(old.handle, tombstone, old.version, call)));
  } catch (error) {
    // Where nobody knows whether the old record was retired, the new one may be the only one left.
    if (!isSessionError(error, "ERR_SESSION_OUTCOME_UNKNOWN")) await compensate(engine, record);
    throw error;
  }
  if (retired.status === "retired" && retired.tombstone.token === tombstone.token) return { status: "rotated" };
  await compensate(engine, record);
  if (retired.status === "conflict") return retired;
  throw goneError(engine, retired.status === "missing" ? "expired" : retired.tombstone.reason);
}

async function compensate(engine: Engine, record: SessionRecord): Promise<void> {
  try {
    const tombstone = newTombstone(engine);
    await attempt(engine, (call) => engine.store.retire(record.handle, tombstone, undefined, call));
  } catch (error) {
    // What stays behind is a record whose id nobody holds: it expires by itself.
    publish("storeError", { store: engine.store.name, error });
  }
}
