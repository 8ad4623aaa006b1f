import type { Worker } from "node:worker_threads";

/** After how long without a request for one the thread that makes checkpoints is ended. */
const IDLE_MS = 5000;

// Text, and not a file beside this one, which a bundler would not find. The database is opened for each checkpoint: what closes last, and with
// it tidies the log away, is to be the store's own connection.
const PROGRAM = `
process.removeAllListeners("warning");
const { existsSync } = require("node:fs");
const { parentPort, workerData } = require("node:worker_threads");
const { DatabaseSync } = require("node:sqlite");
const checkpoint = () => {
  const database = new DatabaseSync(workerData);
  try {
    database.exec("PRAGMA busy_timeout = 0; PRAGMA wal_checkpoint(PASSIVE)");
  } finally {
    database.close();
  }
};
parentPort.on("message", (wanted) => {
  if (!wanted) return parentPort.close();
  try {
    if (existsSync(workerData)) checkpoint();
  } catch {
    // Somebody else is at it, or the next one succeeds.
  }
  parentPort.postMessage(true);
});
`;

/**
 * Makes checkpoints of a database's write-ahead log in a thread of their own. A checkpoint flushes to the disk twice; made by the connection
 * that writes, as SQLite does by itself, it holds up the process for that long.
 */
export class Checkpoints {
  readonly #path: string;
  #worker: Worker | undefined;
  #isUnable = false;
  #isBusy = false;
  #idle: NodeJS.Timeout | undefined;

  /** @param path the database's file */
  constructor(path: string) {
    // The process may go to another folder before it is needed.
    this.#path = process.getBuiltinModule("node:path").resolve(path);
  }

  /** False where the runtime has no threads, or does not allow any. */
  get able(): boolean {
    if (this.#worker === undefined && !this.#isUnable) this.#start();
    return this.#worker !== undefined;
  }

  /** Has a checkpoint made, unless one is under way. Nothing waits for it. */
  make(): void {
    if (!this.able) return;
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.stop(), IDLE_MS);
    this.#idle.unref();
    if (this.#isBusy) return;
    this.#isBusy = true;
    this.#worker?.postMessage(true);
  }

  /** Ends the thread when it has done what it is at; the next checkpoint begins another. */
  stop(): void {
    clearTimeout(this.#idle);
    this.#worker?.postMessage(false);
    this.#worker = undefined;
    this.#isBusy = false;
  }

  #start(): void {
    const threads = globalThis.process?.getBuiltinModule?.("node:worker_threads");
    this.#isUnable = threads === undefined;
    if (threads === undefined) return;
    try {
      const options = { eval: true, workerData: this.#path, execArgv: [], env: {} };
      const worker = new threads.Worker(PROGRAM, options);
      worker.on("message", () => {
        if (this.#worker === worker) this.#isBusy = false;
      });
      worker.on("error", () => {
        this.#isUnable = true;
        this.stop();
      });
      worker.unref();
      this.#worker = worker;
    } catch {
      this.#isUnable = true;
    }
  }
}
