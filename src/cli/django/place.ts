import { CodecError } from "../../codec/codec.ts";
import { newVersion, type SessionHandle } from "../../core/id.ts";
import type { ResolvedOptions } from "../../core/options.ts";
import type { SessionRecord } from "../../core/record.ts";
import type { LoadOutcome, SessionStore } from "../../core/store.ts";
import { CliError } from "../errors.ts";
import { readStamp } from "./stamp.ts";

/**
 * What became of a record: `moved`: stored, and read back; `updated`: an earlier import's, of an older row, that nobody had changed;
 * `already`: there, the same; `kept`: the application has changed it since; `conflicting`: so have both; `ended`: it was imported, and
 * ended since; `revoked`: its user was.
 */
export type Placement = "moved" | "updated" | "already" | "kept" | "conflicting" | "ended" | "revoked";

/** The store that takes the records. */
export interface Destination {
  readonly store: SessionStore;
  readonly options: ResolvedOptions;
  /** When the last import that came to its end began, in milliseconds since 1970; null when there was none. */
  readonly since: number | null;
  readonly dryRun: boolean;
}

const TRIES = 5;

/** Stores a record unless that would undo something. */
export async function place(
  record: SessionRecord,
  savedAt: number | undefined,
  destination: Destination,
): Promise<Placement> {
  const { store, since, dryRun } = destination;
  for (let tries = 0; tries < TRIES; tries++) {
    // Before the first import has come to its end, what is not there was never there.
    if (tries === 0 && since === null && !dryRun) {
      const { status } = await store.create(record);
      if (status === "revoked") return "revoked";
      if (status === "created") return verified(record, "moved", destination);
    }
    const found = await store.load(record.handle);
    if (found.status === "retired") return "ended";
    if (found.status === "missing") {
      // It was imported then, and is not there any more: it must not come back.
      if (since !== null && !isNewer(savedAt, destination)) return "ended";
      if (dryRun) return "moved";
      const { status } = await store.create(record);
      if (status === "revoked") return "revoked";
      if (status === "created") return verified(record, "moved", destination);
    } else {
      const placed = await placeOver(found, record, savedAt, destination);
      if (placed !== undefined) return placed;
    }
  }
  return "conflicting";
}

/** Undefined when it has to be looked at again. */
async function placeOver(
  found: Extract<LoadOutcome, { status: "live" }>,
  record: SessionRecord,
  savedAt: number | undefined,
  destination: Destination,
): Promise<Placement | undefined> {
  const { store, options, dryRun } = destination;
  const { version, expiresAt, userId, epoch } = found.record;
  if (userId !== null && epoch < (found.userEpoch ?? 0)) return "revoked";
  if (version === record.version) return same(found.record, record, options) ? "already" : differs();
  const stamp = readStamp(version);
  // A visit alone leaves the version as it is.
  if (stamp === undefined) return isNewer(savedAt, destination) ? "conflicting" : "kept";
  if (dryRun) return "updated";
  const visited = expiresAt !== stamp.expiresAt;
  const newer = { ...record, expiresAt: visited ? Math.max(expiresAt, record.expiresAt) : record.expiresAt };
  const { status } = await store.save(newer, version);
  if (status === "revoked") return "revoked";
  return status === "saved" ? verified(newer, "updated", destination) : undefined;
}

/** Whether Django wrote the row after the import that came to its end began. In doubt it did: a visitor must not be lost. */
function isNewer(savedAt: number | undefined, { since, options }: Destination): boolean {
  return savedAt !== undefined && savedAt > (since ?? 0) - options.clockSkewSeconds * 1000;
}

/** @throws {CliError} ERR_CLI_IMPORT_DIFFERS */
async function verified(record: SessionRecord, placement: Placement, { store, options }: Destination): Promise<Placement> {
  const found = await store.load(record.handle);
  // The application may have come in between, and then it is no longer ours to compare.
  if (found.status !== "live" || found.record.version !== record.version) return placement;
  return same(found.record, record, options) && found.record.expiresAt >= record.expiresAt ? placement : differs();
}

function same(stored: SessionRecord, { handle, data, userId }: SessionRecord, { codec }: ResolvedOptions): boolean {
  // Codecs that encrypt never give the same text twice.
  const plain = (text: string): string => codec.decode(text, { place: handle });
  try {
    return stored.userId === userId && (stored.data === data || plain(stored.data) === plain(data));
  } catch (error) {
    if (error instanceof CodecError) return false;
    throw error;
  }
}

function differs(): never {
  throw new CliError("ERR_CLI_IMPORT_DIFFERS");
}

/** Ends what an import stored and nobody has come back to. @returns whether it was so */
export async function endImported(handle: SessionHandle, version: string, destination: Destination): Promise<boolean> {
  const { store, options, dryRun } = destination;
  if (dryRun) return true;
  const until = options.clock.now() + options.tombstoneSeconds * 1000;
  const tombstone = { reason: "ended", token: newVersion(), successor: null, until } as const;
  return (await store.retire(handle, tombstone, version)).status === "retired";
}
