const UNITS: readonly (readonly [seconds: number, name: string])[] = [
  [31_557_600, "year"],
  [2_629_800, "month"],
  [86_400, "day"],
  [3_600, "hour"],
  [60, "minute"],
  [1, "second"],
];

/** A moment in UTC to the second, or what stands for one that no calendar has. */
export function utc(milliseconds: number): string {
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime())
    ? "beyond all dates"
    : date
        .toISOString()
        .replace("T", " ")
        .replace(/\.\d+Z$/, " UTC");
}

/** A moment as ISO 8601, or null for one that no calendar has. */
export function iso(milliseconds: number): string | null {
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}

/** A span in its largest unit that fits twice or is the smallest: `90 minutes`, `13 days`. */
export function span(seconds: number): string {
  const whole = Math.round(Math.abs(seconds));
  const [size, name] = UNITS.find(([unit]) => whole >= unit * 2) ?? [1, "second"];
  const count = Math.round(whole / size);
  return `${count} ${name}${count === 1 ? "" : "s"}`;
}

/** A moment as seen from `now`: `in 13 days`, `5 minutes ago`, `now`; `unknown` for NaN. */
export function relative(milliseconds: number, now: number): string {
  if (Number.isNaN(milliseconds)) return "unknown";
  const seconds = (milliseconds - now) / 1000;
  if (Math.abs(seconds) < 1) return "now";
  return seconds > 0 ? `in ${span(seconds)}` : `${span(seconds)} ago`;
}

/** A number with commas between thousands. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(?:\d{3})+$)/g, ",");
}

/** A number and its noun. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${grouped(count)} ${count === 1 ? one : many}`;
}

/** A size as people read it. */
export function byteSize(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const [divisor, unit] = bytes < 1_000_000 ? [1000, "kB"] : [1_000_000, "MB"];
  return `${(bytes / divisor).toFixed(1)} ${unit}`;
}
