import type { Sessions } from "../../src/index.ts";
import { processRequest, processResponse } from "../../src/middleware/index.ts";

/** What a visitor's session holds. */
export interface Visit {
  count?: number;
  name?: string;
}

/** How long requests took in milliseconds, failed ones included, and how many failed. */
export interface Took {
  readonly took: readonly number[];
  readonly failed: number;
}

/** Who comes, and how often in a second. */
export interface Visitors {
  readonly sessions: Sessions<Visit>;
  readonly cookies: readonly string[];
  readonly rate: number;
}

/** Visitors at a steady rate, until they are told to stop; each reads its session, and every second one changes it. */
export async function visit({ sessions, cookies, rate }: Visitors, until: () => boolean): Promise<Took> {
  const took: number[] = [];
  let failed = 0;
  const pending = new Set<Promise<void>>();
  const started = performance.now();
  for (let number = 0; !until();) {
    const due = Math.floor(((performance.now() - started) * rate) / 1000);
    for (; number < due; number++) {
      // Not from when it was sent: a process that was held up sends late, and its visitors have waited.
      const since = started + ((number + 1) * 1000) / rate;
      const cookie = cookies[(number * 7919) % cookies.length] ?? "";
      const call = request(sessions, cookie, number % 2 === 0)
        .catch(() => void failed++)
        .finally(() => void took.push(performance.now() - since));
      pending.add(call);
      void call.finally(() => pending.delete(call));
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(pending);
  return { took, failed };
}

async function request(sessions: Sessions<Visit>, cookie: string, changes: boolean): Promise<void> {
  const header = (name: string): string | undefined => (name === "cookie" ? cookie : undefined);
  const session = await processRequest(sessions, { method: "GET", secure: true, header }, {});
  if (changes) await session.update((visitor) => void (visitor.count = (visitor.count ?? 0) + 1));
  else await session.load();
  await processResponse(session, { status: 200, header: () => undefined });
}

/** What that share of the requests did not take longer than. */
export function percentile({ took }: Took, share: number): number {
  const sorted = [...took].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
