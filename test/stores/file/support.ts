import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { isSessionError, type SessionError, type SessionErrorCode } from "../../../src/core/errors.ts";
import { newVersion, type SessionHandle } from "../../../src/core/id.ts";
import type { SessionRecord, Tombstone } from "../../../src/core/record.ts";
import { userHash } from "../../../src/stores/file/layout.ts";
import type { SessionStore, UserIndex } from "../../../src/core/store.ts";

export const NOW = 1_000_000_000_000;
export const MINUTE = 60_000;

/** A new folder that goes with the test. */
export function temporaryFolder(context: TestContext, under: string = tmpdir()): string {
  const folder = mkdtempSync(join(under, "sojourn-file-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The same, in memory where the machine offers it: for thousands of schedules that no disk should have to bear. */
export function quickFolder(context: TestContext): string {
  return temporaryFolder(context, existsSync("/dev/shm") ? "/dev/shm" : tmpdir());
}

/** A handle that is easy to tell apart: one hexadecimal digit, repeated. */
export function handleFrom(digit: string): SessionHandle {
  return digit.repeat(48) as SessionHandle;
}

export function record(fields: Partial<SessionRecord> = {}): SessionRecord {
  return {
    handle: handleFrom("a"),
    data: "0",
    version: newVersion(),
    createdAt: NOW,
    expiresAt: NOW + 60 * MINUTE,
    userId: null,
    epoch: 0,
    ...fields,
  };
}

export function tombstone(fields: Partial<Tombstone> = {}): Tombstone {
  return { reason: "ended", token: newVersion(), successor: null, until: NOW + MINUTE, ...fields };
}

export function usersOf(store: SessionStore): UserIndex {
  assert.ok(store.users !== undefined);
  return store.users;
}

/** Where a session's file lies. */
export function fileOf(root: string, handle: SessionHandle): string {
  return join(root, "sessions", handle.slice(0, 2), `${handle}.json`);
}

/** Every file and folder under a folder, as relative paths. */
export function everythingIn(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: "utf8" }).toSorted();
}

/** Lets what is under a folder look as if it had last been changed two hours ago. */
export function age(root: string): void {
  const moment = Date.now() / 1000 - 7200;
  for (const path of everythingIn(root)) utimesSync(join(root, path), moment, moment);
}

/** Lets the index entries of some users look as if they were two hours old, so that readers doubt them. */
export function ageEntries(root: string, userIds: readonly string[]): void {
  const moment = Date.now() / 1000 - 7200;
  for (const hash of userIds.map(userHash)) {
    const folder = join(root, "users", hash.slice(0, 2), hash);
    if (!existsSync(folder)) continue;
    for (const name of readdirSync(folder)) utimesSync(join(folder, name), moment, moment);
  }
}

/** Every file under a folder, and every lock. */
export function filesIn(root: string): string[] {
  return everythingIn(root).filter((path) => path.endsWith(".lock") || statSync(join(root, path)).isFile());
}

/** Asserts that a call is refused with an error of this code, and gives it. */
export async function refused(call: () => unknown, code: SessionErrorCode): Promise<SessionError> {
  try {
    await call();
  } catch (error) {
    assert.ok(isSessionError(error, code), `expected ${code}, got ${String(error)}`);
    return error;
  }
  return assert.fail(`expected ${code}, and the call was answered`);
}
