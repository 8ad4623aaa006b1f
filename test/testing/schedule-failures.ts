import type { ScheduleReport } from "../../src/testing/schedules.ts";

/** What broke, each kind once with a seed and its steps. */
export function describeFailures({ failures }: ScheduleReport): string {
  const kinds = new Map<string, string>();
  for (const { seed, violations, trace } of failures) {
    for (const violation of violations) {
      const kind = violation.replaceAll(/\d+/g, "N");
      if (!kinds.has(kind)) kinds.set(kind, `${violation} (${seed})\n  ${trace.join("\n  ")}`);
    }
  }
  return `${failures.length} schedules broke a promise:\n${[...kinds.values()].join("\n")}`;
}
