// One process of the tests with several: `worker.ts TASK JSON`. It prints "ready", waits for a line, and then does its task.
import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { isSessionError } from "../../../src/core/errors.ts";
import type { SessionHandle } from "../../../src/core/id.ts";
import { sqliteStore, type SqliteStore } from "../../../src/stores/sqlite.ts";
import { driversHere } from "./drivers.ts";
import { next, record, tombstone } from "./support.ts";

interface Args {
  readonly path: string;
  readonly handles: readonly SessionHandle[];
  readonly version: string;
  readonly times: number;
  readonly driver: string;
}

const [, , task = "", json = "{}"] = process.argv;
const args = JSON.parse(json) as Args;

/** Written at once, so that a line that was printed is true even if the process is killed the moment after. */
function print(value: unknown): void {
  writeSync(1, `${JSON.stringify(value)}\n`);
}

const input = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

async function open(): Promise<SqliteStore> {
  const driver = (await driversHere()).find(({ name }) => name === args.driver);
  if (driver === undefined) return sqliteStore(args.path);
  const database = driver.open(args.path);
  database.exec("PRAGMA journal_mode = WAL");
  return sqliteStore({ database, synchronous: "normal", closeDatabase: true });
}

const tasks: Record<string, () => Promise<void>> = {
  /** Adds one to a counter, `times` times, by compare and write. */
  async increment() {
    const store = await open();
    let conflicts = 0;
    for (let done = 0; done < args.times;) {
      const found = await store.load(args.handles[0] as SessionHandle);
      if (found.status !== "live") throw new Error(found.status);
      const outcome = await store.save(
        next(found.record, { data: String(Number(found.record.data) + 1) }),
        found.record.version,
      );
      if (outcome.status === "saved") done += 1;
      else conflicts += 1;
    }
    store.close();
    print({ conflicts });
  },

  /** Opens the database, which may be new, and stores one record. */
  async create() {
    const store = await open();
    const { status } = await store.create(record());
    store.close();
    print({ status });
  },

  /** Rotates every session, and prints which it did. */
  async rotate() {
    const store = await open();
    const statuses: string[] = [];
    for (const handle of args.handles) {
      const { status } = await store.rotate(handle, args.version, record(), tombstone({ reason: "rotated" }));
      statuses.push(status);
    }
    store.close();
    print(statuses);
  },

  /** Saves onto every session, and prints which it did. */
  async save() {
    const store = await open();
    const statuses: string[] = [];
    for (const handle of args.handles) {
      const { status } = await store.save(record({ handle, data: "saved" }), args.version);
      statuses.push(status);
    }
    store.close();
    print(statuses);
  },

  /** Counts in one session for ever, and prints each number once it is stored. */
  async count() {
    const store = await open();
    let current = record({ handle: args.handles[0] as SessionHandle, data: "0" });
    await store.create(current);
    for (let number = 1; ; number++) {
      const following = next(current, { data: String(number) });
      const { status } = await store.save(following, current.version);
      if (status !== "saved") throw new Error(status);
      current = following;
      print(number);
    }
  },

  /** Gives one session new handles for ever, and prints each once it is stored. */
  async renew() {
    const store = await open();
    let current = record({ userId: "u" });
    await store.create(current);
    for (;;) {
      const following = record({ userId: "u" });
      const { status } = await store.rotate(current.handle, current.version, following, tombstone({ reason: "rotated" }));
      if (status !== "rotated") throw new Error(status);
      current = following;
      print(current.handle);
    }
  },

  /** Holds the database's lock until it is told to let go. */
  async lock() {
    const [driver] = await driversHere();
    const database = driver?.open(args.path);
    database?.exec("BEGIN EXCLUSIVE");
    print("locked");
    await input.next();
    database?.exec("ROLLBACK");
    print("free");
    await input.next();
  },

  /** Stores records until the file may not grow any more; tells what the failures said, and whether the store told the truth. */
  async fill() {
    const store = await open();
    const data = "x".repeat(5000);
    await store.users.advanceEpoch("u", 1);
    const seen: { verb: string; code: string; applied: string | undefined }[] = [];
    const attempt = async (verb: string, call: () => unknown): Promise<boolean> => {
      try {
        await call();
        return true;
      } catch (error) {
        if (!isSessionError(error)) throw error;
        seen.push({ verb, code: error.code, applied: error.applied });
        return false;
      }
    };
    let current = record({ data });
    await store.create(current);
    for (;;) {
      const following = next(current);
      if (!(await attempt("save", () => store.save(following, current.version)))) break;
      current = following;
    }
    const heir = record({ data });
    const late = record({ data });
    await attempt("create", () => store.create(late));
    await attempt("rotate", () => store.rotate(current.handle, current.version, heir, tombstone()));
    await attempt("retire", () => store.retire(current.handle, tombstone()));
    await attempt("advanceEpoch", () => store.users.advanceEpoch("u", 2));
    const outcome = await store.load(current.handle);
    const version = outcome.status === "live" ? outcome.record.version === current.version : outcome.status;
    const missing = [await store.load(heir.handle), await store.load(late.handle)].map(({ status }) => status);
    print({ seen, version, missing, epoch: await store.users.epoch("u") });
  },
};

print("ready");
await input.next();
await tasks[task]?.();
process.exit(0);
