import { writeSync } from "node:fs";
import { isSessionError } from "../../../src/core/errors.ts";
import { newVersion, type SessionHandle } from "../../../src/core/id.ts";
import type { SessionStore } from "../../../src/core/store.ts";
import { openFileStore } from "../../../src/stores/file/store.ts";
import { callsOf } from "./calls.ts";

/** What a process of its own is to do. It says on its output what came of it, one JSON value a line. */
export type Job = {
  readonly root: string;
  /** The step before which the process sends itself `signal`. */
  readonly at?: number;
  readonly signal?: "SIGKILL" | "SIGSTOP";
  /** How far off the process's clock is. */
  readonly clockOffMs?: number;
} & (
  | { readonly task: "call"; readonly name: string }
  | { readonly task: "count"; readonly handle: SessionHandle; readonly times: number }
  | { readonly task: "sweep"; readonly times: number }
);

function say(value: unknown): void {
  writeSync(1, `${JSON.stringify(value)}\n`);
}

/** Adds one to a record again and again, on the fresh record whenever another process was first. */
async function count(store: SessionStore, handle: SessionHandle, times: number): Promise<void> {
  for (let done = 0; done < times;) {
    const found = await store.load(handle);
    if (found.status !== "live") return say({ over: found.status });
    const next = { ...found.record, data: String(Number(found.record.data) + 1), version: newVersion() };
    const { status } = await store.save(next, found.record.version);
    if (status === "saved") say({ saved: ++done });
  }
}

async function work(job: Job): Promise<void> {
  const { root, at, signal = "SIGKILL", clockOffMs = 0 } = job;
  const { now } = Date;
  Date.now = () => now() + clockOffMs;
  let steps = 0;
  const step = (name: string): void => {
    if (steps++ !== at) return;
    say({ signal, name });
    process.kill(process.pid, signal);
  };
  const store = openFileStore(root, { sync: "none", step });
  if (job.task === "call") {
    const call = callsOf("first").find(({ name }) => name === job.name);
    say({ answer: (await call?.run(store)) ?? null });
  } else if (job.task === "count") {
    await count(store, job.handle, job.times);
  } else {
    for (let pass = 0; pass < job.times; pass++) await store.clearExpired?.({ before: 0, limit: 100 });
  }
}

try {
  await work(JSON.parse(process.argv[2] ?? "{}") as Job);
} catch (error) {
  say({ error: isSessionError(error) ? error.code : String(error) });
  process.exitCode = 1;
}
