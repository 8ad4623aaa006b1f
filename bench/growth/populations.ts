import { deepStrictEqual } from "node:assert/strict";
import { join } from "node:path";
import type { Pool } from "pg";
import type { SessionRecord } from "../../src/core/record.ts";
import type { SessionStore, UserIndex } from "../../src/core/store.ts";
import { postgresStore } from "../../src/stores/postgres.ts";
import { sqliteStore } from "../../src/stores/sqlite.ts";
import { digits, must, processorTime, progress, ratios, shuffled, spreadOf, show, table } from "../measure.ts";
import { fillPostgres, fillSqlite } from "./fill.ts";
import { bareOfPostgres, bareOfSqlite, openSqlite, type Bare } from "./bare.ts";
import { DATA, PER_USER, recordAt, versionOf, withUsers } from "./records.ts";

type UserStore = SessionStore & { readonly users: UserIndex };

/** A store, and what its driver takes for the least that it could do. */
interface Filled {
  readonly store: UserStore;
  readonly bare: Bare;
  close(): void;
}

/** A store that holds `count` sessions. What became of each is counted and not kept, so that large ones are no load on the memory. */
interface Population extends Filled {
  readonly engine: string;
  readonly count: number;
  readonly saves: Uint32Array;
  readonly touches: Uint32Array;
}

/** A session that was chosen: its record as it was made. */
interface Target {
  readonly index: number;
  readonly record: SessionRecord;
}

/** How the name of a verb ends that is done by a bare statement, past the store. */
const BARE = ", bare";

/** One call on one session; throws when it does not do what it should. */
type Verb = (population: Population, target: Target) => Promise<void>;

const VERBS: Readonly<Record<string, Verb>> = {
  lookup: async ({ store }, { record }) => {
    const { status } = await store.load(record.handle);
    must(status === "live", "A session that is stored was not found");
  },
  [`lookup${BARE}`]: async ({ bare }, { record }) => {
    must((await bare.lookup(record.handle)) !== undefined, "A row that is there was not found");
  },
  save: async ({ store, saves, touches }, { index, record }) => {
    const before = saves[index] ?? 0;
    const expiresAt = record.expiresAt + (touches[index] ?? 0) * 1000;
    const next = { ...record, data: dataAfter(before), expiresAt, version: versionOf(index, before + 1) };
    const { status } = await store.save(next, versionOf(index, before));
    must(status === "saved", `A save was answered with ${status}`);
    saves[index] = before + 1;
  },
  [`save${BARE}`]: async ({ bare, saves }, { index, record }) => {
    const before = saves[index] ?? 0;
    const changed = await bare.save(record.handle, dataAfter(before), versionOf(index, before + 1));
    must(changed === 1, `An update changed ${changed} rows`);
    saves[index] = before + 1;
  },
  touch: async ({ store, saves, touches }, { index, record }) => {
    const times = (touches[index] ?? 0) + 1;
    const { status } = await store.touch(
      record.handle,
      versionOf(index, saves[index] ?? 0),
      record.expiresAt + times * 1000,
    );
    must(status === "touched", `A touch was answered with ${status}`);
    touches[index] = times;
  },
  "a user's list": async ({ store }, { record }) => {
    const found = await store.users.sessionsOf(record.userId ?? "");
    must(found.length === PER_USER, `A user has ${found.length} sessions`);
  },
};

/** The data of a session that is saved once more. */
function dataAfter(saves: number): string {
  return saves % 2 === 0 ? DATA[1] : DATA[0];
}

/** What is filled, where, and how long it is measured. */
export interface GrowthPlan {
  readonly folder: string;
  readonly pool: Pool;
  readonly sizes: readonly number[];
  readonly rounds: number;
  readonly sliceMs: number;
  /** What SQLite is told besides; empty for nothing. */
  readonly pragma: string;
  /** Whether an engine is to be measured. */
  asked(engine: string): boolean;
}

/** Measures the verbs on stores of all sizes, in turn. */
export async function measureGrowth(plan: GrowthPlan) {
  const now = Date.now();
  const populations: Population[] = [];
  for (const count of plan.sizes) {
    for (const [engine, fill] of Object.entries(ENGINES)) {
      if (!plan.asked(engine)) continue;
      const began = performance.now();
      const filled = await fill(plan, count, now);
      const population = { engine, count, ...filled, saves: new Uint32Array(count), touches: new Uint32Array(count) };
      await check(population, now);
      populations.push(population);
      progress(`${population.engine}: ${count} sessions in ${((performance.now() - began) / 1000).toFixed(1)} s`);
    }
  }
  await plan.pool.query("CHECKPOINT");
  const times = new Map<string, number[]>();
  const calls = new Map<string, number>();
  // Round 0 heats.
  for (let round = 0; round <= plan.rounds; round++) {
    for (const [name, verb] of Object.entries(VERBS)) {
      for (const population of shuffled(populations)) {
        const place = `${population.engine} ${name}`;
        const count = calls.get(place) ?? (await callsIn(plan.sliceMs, population, name, now));
        calls.set(place, count);
        const { micros, processor } = await slice(population, verb, targetsIn(population, name, count, now));
        if (round === 0) continue;
        note(times, `${place} ${population.count}`, micros);
        note(times, `${place} ${population.count} ${PROCESSOR}`, processor);
      }
    }
    if (round > 0 && round % 5 === 0) progress(`growth: round ${round} of ${plan.rounds}`);
  }
  for (const { store, close } of populations) {
    await store.close?.();
    close();
  }
  return report(plan, times);
}

