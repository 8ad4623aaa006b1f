import {
  type Content,
  contentOf,
  decodeRecord,
  encodeFor,
  type Engine,
  plainOf,
  type Snapshot,
  validate,
} from "./engine.ts";
import { attempt, outcomeUnknown } from "./store-call.ts";
import { SessionError } from "./errors.ts";
import { publish } from "./events.ts";
import { deadlineAt, isExpired, isRefreshDue } from "./expiry.ts";
import { handleOf, newSessionId, newVersion, type SessionId } from "./id.ts";
import { mergeData } from "./merge.ts";
import { goneError, goneReasonOf, isStored } from "./outcome.ts";
import { mergeNotes } from "./payload.ts";
import { type PlainObject, sameValue } from "./plain.ts";
import type { SessionRecord } from "./record.ts";
import { rotateRecord } from "./rotate.ts";
import type { SaveOutcome } from "./store.ts";

/** What to create. */
export interface NewSession {
  readonly content: Content;
  /** True when the client is known to hold the id: a session made outside a request. */
  readonly proven: boolean;
}

/** A session that was stored under a new id. */
export interface Created {
  readonly id: SessionId;
  readonly snapshot: Snapshot;
}

/** Stores a new session under an id that nobody has. */
export async function createSession(engine: Engine, { content, proven }: NewSession): Promise<Created> {
  const plain = plainOf(engine, content);
  await validate(engine, plain);
  for (;;) {
    const id = newSessionId();
    const now = engine.options.clock.now();
    const handle = handleOf(id);
    const expiresAt = deadlineAt({ expiry: content.notes.expiry, createdAt: now, proven }, now, engine.options);
    const record = newRecord(engine, content, plain, { handle, createdAt: now, expiresAt });
    const started = performance.now();
    const { outcome, repeated } = await attempt(engine, () => engine.store.create(record));
    if (outcome.status === "revoked") throw goneError(engine, "revoked");
    if (outcome.status === "created" || (await isStored(engine, record))) {
      publish("created", { store: engine.store.name, durationMs: performance.now() - started });
      return { id, snapshot: { record, plain } };
    }
    if (repeated) throw outcomeUnknown();
  }
}

/** The record of a content, under a version of its own. */
function newRecord(
  engine: Engine,
  content: Content,
  plain: string,
  { handle, createdAt, expiresAt }: Pick<SessionRecord, "handle" | "createdAt" | "expiresAt">,
): SessionRecord {
  return {
    handle,
    data: encodeFor(engine, plain, handle),
    version: newVersion(),
    createdAt,
    expiresAt,
    userId: content.userId,
    epoch: content.epoch,
  };
}

/** What a request wants to do to a session that is stored. */
export interface CommitRequest {
  /** What was read: the base of every merge. */
  readonly base: Snapshot;
  /** What this request made of it. */
  readonly pending: Content;
  /** True when this request emptied the session, so that keys added meanwhile go too. */
  readonly cleared: boolean;
  /** The only keys that a login carries over, whoever wrote them. */
  readonly keep?: readonly string[] | undefined;
  /** True to store it under a new id. */
  readonly rotate: boolean;
  /** True for a login, from which the absolute lifetime counts anew. */
  readonly restart: boolean;
  /** True to store it though nothing changed. */
  readonly force: boolean;
  /** True to count this write as a visit, however lately the deadline was moved. */
  readonly slide: boolean;
  /** True when a client showed that it holds the id. */
  readonly proven: boolean;
  /** The atomic change of `update`: applied to a copy of the pending content, again on each retry. */
  readonly apply?: (content: Content) => Content;
  /** Asked before each write; throws to refuse it. The fence of `exclusive`. */
  readonly guard?: (conflicted: boolean) => Promise<void>;
}

/** What was stored in the end. */
export interface Committed {
  readonly snapshot: Snapshot;
  readonly content: Content;
  /** The new id, if the session was rotated. */
  readonly id: SessionId | undefined;
  /** False when there was nothing to store. */
  readonly wrote: boolean;
}

const FIRST_PAUSE_MS = 2;
const LONGEST_PAUSE_MS = 100;

/**
 * Stores what a request made of a session: compares, writes, and where another request got there first merges and tries again, with
 * jitter, until `contentionSeconds` have passed.
 *
 * @throws {SessionError} ERR_SESSION_GONE, _CONFLICT, _CONTENTION, _STORE, _OUTCOME_UNKNOWN, _UNREADABLE, _DATA, _INVALID, _TOO_LARGE
 */
export async function commitSession(engine: Engine, request: CommitRequest): Promise<Committed> {
  const { clock, contentionSeconds } = engine.options;
  const started = clock.now();
  let { base, pending } = request;
  for (let tries = 0; ; tries++) {
    const content = request.apply === undefined ? pending : request.apply(copyOf(engine, pending));
    const plain = plainOf(engine, content);
    if (!request.rotate && !request.force && isUnchanged(base, content, plain)) {
      return { snapshot: base, content, id: undefined, wrote: false };
    }
    await validate(engine, plain);
    await request.guard?.(tries > 0);
    const sent = await send(engine, request, base, content, plain);
    if (sent.status === "stored") return { ...sent, content, wrote: true };
    const passed = clock.now() - started;
    // A clock that was set back must not make it endless.
    if (passed < 0 || passed >= contentionSeconds * 1000) throw new SessionError("ERR_SESSION_CONTENTION");
    ({ base, pending } = await mergeConflict(engine, sent.record, sent.userEpoch, { ...request, base, pending }));
    if (tries > 0) await clock.sleep(pause(tries));
  }
}

