// One process of the tests with several: `worker.ts JSON`. It prints "ready", waits for a line, and then does its task.
import { createInterface } from "node:readline";
import type { SessionHandle } from "../../../src/core/id.ts";
import type { SessionRecord } from "../../../src/core/record.ts";
import { memcachedStore } from "../../../src/stores/memcached.ts";
import { next, tombstone } from "../redis/support.ts";

export interface WorkerArgs {
  readonly task: "increment" | "save" | "touch" | "retire";
  readonly servers: readonly string[];
  readonly prefix: string;
  readonly handles: readonly string[];
  readonly times?: number;
}

const { task, servers, prefix, handles, times = 1 } = JSON.parse(process.argv[2] ?? "{}") as WorkerArgs;
const store = memcachedStore({ servers, prefix });

async function read(handle: string): Promise<SessionRecord> {
  const found = await store.load(handle as SessionHandle);
  if (found.status !== "live") throw new Error(found.status);
  return found.record;
}

/** Adds to a counter, on the fresh record each time another process was first. Gives how often one was. */
async function increment(handle: string): Promise<number> {
  let conflicts = 0;
  let current = await read(handle);
  for (let done = 0; done < times;) {
    const written = next(current, { data: String(Number(current.data) + 1) });
    const outcome = await store.save(written, current.version);
    if (outcome.status === "saved") {
      done += 1;
      current = written;
    } else if (outcome.status === "conflict") {
      conflicts += 1;
      current = outcome.record;
    } else throw new Error(outcome.status);
  }
  return conflicts;
}

/** Does to a session, as it was before the others began, what this process is there for. */
async function change(record: SessionRecord): Promise<string> {
  const { handle, version, expiresAt } = record;
  if (task === "save") return (await store.save(next(record, { data: "late" }), version)).status;
  if (task === "touch") return (await store.touch(handle, version, expiresAt + 60_000)).status;
  return (await store.retire(handle, tombstone())).status;
}

const seen = await Promise.all(handles.map(read));
console.log('"ready"');
await createInterface({ input: process.stdin })[Symbol.asyncIterator]().next();
const outcomes = [];
if (task === "increment") for (const handle of handles) outcomes.push(await increment(handle));
else for (const record of seen) outcomes.push(await change(record));
console.log(JSON.stringify(outcomes));
await store.close();
process.exit(0);
