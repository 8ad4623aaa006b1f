import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { isSessionError, type SessionError, type SessionErrorCode } from "../../../src/core/errors.ts";
import { handleOf, newSessionId, newVersion } from "../../../src/core/id.ts";
import type { SessionRecord, Tombstone } from "../../../src/core/record.ts";

export const NOW = Date.UTC(2026, 0, 1);
export const HOUR = 3_600_000;

/** As much of a test's context as the helpers need. */
export interface Cleaner {
  after(fn: () => void | Promise<void>): void;
}

/** A folder that goes with the test. */
export function folderOf(t: Cleaner): string {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-sqlite-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A new record with an hour to live. */
export function record(fields: Partial<SessionRecord> = {}): SessionRecord {
  return {
    handle: handleOf(newSessionId()),
    data: "{}",
    version: newVersion(),
    createdAt: NOW,
    expiresAt: NOW + HOUR,
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
  return { reason: "ended", token: newVersion(), successor: null, until: NOW + 60_000, ...fields };
}

/** The error that `call` throws or rejects with; fails unless it has this code. */
export async function refused(call: () => unknown, code: SessionErrorCode): Promise<SessionError> {
  try {
    await call();
  } catch (error) {
    if (isSessionError(error, code)) return error;
    throw error;
  }
  return assert.fail(`expected ${code}`);
}

/** Another process that runs the worker script. */
export interface Worker {
  readonly process: ChildProcess;
  /** The next line that it prints, parsed; fails when it ends instead. */
  next(): Promise<unknown>;
  /** Writes one line to it. */
  tell(line: string): void;
  /** Every line that it still prints until it ends by itself. */
  rest(): Promise<unknown[]>;
  /** Ends it at once, and waits until it is gone. */
  kill(): Promise<void>;
}

const WORKER = fileURLToPath(new URL("worker.ts", import.meta.url));

/** How a worker is started. */
export interface WorkerOptions {
  /** The largest file that it may write, in blocks of 1024 bytes. */
  readonly fileBlocks?: number;
}

/** Starts `worker.ts` with a task. It is killed when the test is over. */
export function startWorker(t: Cleaner, task: string, args: object, { fileBlocks }: WorkerOptions = {}): Worker {
  const command = [process.execPath, WORKER, task, JSON.stringify(args)];
  const [file = "", ...rest] =
    fileBlocks === undefined ? command : ["bash", "-c", `ulimit -f ${fileBlocks} && exec "$@"`, "bash", ...command];
  const child = spawn(file, rest, { stdio: ["pipe", "pipe", "inherit"] });
  const gone = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await gone;
  };
  t.after(kill);
  return {
    process: child,
    kill,
    tell: (line) => child.stdin.write(`${line}\n`),
    async next() {
      const { value, done } = await lines.next();
      if (done === true) return assert.fail(`the worker "${task}" ended`);
      return JSON.parse(value);
    },
    async rest() {
      const all: unknown[] = [];
      for (let line = await lines.next(); line.done !== true; line = await lines.next()) all.push(JSON.parse(line.value));
      await gone;
      assert.equal(child.exitCode, 0, `the worker "${task}" ended with ${child.exitCode ?? child.signalCode}`);
      return all;
    },
  };
}
