import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { record } from "../sqlite/support.ts";
import type { Lab } from "./lab.ts";
import { newTable } from "./targets.ts";
import type { WorkerArgs } from "./worker.ts";

const WORKER = fileURLToPath(new URL("worker.ts", import.meta.url));

/** Runs workers in processes of their own, lets them go at the same moment, and gives what each printed last. */
async function together(tasks: readonly WorkerArgs[]): Promise<unknown[]> {
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
    return await Promise.all(workers.map(({ line }) => line()));
  } finally {
    for (const { child } of workers) child.kill("SIGKILL");
  }
}

/** What holds between processes. */
export function processTests(lab: () => Pick<Lab, "url" | "drivers">, drivers: readonly string[]): void {
  for (const driver of drivers) {
    test(`${driver}: four processes add 250 each to one counter, and it is exactly 1000`, async (t) => {
      const { url, drivers: opens } = lab();
      const table = newTable();
      const { store, end } = opens[driver]?.(url(), table) ?? assert.fail();
      t.after(end);
      const counter = record({ data: "0" });
      await store.create(counter);
      const task = { task: "increment", driver, url: url(), table, handle: counter.handle, times: 250 } as const;
      const conflicts = await together([task, task, task, task]);
      const outcome = await store.load(counter.handle);
      assert.equal(outcome.status === "live" && outcome.record.data, "1000");
      t.diagnostic(`${conflicts.reduce<number>((sum, each) => sum + Number(each), 0)} writes were refused and made again`);
    });
  }

  test("six processes that find a database without tables make them at once, and each works", async () => {
    const { url } = lab();
    const driver = drivers[0] ?? "";
    for (let round = 0; round < 2; round++) {
      const table = newTable();
      const task = { task: "create", driver, url: url(), table, handle: "0".repeat(48) } as const;
      assert.deepEqual(
        await together(Array.from({ length: 6 }, () => task)),
        Array.from({ length: 6 }, () => "missing"),
      );
    }
  });
}