type Sent =
  | { readonly status: "stored"; readonly snapshot: Snapshot; readonly id: SessionId | undefined }
  | Extract<SaveOutcome, { status: "conflict" }>;

async function send(engine: Engine, request: CommitRequest, base: Snapshot, content: Content, plain: string): Promise<Sent> {
  const started = performance.now();
  const createdAt = request.restart ? engine.options.clock.now() : base.record.createdAt;
  const expiresAt = nextDeadline(engine, request, base, content, createdAt);
  if (request.rotate) {
    const id = newSessionId();
    const record = newRecord(engine, content, plain, { handle: handleOf(id), createdAt, expiresAt });
    const outcome = await rotateRecord(engine, base.record, record);
    if (outcome.status === "conflict") return outcome;
    publish("rotated", { store: engine.store.name, durationMs: performance.now() - started });
    return { status: "stored", snapshot: { record, plain }, id };
  }
  const { handle } = base.record;
  const record = newRecord(engine, content, plain, { handle, createdAt, expiresAt });
  const { outcome, repeated } = await attempt(engine, () => engine.store.save(record, base.record.version));
  const stored = outcome.status === "saved" || (outcome.status === "conflict" && outcome.record.version === record.version);
  if (stored) {
    publish("saved", { store: engine.store.name, durationMs: performance.now() - started });
    return { status: "stored", snapshot: { record, plain }, id: undefined };
  }
  // The first sending may have been stored, and then written over or rotated by somebody who had read it.
  if (repeated) throw outcomeUnknown();
  if (outcome.status !== "conflict") throw goneError(engine, goneReasonOf(outcome));
  return outcome;
}

/**
 * The deadline to store. It moves in the same steps as a read would move it, so that the cookie, which is sent when it moves, lasts
 * as long as the record.
 */
function nextDeadline(engine: Engine, request: CommitRequest, base: Snapshot, content: Content, createdAt: number): number {
  const { options } = engine;
  const { expiresAt } = base.record;
  const now = options.clock.now();
  // Read before its last moment and written after it: there is no deadline left to give it.
  if (createdAt + options.absoluteSeconds * 1000 <= now) throw goneError(engine, "expired");
  const state = { expiry: content.notes.expiry, createdAt, proven: request.proven };
  const same = sameValue(contentOf(engine, base).notes.expiry, content.notes.expiry);
  const moves = request.rotate || request.slide || !same || isRefreshDue(state, expiresAt, now, options);
  return moves ? deadlineAt(state, now, options) : expiresAt;
}

/** A request's view of a session: what it read and what it made of it. */
export interface Pending {
  readonly base: Snapshot;
  readonly pending: Content;
  readonly cleared: boolean;
  readonly keep?: readonly string[] | undefined;
}

/** Merges what a request made of a session onto what is stored now. */
export async function mergeConflict(
  engine: Engine,
  record: SessionRecord,
  userEpoch: number | undefined,
  { base, pending, cleared, keep }: Pending,
): Promise<Pending> {
  const { store, options } = engine;
  publish("conflict", { store: store.name });
  const now = options.clock.now();
  if (record.userId !== null && (userEpoch ?? 0) > record.epoch) throw goneError(engine, "revoked");
  if (record.userId !== base.record.userId) throw goneError(engine, "rotated");
  if (isExpired(record, now, options)) throw goneError(engine, "expired");
  const fresh = await decodeRecord(engine, record);
  const theirs = contentOf(engine, fresh);
  const before = contentOf(engine, base);
  const rules = { rules: options.merge, together: options.together };
  const merged = mergeData(before.data, onlyKeys(theirs.data, keep), pending.data, rules, cleared);
  if (merged.merged > 0) publish("merged", { store: store.name, keys: merged.merged });
  if (merged.overwritten > 0) publish("overwritten", { store: store.name, keys: merged.overwritten });
  return {
    base: fresh,
    pending: {
      data: merged.data,
      notes: mergeNotes(before.notes, theirs.notes, pending.notes, now),
      userId: pending.userId,
      // A login of this request brings an epoch of its own; otherwise the other side may have renewed it.
      epoch: pending.userId === before.userId && pending.epoch === before.epoch ? theirs.epoch : pending.epoch,
    },
    cleared,
    keep,
  };
}

/** The entries that a login carries over: what others wrote meanwhile under other keys is not among them. */
export function onlyKeys(data: PlainObject, keep: readonly string[] | undefined): PlainObject {
  if (keep === undefined) return data;
  return Object.fromEntries(Object.entries(data).filter(([key]) => keep.includes(key)));
}

/** True when storing `content` would change nothing. */
export function isUnchanged(base: Snapshot, content: Content, plain: string): boolean {
  return plain === base.plain && content.userId === base.record.userId && content.epoch === base.record.epoch;
}

function copyOf(engine: Engine, content: Content): Content {
  const { codec } = engine.options;
  return { ...content, data: codec.parse(codec.stringify(content.data)) };
}

function pause(tries: number): number {
  const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** tries);
  return Math.ceil(longest * (0.5 + Math.random() / 2));
}
