// One process of the tests with several: `worker.ts JSON`. It prints "ready", waits for a line, and then does its task.
import { createInterface } from "node:readline";
import type { SessionHandle } from "../../../src/core/id.ts";
import { kyselySqliteDrivers } from "../kysely/drivers.ts";
import { next } from "../sqlite/support.ts";
import { mysqlDrivers, postgresDrivers } from "./targets.ts";

export interface WorkerArgs {
  readonly task: "increment" | "create";
  readonly driver: string;
  readonly url: string;
  readonly table: string;
  readonly handle?: string;
  readonly times?: number;
}

const args = JSON.parse(process.argv[2] ?? "{}") as WorkerArgs;
const open = { ...postgresDrivers, ...mysqlDrivers, ...kyselySqliteDrivers }[args.driver];
if (open === undefined) throw new Error(`There is no driver ${args.driver}`);
const { store, end } = open(args.url, args.table);
const handle = args.handle as SessionHandle;

async function increment(): Promise<number> {
  let conflicts = 0;
  for (let done = 0; done < (args.times ?? 0);) {
    const found = await store.load(handle);
    if (found.status !== "live") throw new Error(found.status);
    const data = String(Number(found.record.data) + 1);
    const { status } = await store.save(next(found.record, { data }), found.record.version);
    if (status === "saved") done += 1;
    else conflicts += 1;
  }
  return conflicts;
}

console.log('"ready"');
await createInterface({ input: process.stdin })[Symbol.asyncIterator]().next();
const outcome = args.task === "increment" ? await increment() : (await store.load(handle)).status;
console.log(JSON.stringify(outcome));
await store.close();
await end();
process.exit(0);