const PROCESSOR = "processor";

function note(times: Map<string, number[]>, key: string, value: number): void {
  const list = times.get(key);
  if (list === undefined) times.set(key, [value]);
  else list.push(value);
}

type Fill = (plan: GrowthPlan, count: number, now: number) => Promise<Filled>;

const ENGINES: Readonly<Record<string, Fill>> = {
  SQLite: async ({ folder, pragma }, count, now) => {
    const path = join(folder, `sessions-${count}.db`);
    fillSqlite(path, count, now);
    const database = openSqlite(path, pragma);
    return { store: sqliteStore({ database }), bare: bareOfSqlite(database), close: () => database.close() };
  },
  PostgreSQL: async ({ pool }, count, now) => {
    const name = `sessions_${count}`;
    await fillPostgres(pool, name, count, now);
    return { store: postgresStore({ client: pool, table: name }), bare: bareOfPostgres(pool, name), close: () => {} };
  },
};

/** What was filled in past the store is, to the store, what it would have written itself. */
async function check({ store, count }: Population, now: number): Promise<void> {
  for (const index of [0, count - 1]) {
    const record = recordAt(index, count, now);
    const outcome = await store.load(record.handle);
    must(outcome.status === "live", "A row that was filled in is no record");
    if (outcome.status === "live") deepStrictEqual(outcome.record, record);
  }
}

function targetsIn({ count }: Population, verb: string, calls: number, now: number): Target[] {
  const among = verb === "a user's list" ? withUsers(count) : count;
  return Array.from({ length: calls }, () => {
    const index = Math.floor(Math.random() * among);
    return { index, record: recordAt(index, count, now) };
  });
}

/** Microseconds of a call: those that pass, and those of the main thread's processor. */
async function slice(population: Population, verb: Verb, targets: readonly Target[]) {
  const before = processorTime();
  const began = performance.now();
  for (const target of targets) await verb(population, target);
  const passed = performance.now() - began;
  const processor = processorTime() - before;
  return { micros: (passed * 1000) / targets.length, processor: processor / targets.length };
}

/** How many calls a slice has: all sizes of an engine make the same number. */
async function callsIn(sliceMs: number, population: Population, name: string, now: number): Promise<number> {
  const verb = VERBS[name] as Verb;
  const targets = targetsIn(population, name, 50, now);
  let least = Number.POSITIVE_INFINITY;
  for (let look = 0; look < 5; look++) least = Math.min(least, (await slice(population, verb, targets)).micros);
  return Math.max(20, Math.round((sliceMs * 1000) / least));
}

function report({ sizes, asked }: GrowthPlan, times: ReadonlyMap<string, readonly number[]>) {
  const [first = 0, ...larger] = sizes;
  const figures: object[] = [];
  const rowsOf = (engine: string, kind: string): string[][] =>
    Object.keys(VERBS).map((verb) => {
      const of = (count: number): readonly number[] => times.get(`${engine} ${verb} ${count}${kind}`) ?? [];
      for (const count of sizes) {
        const found = { microseconds: spreadOf(of(count)), ratio: ratios(of(count), of(first)) };
        figures.push({ engine, verb, kind: kind.trim(), count, ...found });
      }
      return [engine, verb, ...larger.map((count) => show(ratios(of(count), of(first)))), show(spreadOf(of(first)))];
    });
  const head = ["", "", ...larger.map((count) => `${power(count)} ÷ ${power(first)}`), `µs at ${power(first)}`];
  const engines = Object.keys(ENGINES).filter((engine) => asked(engine));
  const tables = [
    table(
      head,
      engines.flatMap((engine) => rowsOf(engine, "")),
    ),
  ];
  const compared = ["lookup", "save"];
  tables.push(
    "The store's time as a multiple of that of the bare statement, at the same number of sessions:",
    table(
      ["", "", ...sizes.map(power)],
      engines.flatMap((engine) =>
        compared.map((verb) => {
          const of = (name: string, count: number) => times.get(`${engine} ${name} ${count}`) ?? [];
          return [engine, verb, ...sizes.map((count) => show(ratios(of(verb, count), of(verb + BARE, count))))];
        }),
      ),
    ),
  );
  // A server's work is done elsewhere.
  if (engines.includes("SQLite")) {
    const words =
      "The same for SQLite in processor time, which does not count what else the machine does, nor waits for the disk:";
    tables.push(words, table(head, rowsOf("SQLite", ` ${PROCESSOR}`)));
  }
  return { markdown: tables.join("\n\n"), figures };
}

function power(count: number): string {
  const exponent = Math.log10(count);
  return Number.isInteger(exponent) ? `10^${exponent}` : digits(count);
}
