import { newVersion, type SessionHandle } from "../../core/id.ts";
import type { SessionRecord, Tombstone } from "../../core/record.ts";

/*
 * What stands in the cache under a session's handle is a record of the cache's own, with a marked text as its data:
 *
 * - a copy: the session as it was read from the durable store, or written to it, and until when it may be served;
 * - a lease: somebody reads the session, and may put a copy in the place of the lease, and of nothing else;
 * - a free place: a session that the cache may hold, and does not.
 *
 * Its `createdAt` is the session's own, which a store leaves as it was. Its `expiresAt` is for the cache to clear up by. It has no user,
 * so no index of the cache is written to.
 */

/** A session as it was at the moment of a read or a write. */
export interface Copy {
  readonly record: SessionRecord;
  readonly userEpoch: number | undefined;
  /** From when on it must not be served, in milliseconds since 1970-01-01T00:00:00Z. */
  readonly freshUntil: number;
}

/** What a record of the cache is. */
export type Slot =
  | { readonly kind: "copy"; readonly copy: Copy }
  | { readonly kind: "lease"; readonly until: number }
  | { readonly kind: "free" }
  /** Of another release of this library: not served, and replaced like any other. */
  | { readonly kind: "unknown" }
  /** Nothing that a cached store wrote: a session, in a cache that is somebody's store. Left alone. */
  | { readonly kind: "foreign" };

const COPY = "copy1:";
const LEASE = "lease1:";
const FREE = "free1:";
const ANY = /^(?:copy|lease|free)\d+:/;
const VOID = "void1:";

/** The version of the record that holds a copy: never that of a session itself, should the cache be somebody's store. */
export function versionOfCopy(version: string): string {
  return `copy:${version}`;
}

/** The record that holds a copy. */
export function recordOfCopy({ record, userEpoch, freshUntil }: Copy): SessionRecord {
  const { handle, data, version, createdAt, expiresAt, userId, epoch } = record;
  const head = JSON.stringify([freshUntil, version, expiresAt, userId, epoch, userEpoch ?? null]);
  // What is in quotes has no line break in it, so the data can follow as it is.
  const text = `${COPY}${head}\n${data}`;
  return { handle, data: text, version: versionOfCopy(version), createdAt, expiresAt: freshUntil, userId: null, epoch: 0 };
}

/** The record of a lease: its version is what a fill has to show. */
export function leaseRecord(handle: SessionHandle, createdAt: number, until: number): SessionRecord {
  return marker(handle, createdAt, `${LEASE}${until}`, until);
}

/** The record of a free place. */
export function freeRecord(handle: SessionHandle, createdAt: number, expiresAt: number): SessionRecord {
  return marker(handle, createdAt, FREE, expiresAt);
}

function marker(handle: SessionHandle, createdAt: number, data: string, expiresAt: number): SessionRecord {
  return { handle, data, version: newVersion(), createdAt, expiresAt, userId: null, epoch: 0 };
}

/** A tombstone that says nothing about the session: it only keeps copies from its place. */
export function voidStone(now: number): Tombstone {
  return { reason: "ended", token: `${VOID}${newVersion()}`, successor: null, until: now };
}

export function isVoid({ token }: Tombstone): boolean {
  return token.startsWith(VOID);
}

/** Tells what a record of the cache is. */
export function slotOf(held: SessionRecord): Slot {
  const { data } = held;
  if (data.startsWith(COPY)) {
    const copy = copyIn(held);
    return copy === undefined ? { kind: "unknown" } : { kind: "copy", copy };
  }
  if (data.startsWith(LEASE)) return { kind: "lease", until: Number(data.slice(LEASE.length)) };
  if (data === FREE) return { kind: "free" };
  return { kind: ANY.test(data) ? "unknown" : "foreign" };
}

function copyIn({ handle, data, createdAt }: SessionRecord): Copy | undefined {
  const end = data.indexOf("\n");
  if (end === -1) return undefined;
  const [freshUntil, version, expiresAt, userId, epoch, userEpoch] = listIn(data.slice(COPY.length, end));
  const sound = isNumber(freshUntil) && isNumber(expiresAt) && isNumber(epoch) && typeof version === "string";
  if (!sound || !(userId === null || typeof userId === "string")) return undefined;
  if (!(userEpoch === null || isNumber(userEpoch))) return undefined;
  const record = { handle, data: data.slice(end + 1), version, createdAt, expiresAt, userId, epoch };
  return { record, userEpoch: userEpoch ?? undefined, freshUntil };
}

function listIn(text: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}

function isNumber(value: unknown): value is number {
  return typeof value === "number";
}
