import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type MemcachedServer, startMemcached } from "../servers/memcached.ts";
import { needs } from "../servers/needs.ts";
import { addressesOf, newPrefix, openStore } from "./memcached/targets.ts";
import type { WorkerArgs } from "./memcached/worker.ts";
import { record } from "./redis/support.ts";

const WORKER = fileURLToPath(new URL("./memcached/worker.ts", import.meta.url));

/** Runs workers in processes of their own, lets them go at the same moment, and gives what each printed last. */
async function together(tasks: readonly WorkerArgs[]): Promise<unknown[][]> {
  const workers = tasks.map((task) => {
    const child = spawn(process.execPath, ["--conditions=sojourn:source", WORKER, JSON.stringify(task)], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    return { child, line: async (): Promise<unknown> => JSON.parse((await lines.next()).value ?? "null") };
  });
  try {
    for (const { line } of workers) assert.equal(await line(), "ready");
    for (const { child } of workers) child.stdin.write("go\n");
    return (await Promise.all(workers.map(({ line }) => line()))) as unknown[][];
  } finally {
    for (const { child } of workers) child.kill("SIGKILL");
  }
}

describe("memcached store, several processes", { skip: needs("memcached") }, () => {
  let servers: MemcachedServer[] = [];
  before(async () => (servers = await Promise.all([startMemcached(), startMemcached()])));
  after(() => Promise.all(servers.map((server) => server.process.kill())));

  test("four processes add 250 each to one counter, and it is exactly 1000", async (t) => {
    const prefix = newPrefix();
    const store = openStore(servers, { prefix });
    t.after(() => store.close());
    const counter = record({ data: "0" });
    await store.create(counter);
    const task = {
      task: "increment",
      servers: addressesOf(servers),
      prefix,
      handles: [counter.handle],
      times: 250,
    } as const;
    const conflicts = await together([task, task, task, task]);
    const outcome = await store.load(counter.handle);
    assert.equal(outcome.status === "live" && outcome.record.data, "1000");
    t.diagnostic(
      `${conflicts.flat().reduce<number>((sum, each) => sum + Number(each), 0)} writes were refused and made again`,
    );
  });

  test("500 sessions are ended by one process while two others save and touch what they read before: all stay ended", async (t) => {
    const prefix = newPrefix();
    const store = openStore(servers, { prefix });
    t.after(() => store.close());
    const sessions = Array.from({ length: 500 }, () => record());
    await Promise.all(sessions.map((session) => store.create(session)));
    const common = { servers: addressesOf(servers), prefix, handles: sessions.map(({ handle }) => handle) };
    const [saves = [], touches = [], ends = []] = await together([
      // In another order each, so that every one of them meets the others somewhere.
      { ...common, task: "save", handles: [...common.handles.slice(250), ...common.handles.slice(0, 250)] },
      { ...common, task: "touch", handles: common.handles.toReversed() },
      { ...common, task: "retire" },
    ]);
    assert.deepEqual(new Set(ends), new Set(["retired"]));
    for (const { handle } of sessions) assert.equal((await store.load(handle)).status, "retired");
    const count = (outcomes: unknown[], status: string): number => outcomes.filter((each) => each === status).length;
    assert.equal(count(saves, "saved") + count(saves, "retired"), 500);
    assert.equal(count(touches, "touched") + count(touches, "stale"), 500);
    t.diagnostic(`${count(saves, "saved")} saves and ${count(touches, "touched")} touches came before the end`);
  });
});
