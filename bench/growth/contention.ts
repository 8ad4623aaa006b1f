import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { createSessions, type Sessions, type SessionStore } from "../../src/index.ts";
import { processRequest } from "../../src/middleware/index.ts";
import { digits, must, progress, ratios, show, shuffled, spreadOf, table } from "../measure.ts";

interface Counter {
  count?: number;
}

const AT_ONCE = [1, 10, 50, 200] as const;
/** With how many processes' queues and connections. */
const WRITERS = [1, 4] as const;
/** The fewest increments that a figure stands on. */
const LEAST = 100;

/** How long it is measured; `open` gives a store of its own each time, but for one that lives in the process. */
export interface ContentionPlan {
  readonly stores: Readonly<Record<string, () => SessionStore>>;
  readonly rounds: number;
}

/** One store, written by so many at once. */
interface Subject {
  readonly name: string;
  readonly writers: number;
  readonly atOnce: number;
  readonly sessions: readonly Sessions<Counter>[];
  /** Milliseconds of one increment, round by round. */
  readonly times: number[];
  /** Conflicts of one increment, round by round. */
  readonly retries: number[];
}

/** Measures updates of one session that come at once, and counts that none is lost. */
export async function measureContention({ stores, rounds }: ContentionPlan) {
  const subjects: Subject[] = [];
  const all: Sessions<Counter>[] = [];
  for (const [name, open] of Object.entries(stores)) {
    for (const writers of WRITERS) {
      const sessions = Array.from({ length: writers }, () =>
        createSessions<Counter>({ store: open(), contentionSeconds: 60, storeTimeoutSeconds: 60 }),
      );
      all.push(...sessions);
      for (const atOnce of AT_ONCE) subjects.push({ name, writers, atOnce, sessions, times: [], retries: [] });
    }
  }
  for (let round = 0; round <= rounds; round++) {
    for (const subject of shuffled(subjects)) {
      const { millis, retries } = await bursts(subject);
      if (round === 0) continue;
      subject.times.push(millis);
      subject.retries.push(retries);
    }
    progress(`updates at once: round ${round} of ${rounds}`);
  }
  await Promise.all(all.map((sessions) => sessions.close()));
  return report(Object.keys(stores), subjects);
}

/** Bursts of updates, one after the other, on one new session; at the end it must have counted each. */
async function bursts({ sessions, atOnce }: Subject): Promise<{ millis: number; retries: number }> {
  const first = sessions[0] as Sessions<Counter>;
  const { cookie, handle } = await first.create({ data: { count: 0 } });
  const times = Math.ceil(LEAST / atOnce);
  let conflicts = 0;
  const count = (): void => {
    conflicts++;
  };
  const began = performance.now();
  subscribe("sojourn:conflict", count);
  try {
    for (let burst = 0; burst < times; burst++) {
      await Promise.all(
        Array.from({ length: atOnce }, (_, at) => increment(sessions[at % sessions.length] ?? first, cookie)),
      );
    }
  } finally {
    unsubscribe("sojourn:conflict", count);
  }
  const increments = times * atOnce;
  const millis = (performance.now() - began) / increments;
  const found = await first.find(handle);
  must(found?.data.count === increments, `${increments} increments counted to ${found?.data.count}`);
  await first.revoke(handle);
  return { millis, retries: conflicts / increments };
}

async function increment(sessions: Sessions<Counter>, cookie: string): Promise<void> {
  const header = (name: string): string | undefined => (name === "cookie" ? cookie : undefined);
  const session = await processRequest(sessions, { method: "POST", secure: true, header }, {});
  await session.update((visit) => {
    visit.count = (visit.count ?? 0) + 1;
  });
}

function report(names: readonly string[], subjects: readonly Subject[]) {
  const figures: object[] = [];
  const rows = names.flatMap((name) =>
    WRITERS.map((writers) => {
      const own = subjects.filter((each) => each.name === name && each.writers === writers);
      const alone = own[0]?.times ?? [];
      for (const { atOnce, times, retries } of own) {
        const figure = { store: name, writers, atOnce, milliseconds: spreadOf(times), ratio: ratios(times, alone) };
        figures.push({ ...figure, retries: spreadOf(retries) });
      }
      const cells = own.slice(1).map(({ times, retries, atOnce }) => {
        const total = digits(spreadOf(times).median * atOnce);
        return `${show(ratios(times, alone))}; ${total} ms, ${digits(spreadOf(retries).median)} retries`;
      });
      return [name, String(writers), ...cells, show(spreadOf(alone))];
    }),
  );
  const head = ["", "writers", ...AT_ONCE.slice(1).map((count) => `${count} at once ÷ 1`), "ms, 1 at once"];
  return { markdown: table(head, rows), figures };
}
