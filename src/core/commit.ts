import {
  type Content,
  contentOf,
  decodeRecord,
  encodeFor,
  type Engine,
  newSnapshot,
  plainOf,
  type Snapshot,
  validate,
} from "./engine.ts";
import { attempt, outcomeUnknown } from "./store-call.ts";
import { SessionError } from "./errors.ts";
import { publish, publishTimed, timeFor } from "./events.ts";
import { deadlineAt, isExpired, isRefreshDue } from "./expiry.ts";
import type { SessionHandle, SessionId } from "./id.ts";
import { mergeData } from "./merge.ts";
import { goneError, goneReasonOf, isStored } from "./outcome.ts";
import { mergeNotes } from "./payload.ts";
import { type PlainObject, sameValue } from "./plain.ts";
import type { SessionRecord } from "./record.ts";
import { rotateRecord } from "./rotate.ts";
import { whenSettled } from "./settled.ts";
import type { Awaitable, SaveOutcome } from "./store.ts";

/** What to create. */
export interface NewSession {
  readonly content: Content;
  /** The content's plain text, where it is known. */
  readonly plain?: string;
  /** True when the client is known to hold the id: a session made outside a request. */
  readonly proven: boolean;
}

/** A session that was stored under a new id. */
export interface Created {
  readonly id: SessionId;
  readonly snapshot: Snapshot;
}

/** Stores a new session under an id that nobody has. */
export async function createSession(engine: Engine, { content, proven, ...known }: NewSession): Promise<Created> {
  const { plain = plainOf(engine, content) } = known;
  await validate(engine, plain);
  for (;;) {
    const id = engine.format.newId();
    const now = engine.options.clock.now();
    const handle = engine.format.handleOf(id);
    const expiresAt = deadlineAt({ expiry: content.notes.expiry, createdAt: now, proven }, now, engine.options);
    const record = new NewRecord(engine, content, plain, handle, now, expiresAt);
    const started = timeFor("created");
    const { outcome, repeated } = await attempt(engine, (call) => engine.store.create(record, call));
    if (outcome.status === "revoked") throw goneError(engine, "revoked");
    if (outcome.status === "created" || (await isStored(engine, record))) {
      publishTimed("created", engine.store.name, started);
      return { id, snapshot: newSnapshot(record, plain, content.notes) };
    }
    if (repeated) throw outcomeUnknown();
  }
}

/** A content without its data. */
type Header = Omit<Content, "data">;

/** The record of a content, under a version of its own. */
class NewRecord implements SessionRecord {
  readonly handle: SessionHandle;
  readonly data: string;
  readonly version: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly userId: string | null;
  readonly epoch: number;

  constructor(engine: Engine, content: Header, plain: string, handle: SessionHandle, createdAt: number, expiresAt: number) {
    this.handle = handle;
    this.data = encodeFor(engine, plain, handle);
    this.version = engine.format.versionOf(this.data);
    this.createdAt = createdAt;
    this.expiresAt = expiresAt;
    this.userId = content.userId;
    this.epoch = content.epoch;
  }
}

/** What a request wants to do to a session that is stored. */
export class CommitRequest {
  /** What was read: the base of every merge. */
  readonly base: Snapshot;
  /** What this request made of it, but for the data. */
  readonly pending: Header;
  /** The plain text of what this request made of it. */
  readonly plain: string;
  /** Gives what this request made of it, each time as a copy of its own. */
  readonly copy: () => Content;
  /** What is known to be stored in the base's place by now. */
  newer: SessionRecord | undefined = undefined;
  /** True when this request emptied the session, so that keys added meanwhile go too. */
  cleared = false;
  /** The only keys that a login carries over, whoever wrote them. */
  keep: readonly string[] | undefined = undefined;
  /** True to store it under a new id. */
  rotate = false;
  /** True for a login, from which the absolute lifetime counts anew. */
  restart = false;
  /** True to store it though nothing changed. */
  force = false;
  /** True to count this write as a visit, however lately the deadline was moved. */
  slide = false;
  /** True when a client showed that it holds the id. */
  proven = false;
  /** The atomic change of `update`: applied to a copy of the pending content, again on each retry. */
  apply: ((content: Content) => Content) | undefined = undefined;
  /** Asked before each write; throws to refuse it. The fence of `exclusive`. */
  guard: ((conflicted: boolean) => Promise<void>) | undefined = undefined;

  constructor(base: Snapshot, pending: Header, plain: string, copy: () => Content) {
    this.base = base;
    this.pending = pending;
    this.plain = plain;
    this.copy = copy;
  }
}

/** What was stored in the end. */
export class Committed {
  readonly snapshot: Snapshot;
  /** The new id, if the session was rotated. */
  readonly id: SessionId | undefined;
  /** What was stored; undefined when that is just what the request had made of it. */
  content: Content | undefined;
  /** False when there was nothing to store. */
  readonly wrote: boolean;

  constructor(snapshot: Snapshot, id?: SessionId, wrote = true) {
    this.snapshot = snapshot;
    this.id = id;
    this.content = undefined;
    this.wrote = wrote;
  }

  /** The same, with what was stored. */
  of(content: Content | undefined): this {
    this.content = content;
    return this;
  }
}

const FIRST_PAUSE_MS = 2;
const LONGEST_PAUSE_MS = 100;

/**
 * Stores what a request made of a session: compares, writes, and where another request got there first merges and tries again, with
 * jitter, until `contentionSeconds` have passed. What meets no other, in a store that answers at once, is stored at once.
 *
 * @throws {SessionError} ERR_SESSION_GONE, _CONFLICT, _CONTENTION, _STORE, _OUTCOME_UNKNOWN, _UNREADABLE, _DATA, _INVALID, _TOO_LARGE
 */
