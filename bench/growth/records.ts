import { handleOf, type SessionId } from "../../src/core/id.ts";
import type { SessionRecord } from "../../src/core/record.ts";

const DAY = 86_400_000;
/** How many sessions each user has. */
export const PER_USER = 5;

/** Two texts of about 200 bytes, of one length, so that a save changes something. */
export const DATA = [0, 1].map(
  (count) => `j1:${JSON.stringify({ count, cart: ["a".repeat(60), "b".repeat(60)], seen: "2026-01-01T00:00:00Z" })}`,
) as [string, string];

/**
 * The record at `index` of a population of `count`, the same whenever it is asked for. Half of the sessions belong to users, five to each,
 * which lie far from each other; all were begun in the last fourteen days and are live.
 */
export function recordAt(index: number, count: number, now: number): SessionRecord {
  const createdAt = now - ((index * 7919) % 1_209_600) * 1000;
  return {
    // Of any text the handle is as random as of an id.
    handle: handleOf(String(index) as SessionId),
    data: DATA[0],
    version: versionOf(index, 0),
    createdAt,
    expiresAt: createdAt + 15 * DAY,
    userId: index < withUsers(count) ? `user-${index % (withUsers(count) / PER_USER)}` : null,
    epoch: 0,
  };
}

/** The version of the record at `index` after so many saves. */
export function versionOf(index: number, saves: number): string {
  return String(saves).padStart(6, "s") + String(index).padStart(10, "v");
}

/** How many of `count` records, from the first on, belong to users. */
export function withUsers(count: number): number {
  return count / 2;
}
