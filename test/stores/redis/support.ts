import { handleOf, newSessionId, newVersion } from "../../../src/core/id.ts";
import { isSessionError } from "../../../src/core/errors.ts";
import type { SessionRecord, Tombstone } from "../../../src/core/record.ts";

const HOUR = 3_600_000;

/** A new record with an hour to live. */
export function record(fields: Partial<SessionRecord> = {}): SessionRecord {
  const now = Date.now();
  return {
    handle: handleOf(newSessionId()),
    data: "{}",
    version: newVersion(),
    createdAt: now,
    expiresAt: now + HOUR,
    userId: null,
    epoch: 0,
    ...fields,
  };
}

/** The next version of a record. */
export function next(before: SessionRecord, fields: Partial<SessionRecord> = {}): SessionRecord {
  return { ...before, version: newVersion(), ...fields };
}

export function tombstone(fields: Partial<Tombstone> = {}): Tombstone {
  return { reason: "ended", token: newVersion(), successor: null, until: Date.now() + 60_000, ...fields };
}

/** What became of a call: its value, or the code of its error and whether that says that nothing was stored. */
export async function outcomeOf(call: () => unknown): Promise<string> {
  try {
    const value = await call();
    return typeof value === "object" && value !== null && "status" in value ? String(value.status) : "done";
  } catch (error) {
    if (!isSessionError(error)) return "driver error";
    return error.applied === undefined ? error.code : `${error.code} ${error.applied}`;
  }
}

/** How often each command was called, from `INFO commandstats`; scripts' own commands are counted as well. */
export function commandCounts(info: string): Map<string, number> {
  const lines = info.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm);
  return new Map(Array.from(lines, ([, name = "", calls]) => [name, Number(calls)]));
}