export function commitSession(engine: Engine, request: CommitRequest): Awaitable<Committed> {
  const started = engine.options.clock.now();
  const { base, newer } = request;
  // To write onto what is not there any more would only bring back what is.
  if (newer !== undefined) return commitAfter(engine, request, { status: "conflict", record: newer }, started);
  const first = tryCommit(engine, request, { base, merged: undefined, isRetry: false });
  return whenSettled(first, (done) => ("status" in done ? commitAfter(engine, request, done, started) : done));
}

/** Somebody else's record, where this request's was to be stored. */
type Conflict = Extract<SaveOutcome, { status: "conflict" }>;

async function commitAfter(engine: Engine, request: CommitRequest, met: Conflict, started: number): Promise<Committed> {
  const { clock, contentionSeconds } = engine.options;
  const { cleared, keep } = request;
  let { base } = request;
  let merged: Content | undefined;
  let conflict = met;
  for (let tries = 1; ; tries++) {
    const passed = clock.now() - started;
    // A clock that was set back must not make it endless.
    if (passed < 0 || passed >= contentionSeconds * 1000) throw new SessionError("ERR_SESSION_CONTENTION");
    const pending = merged ?? request.copy();
    const { record, userEpoch } = conflict;
    ({ base, pending: merged } = await mergeConflict(engine, record, userEpoch, { base, pending, cleared, keep }));
    if (tries > 1) await clock.sleep(pause(tries - 1));
    const done = await tryCommit(engine, request, { base, merged, isRetry: true });
    if (!("status" in done)) return done;
    conflict = done;
  }
}

interface Try {
  readonly base: Snapshot;
  /** What the request made of the session, merged onto the base; absent where its text is known and need not be taken apart. */
  readonly merged: Content | undefined;
  readonly isRetry: boolean;
}

function tryCommit(engine: Engine, request: CommitRequest, { base, merged, isRetry }: Try): Awaitable<Committed | Conflict> {
  const content = applied(engine, request, merged);
  const plain = content === undefined ? request.plain : plainOf(engine, content, base.plain);
  const header = content ?? request.pending;
  if (!request.rotate && !request.force && isUnchanged(base, header, plain)) {
    return new Committed(base, undefined, false).of(content);
  }
  const write = (): Awaitable<Committed | Conflict> =>
    whenSettled(send(engine, request, base, header, plain), (sent) => ("status" in sent ? sent : sent.of(content)));
  const checked = validate(engine, plain);
  const { guard } = request;
  if (guard === undefined) return whenSettled(checked, write);
  return whenSettled(checked, () => guard(isRetry).then(write));
}

/** What is to be stored; undefined for just what the request made of the session. */
function applied(engine: Engine, { apply, copy }: CommitRequest, merged: Content | undefined): Content | undefined {
  if (apply === undefined) return merged;
  return apply(merged === undefined ? copy() : copyOf(engine, merged));
}

function send(
  engine: Engine,
  request: CommitRequest,
  base: Snapshot,
  content: Header,
  plain: string,
): Awaitable<Committed | Conflict> {
  const createdAt = request.restart ? engine.options.clock.now() : base.record.createdAt;
  const expiresAt = nextDeadline(engine, request, base, content, createdAt);
  if (request.rotate) return sendRotated(engine, base.record, content, plain, createdAt, expiresAt);
  const { handle } = base.record;
  const record = new NewRecord(engine, content, plain, handle, createdAt, expiresAt);
  const started = timeFor("saved");
  const sent = attempt(engine, (call) => engine.store.save(record, base.record.version, call));
  return whenSettled(sent, ({ outcome, repeated }) => {
    const met = outcome.status === "conflict" && outcome.record.version === record.version;
    if (outcome.status === "saved" || (met && engine.format.ownVersions)) {
      publishTimed("saved", engine.store.name, started);
      return new Committed(newSnapshot(record, plain, content.notes));
    }
    // The first sending may have been stored, and then written over or rotated by somebody who had read it.
    if (repeated) throw outcomeUnknown();
    if (outcome.status !== "conflict") throw goneError(engine, goneReasonOf(outcome));
    return outcome;
  });
}

async function sendRotated(
  engine: Engine,
  old: SessionRecord,
  content: Header,
  plain: string,
  createdAt: number,
  expiresAt: number,
): Promise<Committed | Conflict> {
  const id = engine.format.newId();
  const record = new NewRecord(engine, content, plain, engine.format.handleOf(id), createdAt, expiresAt);
  const started = timeFor("rotated");
  const outcome = await rotateRecord(engine, old, record);
  if (outcome.status === "conflict") return outcome;
  publishTimed("rotated", engine.store.name, started);
  return new Committed(newSnapshot(record, plain, content.notes), id);
}

/**
 * The deadline to store. It moves in the same steps as a read would move it, so that the cookie, which is sent when it moves, lasts
 * as long as the record.
 */
function nextDeadline(engine: Engine, request: CommitRequest, base: Snapshot, content: Header, createdAt: number): number {
  const { options } = engine;
  const { expiresAt } = base.record;
  const now = options.clock.now();
  // Read before its last moment and written after it: there is no deadline left to give it.
  if (createdAt + options.absoluteSeconds * 1000 <= now) throw goneError(engine, "expired");
  const state = { expiry: content.notes.expiry, createdAt, proven: request.proven };
  const same = sameValue(base.notes.expiry, content.notes.expiry);
  const moves =
    engine.format.slides === "write" ||
    request.rotate ||
    request.slide ||
    !same ||
    isRefreshDue(state, expiresAt, now, options);
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
  const { snapshot: fresh, content: theirs } = await decodeRecord(engine, record);
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
export function isUnchanged(base: Snapshot, content: Header, plain: string): boolean {
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
