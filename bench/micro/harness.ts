import { processorTime, shuffled } from "../measure.ts";

/** One thing to time, over and over. */
export interface Case {
  readonly name: string;
  /** What it is compared with: the name of a case of the same group. */
  readonly baseline?: string;
  readonly call: () => unknown;
  /** True when each call is to be waited for. Default false. */
  readonly waits?: boolean;
}

/** Cases that stand together in a table. */
export interface Group {
  readonly title: string;
  readonly words?: string;
  readonly cases: readonly Case[];
}

/** Nanoseconds of a call, round by round, by the name of the group and the case. */
export type Times = ReadonlyMap<Case, readonly number[]>;

/** What was made last is kept, so that nothing is left out because nobody looks at it. */
export const sink: { value: unknown } = { value: undefined };

function runAtOnce(call: () => unknown, times: number): void {
  for (let at = 0; at < times; at++) sink.value = call();
}

async function runWaiting(call: () => unknown, times: number): Promise<void> {
  for (let at = 0; at < times; at++) sink.value = await call();
}

/** Nanoseconds of the main thread's own processor time for one call out of so many: what else the machine does is not in it. */
async function slice({ call, waits = false }: Case, times: number): Promise<number> {
  const began = processorTime();
  if (waits) await runWaiting(call, times);
  else runAtOnce(call, times);
  return ((processorTime() - began) * 1000) / times;
}

/** Heats every case until slices have their length, then times all in turn, each round in another order. */
export async function timeAll(cases: readonly Case[], rounds: number, sliceMs: number): Promise<Times> {
  const counts = new Map<Case, number>();
  for (const each of cases) {
    let count = 1;
    // Twice over, as the second look is at code that was optimised.
    for (let heat = 0; heat < 3; heat++) {
      for (let nanos = await slice(each, count); nanos * count < sliceMs * 1e6; nanos = await slice(each, count)) {
        count = Math.max(count + 1, Math.min(count * 8, Math.ceil((sliceMs * 1.05e6) / nanos)));
      }
    }
    counts.set(each, count);
  }
  const times = new Map<Case, number[]>(cases.map((each) => [each, []]));
  for (let round = 0; round < rounds; round++) {
    for (const each of shuffled(cases)) times.get(each)?.push(await slice(each, counts.get(each) ?? 1));
  }
  return times;
}
