import { isSessionError } from "../../core/errors.ts";
import { handleOf, newSessionId, newVersion, type SessionHandle } from "../../core/id.ts";
import type { RetiredReason, SessionRecord, Tombstone } from "../../core/record.ts";
import type { RetireOutcome, SessionStore } from "../../core/store.ts";
import { equal, fail, ok, rejects, settle } from "../assert.ts";

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;

/** A handle that nobody has. */
export function newHandle(): SessionHandle {
  return handleOf(newSessionId());
}

/** Text as a handle, whatever it looks like. */
export function asHandle(text: string): SessionHandle {
  return text as SessionHandle;
}

/** The next version of a record, changed by `fields`. */
export function next(record: SessionRecord, fields: Partial<SessionRecord> = {}): SessionRecord {
  return { ...record, version: newVersion(), ...fields };
}

/** A record's successor after a rotation. */
export function successor(record: SessionRecord, fields: Partial<SessionRecord> = {}): SessionRecord {
  return next(record, { handle: newHandle(), ...fields });
}

/** A tombstone that stays for a minute after `now`. */
export function tombstone(now: number, reason: RetiredReason = "ended", until = now + MINUTE): Tombstone {
  return { reason, token: newVersion(), successor: reason === "rotated" ? newHandle() : null, until };
}

/** What `retire` answers when this tombstone is the one that holds. */
export function retiredBy(stone: Tombstone): RetireOutcome {
  return { status: "retired", tombstone: stone };
}

/** Stores records, and fails unless each was created. */
export async function created(store: SessionStore, ...records: readonly SessionRecord[]): Promise<void> {
  for (const record of records) equal((await store.create(record)).status, "created", "create");
}

/** As much of a store as it takes to look at a record. */
type Loads = Pick<SessionStore, "load">;

/** The store as it answers when no copy will do: for what another handle wrote. */
export function fresh(store: SessionStore): Loads {
  return { load: (handle) => store.load(handle, { fresh: true }) };
}

/** @throws unless both records hold the same */
export function sameRecord(actual: SessionRecord, expected: SessionRecord, what: string): void {
  const { handle, data, version, createdAt, expiresAt, userId, epoch } = actual;
  equal({ handle, data, version, createdAt, expiresAt, userId, epoch }, expected, what);
}

/** @throws unless the store serves exactly this record; gives the user's epoch that came with it */
export async function expectLive(
  store: Loads,
  record: SessionRecord,
  what = "the stored record",
): Promise<number | undefined> {
  const outcome = await store.load(record.handle);
  if (outcome.status !== "live") return fail(`${what}: expected a live record, got ${outcome.status}`);
  sameRecord(outcome.record, record, what);
  return outcome.userEpoch;
}

/** @throws unless the handle holds this tombstone, or one of this reason, and nothing of the data */
export async function expectRetired(
  store: Loads,
  handle: SessionHandle,
  expected: RetiredReason | Tombstone,
  what = "the ended record",
): Promise<void> {
  const outcome = await store.load(handle);
  if (outcome.status !== "retired") return fail(`${what}: expected a tombstone, got ${outcome.status}`);
  const stone = outcome.tombstone;
  if (typeof expected === "string") equal(stone.reason, expected, what);
  else equal(stone, expected, what);
  equal(Object.keys(outcome).toSorted(), ["status", "tombstone"], what);
  equal(Object.keys(stone).toSorted(), ["reason", "successor", "token", "until"], what);
}

/** @throws unless nothing is stored under the handle */
export async function expectMissing(
  store: Loads,
  handle: SessionHandle,
  what = "a handle that holds nothing",
): Promise<void> {
  equal(await store.load(handle), { status: "missing" }, what);
}

/** @throws unless the user's records are exactly these, in any order */
export async function expectSessionsOf(
  store: SessionStore,
  userId: string,
  records: readonly SessionRecord[],
  what: string,
): Promise<void> {
  const users = store.users ?? fail("the store has no users");
  const found = await users.sessionsOf(userId);
  const byHandle = (a: SessionRecord, b: SessionRecord): number => (a.handle < b.handle ? -1 : 1);
  equal(found.map((record) => record.handle).toSorted(), records.map((record) => record.handle).toSorted(), what);
  const expected = records.toSorted(byHandle);
  for (const [index, record] of found.toSorted(byHandle).entries()) sameRecord(record, expected[index] ?? fail(what), what);
}

/** Every record that the store lists, page by page. */
export async function listAll(store: SessionStore, limit = 100): Promise<SessionRecord[]> {
  const all: SessionRecord[] = [];
  for (;;) {
    const last = all.at(-1)?.handle;
    const page =
      (await store.list?.(last === undefined ? { limit } : { after: last, limit })) ?? fail("the store has no list");
    if (page.length === 0) return all;
    ok(page.length <= limit, "a page is longer than its limit");
    ok(last === undefined || page.every(({ handle }) => handle > last), "a page has what the page before it had");
    all.push(...page);
  }
}

/** One batch, which a store may do in several goes; gives what it removed. */
export async function clear(store: SessionStore, before: number, limit = 100): Promise<number> {
  let removed = 0;
  for (let goes = 0; goes < 10_000; goes++) {
    const outcome =
      (await store.clearExpired?.({ before, limit: limit - removed })) ?? fail("the store has no clearExpired");
    if (typeof outcome === "number") return removed + outcome;
    removed += outcome.removed;
    if (removed >= limit) return removed;
  }
  return fail("clearExpired says for ever that there is more");
}

/** Sweeps in batches until nothing is left; gives what each batch removed. */
export async function sweep(store: SessionStore, before: number, limit = 100): Promise<number[]> {
  const batches: number[] = [];
  for (;;) {
    const removed = await clear(store, before, limit);
    batches.push(removed);
    if (removed < limit) return batches;
    if (batches.length > 10_000) fail("the sweep does not end");
  }
}

/** @throws unless loading rejects with `ERR_SESSION_UNREADABLE` */
export async function expectUnreadable(store: Loads, handle: SessionHandle, what = "the damaged record"): Promise<void> {
  const error = await rejects(() => store.load(handle), `${what}: load`);
  ok(isSessionError(error, "ERR_SESSION_UNREADABLE"), `${what}: expected ERR_SESSION_UNREADABLE, got ${String(error)}`);
}

const ACKNOWLEDGED: ReadonlySet<unknown> = new Set(["created", "saved", "touched", "rotated"]);

/** @throws when a write says that it was done; a refusal or an error is right */
export async function notAcknowledged(write: () => unknown, what: string): Promise<void> {
  const outcome = await settle<unknown>(write);
  const value = outcome.error === undefined ? outcome.value : undefined;
  const status = typeof value === "object" && value !== null && "status" in value ? value.status : undefined;
  ok(!ACKNOWLEDGED.has(status), `${what}: must not be acknowledged, and was ${String(status)}`);
}
