/** What several rounds gave: the middle one, and the outermost. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (index: number): number => sorted[index] ?? Number.NaN;
  const middle = (sorted.length - 1) / 2;
  const median = (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2;
  return { median, low: at(0), high: at(sorted.length - 1) };
}

/** Three digits, more or less. */
export function digits(value: number): string {
  const size = Math.abs(value);
  if (size >= 100) return Math.round(value).toLocaleString("en-US");
  return value.toFixed(size >= 10 ? 1 : 2);
}

/** `1.05 (0.98–1.20)`. */
export function show({ median, low, high }: Spread): string {
  return `${digits(median)} (${digits(low)}–${digits(high)})`;
}

/** The quotients of two series, round by round: what disturbed a round disturbed both. */
export function ratios(values: readonly number[], base: readonly number[]): Spread {
  return spreadOf(values.map((value, round) => value / (base[round] ?? Number.NaN)));
}

/** The differences of two series, round by round. */
export function differences(values: readonly number[], base: readonly number[]): Spread {
  return spreadOf(values.map((value, round) => value - (base[round] ?? Number.NaN)));
}

/** What a measured ratio says of a goal that it is not to exceed. */
export function verdict({ median, low }: Spread, most: number): string {
  if (median <= most) return "met";
  return low <= most ? "within the noise" : "**not met**";
}

/** A table in Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** The same in another order, so that nobody is always measured behind the same neighbour. */
export function shuffled<V>(items: readonly V[]): V[] {
  return items
    .map((item) => ({ item, place: Math.random() }))
    .toSorted((a, b) => a.place - b.place)
    .map(({ item }) => item);
}

const cell = new Int32Array(new SharedArrayBuffer(4));

/** Microseconds of processor time that the main thread has had. What else the machine does is not in them, nor is any waiting. */
export function processorTime(): number {
  // The system brings a thread's account up to date when it rests, and else with its timer, every few milliseconds.
  Atomics.wait(cell, 0, 0, 0.01);
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

/** A flag that is a number. @throws {TypeError} */
export function numberOf(text: string, least: number): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value < least) throw new TypeError(`${text} is not a number of at least ${least}`);
  return value;
}

/** What goes wrong while something is measured makes the figure worthless. */
export function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

/** Says on the terminal how far it is. */
export function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}
