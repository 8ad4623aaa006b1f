import type { Clock } from "../../core/clock.ts";
import type { SessionStore } from "../../core/store.ts";
import type { StoreStorage, StoreTarget } from "../store-rule.ts";
import { violationsOf } from "./check.ts";
import type { Level } from "./level.ts";
import { Ledger, ROOT } from "./ledger.ts";
import type { Plan } from "./plan.ts";
import { type Deed, type Jar, play, type Scene } from "./play.ts";
import type { Choose } from "./random.ts";
import { scheduledStore, Sightings } from "./scheduled-store.ts";
import { type Fault, type Process, Scheduler } from "./scheduler.ts";

/** What one schedule came to. */
export interface ScheduleResult {
  /** What broke a promise; empty when all were kept. */
  readonly violations: readonly string[];
  /** What happened, one line a step. */
  readonly trace: readonly string[];
  readonly faults: readonly Fault[];
  /** How many writes, logins and ends were acknowledged (`stored`), `refused`, left `unknown`, or still `pending` at a crash. */
  readonly outcomes: Readonly<Record<string, number>>;
}

/** How a plan is run. */
export interface RunOptions {
  readonly level: Level;
  readonly choose: Choose;
  readonly fault?: (allowed: readonly Fault[]) => Fault | undefined;
  /** Whether the way back of each call is a step of its own. Default true. */
  readonly replies?: boolean;
}

/** Runs one plan on new storage, and compares what is left with what the clients were told. */
export async function runPlan(target: StoreTarget, plan: Plan, options: RunOptions): Promise<ScheduleResult> {
  const storage = await target.storage();
  const stores: SessionStore[] = [];
  try {
    for (let number = 0; number < plan.processes; number++) stores.push(await storeFor(storage, stores[0]));
    return await runOn(stores, plan, options);
  } finally {
    for (const store of new Set(stores)) await store.close?.();
    await storage.remove?.();
  }
}

/** Processes of one store: handles of their own where the storage can be opened twice. */
async function storeFor(storage: StoreStorage, first: SessionStore | undefined): Promise<SessionStore> {
  return first === undefined || first.durable || first.reach !== "process" ? storage.open() : first;
}

async function runOn(stores: readonly SessionStore[], plan: Plan, options: RunOptions): Promise<ScheduleResult> {
  const { level, choose, fault, replies = true } = options;
  const now = Date.now();
  const scheduler = new Scheduler({ choose, now, ...(fault && { fault }) });
  const ledger = new Ledger();
  const sightings = new Sightings();
  const [store] = stores as readonly [SessionStore];
  const jars: Jar[] = [];
  for (let number = 0; number < plan.browsers; number++) {
    jars.push(await begin(level, store, scheduler.clock, ledger, sightings, plan.userId, number));
  }
  scheduler.pass(plan.age);
  scheduler.passed = false;
  const processes = stores.map((each, number): { process: Process; application: ReturnType<Level["application"]> } => {
    const process: Process = { name: `process ${number + 1}:`, crashed: false };
    const watched = scheduledStore(each, { process, scheduler, sightings, replies });
    return { process, application: level.application(watched, scheduler.clockOf(process)) };
  });
  const actors = plan.actors.map(({ process: number, browser, requests }) => {
    const { process, application } = processes[number] as (typeof processes)[number];
    const scene = { application, ledger, sightings, jar: jars[browser] as Jar, pass: (ms: number) => scheduler.pass(ms) };
    return { process, done: act(scene, scheduler, process, requests) };
  });
  const failure = await scheduler.run(actors).then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
  const failed = await Promise.all(
    actors.map(({ process, done }) => (process.crashed ? undefined : done.then(undefined, String))),
  );
  const violations = await violationsOf({
    store,
    reader: level.reader(store, scheduler.clock),
    ledger,
    sightings,
    clock: scheduler.clock,
    forgetful: scheduler.passed,
    disturbed: scheduler.faults.length > 0,
    began: now,
    absoluteSeconds: level.absoluteSeconds,
  });
  scheduler.end();
  return {
    violations: [...[failure, ...failed].filter((each) => each !== undefined), ...violations],
    trace: scheduler.trace,
    faults: scheduler.faults,
    outcomes: countOutcomes(ledger),
  };
}

async function begin(
  level: Level,
  store: SessionStore,
  clock: Clock,
  ledger: Ledger,
  sightings: Sightings,
  userId: string | null,
  number: number,
): Promise<Jar> {
  const lineage = `${ROOT}${number + 1}`;
  const { id, handle } = await level.begin(store, clock, { lineage }, userId);
  sightings.name(handle);
  sightings.stored(handle);
  ledger.lineages.add(lineage);
  ledger.ids.set(id, lineage);
  if (userId !== null) ledger.acknowledge(ledger.begin({ what: "login", lineage, userId, initial: true }));
  return { id };
}

async function act(
  scene: Scene,
  scheduler: Scheduler,
  process: Process,
  requests: readonly (readonly Deed[])[],
): Promise<void> {
  for (const deeds of requests) {
    await scheduler.park(process, `${process.name} begins to ${deeds.join(", ")}`);
    await play(scene, deeds);
  }
}

function countOutcomes({ writes, events }: Ledger): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { state } of [...writes, ...events]) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}
