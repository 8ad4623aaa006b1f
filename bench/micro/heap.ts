// node --expose-gc --min-semi-space-size=256 --max-semi-space-size=256 … heap.ts ROUNDS: bytes that each kind of request allocates. Run by micro.ts.
import { PerformanceObserver } from "node:perf_hooks";
import { must } from "../measure.ts";
import { sink } from "./harness.ts";
import { requestCases } from "./requests.ts";

const HEAT = 20_000;
const REQUESTS = 1000;
const BATCHES = 5;

const rounds = Number(process.argv[2]);
const collected: number[] = [];
const observer = new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) collected.push(entry.startTime);
});
observer.observe({ entryTypes: ["gc"] });
const { gc } = globalThis;
if (gc === undefined) throw new Error("Run with --expose-gc");

/** Lets the observer hear of what was collected. */
const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));

const { cases } = await requestCases();
for (const { call } of cases) for (let request = 0; request < HEAT; request++) sink.value = await call();

const bytes = Object.fromEntries(cases.map(({ name }) => [name, [] as number[]]));
let disturbed = 0;
for (let round = 0; round < rounds; round++) {
  for (const { name, call } of cases) {
    for (let batch = 0; batch < BATCHES; batch++) {
      gc();
      await turn();
      const began = performance.now();
      const before = process.memoryUsage().heapUsed;
      for (let request = 0; request < REQUESTS; request++) sink.value = await call();
      const after = process.memoryUsage().heapUsed;
      const ended = performance.now();
      await turn();
      // What was collected meanwhile is missing in the difference.
      if (collected.some((at) => at >= began && at <= ended)) disturbed++;
      else bytes[name]?.push((after - before) / REQUESTS);
    }
  }
}
must(
  Object.values(bytes).every((list) => list.length > 0),
  "Every round met the garbage collector",
);
process.stdout.write(JSON.stringify({ bytes, disturbed, requests: REQUESTS }));
