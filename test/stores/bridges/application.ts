import assert from "node:assert/strict";
import { systemClock } from "../../../src/core/clock.ts";
import type { SessionStore } from "../../../src/core/store.ts";
import { world, type World } from "../../core/support.ts";
import { until } from "../../servers/process.ts";
import type { FaultProxy } from "../../servers/proxy.ts";
import { outcomeOf } from "../redis/support.ts";

const TIMEOUT_SECONDS = 1.5;
/** A write, the same write again, and the look at what became of it, each with its time. */
const LONGEST_MS = 3 * TIMEOUT_SECONDS * 1000 + 1500;

/** What a request is told whose store is away. */
export const FAILED = /^ERR_SESSION_(?:STORE no|OUTCOME_UNKNOWN)$/;

/** An application whose store fails now and then. */
export function application(store: SessionStore): World {
  return world({ store, clock: systemClock, storeTimeoutSeconds: TIMEOUT_SECONDS, breakerFailures: 1_000_000 });
}

export const plus = (data: { count?: number }): number => (data.count = (data.count ?? 0) + 1);

/** A call's outcome; that it came in time is checked. */
export async function timed(call: () => unknown): Promise<string> {
  const started = performance.now();
  const outcome = await outcomeOf(call);
  const milliseconds = performance.now() - started;
  assert.ok(milliseconds < LONGEST_MS, `${milliseconds} ms`);
  return outcome;
}

/** The cookie of somebody who counted once. */
export async function visitor({ request }: World): Promise<string> {
  const { cookie } = await request({ handle: async (session) => void plus(await session.load()) });
  return cookie ?? assert.fail("no cookie");
}

export async function countOf({ open }: World, cookie: string): Promise<number | undefined> {
  return (await open({ cookie }).session.load()).count;
}

export function recovered(made: World, cookie: string): Promise<void> {
  return until("requests work again", async () => (await timed(() => countOf(made, cookie))) === "done", 10);
}

/** What a server under the store does that dies and comes back. */
export interface Mortal {
  kill(): Promise<unknown>;
  restart(): Promise<unknown>;
}

/** Nobody hangs and nobody is logged out while `server` is away, what ended stays ended, and afterwards counting goes on. */
export async function outlivesDeath(store: SessionStore, server: Mortal): Promise<void> {
  const made = application(store);
  const [cookie, over] = [await visitor(made), await visitor(made)];
  await made.open({ cookie: over }).session.logout();
  await server.kill();
  assert.match(await timed(() => countOf(made, cookie)), FAILED);
  assert.match(await timed(() => made.open({ cookie }).session.update(plus)), FAILED);
  // A page that does not ask for its session is served, and the browser keeps its cookie.
  assert.deepEqual((await made.open({ cookie }).respond()).setCookie, []);
  await server.restart();
  await recovered(made, cookie);
  assert.equal(await countOf(made, over), undefined);
  const before = (await countOf(made, cookie)) ?? 0;
  // The update whose outcome was unknown may have been stored, once.
  assert.ok(before === 1 || before === 2, String(before));
  assert.equal(await timed(() => made.open({ cookie }).session.update(plus)), "done");
  assert.equal(await countOf(made, cookie), before + 1);
}

/** Each request ends in time while the network swallows everything, and afterwards all is as before. */
export async function outlivesSilence(made: World, proxy: FaultProxy): Promise<void> {
  const cookie = await visitor(made);
  proxy.set({ kind: "blackhole" });
  const calls = [() => countOf(made, cookie), () => made.open({ cookie }).session.update(plus)];
  const outcomes = await Promise.all([...calls, ...calls, ...calls, ...calls, ...calls].map(timed));
  assert.ok(
    outcomes.every((outcome) => FAILED.test(outcome)),
    String(outcomes),
  );
  proxy.set({ kind: "reset" });
  proxy.set({ kind: "pass" });
  await recovered(made, cookie);
  const before = (await countOf(made, cookie)) ?? 0;
  assert.equal(await timed(() => made.open({ cookie }).session.update(plus)), "done");
  assert.equal(await countOf(made, cookie), before + 1);
}
