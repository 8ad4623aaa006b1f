import type { Worker } from "node:worker_threads";

/** After how long without a request for one the thread that makes checkpoints is ended. */
const IDLE_MS = 5000;
/** How long closing waits for a checkpoint that is under way, at most. */
const LONGEST_MS = 5000;

// What both sides see: nothing to do, a checkpoint is wanted, the thread is at it.
const NONE = 0;
const WANTED = 1;
const WORKING = 2;

// Text, and not a file beside this one, which a bundler would not find. The database is opened for each checkpoint: what closes last, and with
// it tidies the log away, is to be the store's own connection.
const PROGRAM = `
process.removeAllListeners("warning");
const { existsSync } = require("node:fs");
const { parentPort, workerData: { path, state } } = require("node:worker_threads");
const { DatabaseSync } = require("node:sqlite");
const checkpoint = () => {
  const database = new DatabaseSync(path);
  try {
    database.exec("PRAGMA busy_timeout = 0; PRAGMA wal_checkpoint(PASSIVE)");
  } finally {
    database.close();
  }
};
parentPort.on("message", () => {
  if (Atomics.compareExchange(state, 0, ${WANTED}, ${WORKING}) !== ${WANTED}) return;
  try {
    if (existsSync(path)) checkpoint();
  } catch {
    // Somebody else is at it, or the next one succeeds.
  }
  Atomics.store(state, 0, ${NONE});
  Atomics.notify(state, 0);
});
`;

/**
 * Makes checkpoints of a database's write-ahead log in a thread of their own. A checkpoint flushes to the disk twice; made by the connection
 * that writes, as SQLite does by itself, it holds up the process for that long.
 */
export class Checkpoints {
  readonly #path: string;
  readonly #state = new Int32Array(new SharedArrayBuffer(4));
  #worker: Worker | undefined;
  #isUnable = false;
  #idle: NodeJS.Timeout | undefined;

  /** @param path the database's file */
  constructor(path: string) {
    // The process may go to another folder before it is needed.
    this.#path = process.getBuiltinModule("node:path").resolve(path);
  }

  /** True while there is a thread that makes them. */
  get running(): boolean {
    return this.#worker !== undefined;
  }

  /** Begins a thread, where the runtime has them and allows one; it takes the process a few milliseconds. */
  start(): void {
    if (this.#isUnable || this.running) return;
    const threads = globalThis.process?.getBuiltinModule?.("node:worker_threads");
    this.#isUnable = threads === undefined;
    if (threads === undefined) return;
    try {
      const workerData = { path: this.#path, state: this.#state };
      const worker = new threads.Worker(PROGRAM, { eval: true, workerData, execArgv: [], env: {} });
      worker.on("error", () => {
        this.#isUnable = true;
        this.stop();
      });
      worker.unref();
      this.#worker = worker;
      this.#waitForMore();
    } catch {
      this.#isUnable = true;
    }
  }

  /** Has a checkpoint made by the thread that runs, unless one is under way. Nothing waits for it. */
  make(): void {
    this.#waitForMore();
    if (Atomics.compareExchange(this.#state, 0, NONE, WANTED) === NONE) this.#worker?.postMessage(true);
  }

  /** Ends the thread, when it has done what it is at: from then on nobody else has the file open. */
  stop(): void {
    clearTimeout(this.#idle);
    const state = Atomics.compareExchange(this.#state, 0, WANTED, NONE);
    if (state === WORKING) Atomics.wait(this.#state, 0, WORKING, LONGEST_MS);
    void this.#worker?.terminate();
    this.#worker = undefined;
  }

  #waitForMore(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.stop(), IDLE_MS);
    this.#idle.unref();
  }
}
