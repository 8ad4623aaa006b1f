import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { cluster as processes } from "../races/cluster.ts";
import { needs } from "../servers/needs.ts";
import { pause as wait, until } from "../servers/process.ts";
import { endAfter, within, type Doing } from "../servers/watchdog.ts";
import { Site } from "./outages/site.ts";
import { subjects, type Outage, type Subject } from "./outages/subjects.ts";

const SILENT_MS = 10_000;
/** Another server has taken over by then. */
const LONGEST_SILENCE_MS = 30_000;
const DEAD_MS = 1500;
const TIMEOUT_SECONDS = 1;
/** A request reads, writes onto what another was first with, reads again and writes again; each may take the whole time limit. */
const LONG_MS = 4 * TIMEOUT_SECONDS * 1000 + 1000;
/** On a busy machine a few take longer. None waits for a silent store to come back. */
const LONGEST_MS = SILENT_MS - 1000;
const VISITORS = 6;
const HIDE = new URL("./redis/hide.ts", import.meta.url).href;

endAfter(300);

interface Running {
  readonly site: Site;
  readonly confirmed: boolean;
}

/** Visitors come for as long as the server says nothing. */
async function silence(sites: readonly Site[], outage: Outage): Promise<void> {
  const started = performance.now();
  await Promise.all(
    sites.map(async (site) => {
      for (let served = 0; ;) {
        const passed = performance.now() - started;
        if (passed >= SILENT_MS && (!outage.failsOver || served === VISITORS)) return;
        assert.ok(passed < LONGEST_SILENCE_MS, `${site.name}: no other server took over`);
        const shown = await Promise.all(site.visitors.map((visitor) => site.look(visitor)));
        const stored = await Promise.all(site.visitors.map((visitor) => site.increment(visitor)));
        served = shown.filter((each, index) => each !== null && stored[index]).length;
        const left = await site.leave();
        if (!outage.failsOver) assert.deepEqual([served, left], [0, false], "a server that is silent has answered");
        await site.passBy();
        await wait(100);
      }
    }),
  );
}

/** Everybody is served again, without anything being done about it. */
async function recovery(running: readonly Running[], outage: Outage): Promise<void> {
  await Promise.all(
    running.map(async ({ site, confirmed }) => {
      for (const visitor of site.visitors) await until("requests work again", () => site.increment(visitor));
      await site.check({ mayLose: outage.failsOver, confirmed });
    }),
  );
}

/** Visitors come while the server is killed, while it is dead, and while it starts again. */
async function death(sites: readonly Site[], { losesAll, kill, restart }: Outage, doing: Doing): Promise<void> {
  doing("answers while the server is dead");
  let working = true;
  const load = sites.flatMap((site) =>
    site.visitors.map(async (visitor) => {
      while (working) if (!(await site.increment(visitor))) await wait(50);
    }),
  );
  await wait(300);
  for (const site of sites) await site.leave();
  await kill?.();
  const died = performance.now();
  while (performance.now() - died < DEAD_MS) {
    for (const site of sites) {
      for (const visitor of site.visitors) assert.equal(await site.look(visitor), null);
      assert.equal(await site.leave(), false, "a server that is dead has answered");
      await site.passBy();
    }
  }
  if (losesAll === true) for (const site of sites) site.forget();
  doing("the server to start again");
  await restart?.();
  await wait(300);
  working = false;
  doing("the requests under way to end");
  await Promise.all(load);
}

async function story(t: TestContext, { apps, start }: Subject, doing: Doing): Promise<void> {
  doing("the servers to start");
  const outage = await start();
  t.after(() => outage.stop());
  doing("the applications to start");
  const running = await Promise.all(
    apps.map(async ({ name, scheme, hidden, query, confirmed = false }) => {
      const server = scheme === undefined ? outage.url : outage.url.replace(/^\w+/, scheme);
      const url = query === undefined ? server : `${server}?${query}`;
      const settings = [{ args: ["--import", HIDE], env: { HIDDEN_PACKAGES: hidden ?? "" } }];
      const app = await processes(url, settings, { storeTimeoutSeconds: TIMEOUT_SECONDS });
      t.after(() => app.kill());
      return { app, site: new Site(name, app), confirmed };
    }),
  );
  const sites = running.map(({ site }) => site);
  await Promise.all(sites.map((site) => site.open(VISITORS)));

  doing("answers while the server is silent");
  await outage.pause();
  try {
    await silence(sites, outage);
  } finally {
    outage.resume();
  }
  doing("requests to work after the silence");
  await recovery(running, outage);

  if (outage.kill !== undefined) {
    await death(sites, outage, doing);
    doing("requests to work after the death");
    if (outage.losesAll === true) await Promise.all(sites.map((site) => site.checkForgotten()));
    else await recovery(running, outage);
  }
  doing("the applications to end");
  // They have printed nothing, and end by themselves.
  await Promise.all(running.map(({ app }) => app.stop()));
  for (const site of sites) {
    const { name, longest, left, lost, revived } = site;
    const long = site.shareOver(LONG_MS);
    assert.ok(long < 0.1, `${name}: ${(long * 100).toFixed(1)} % of the answers took longer than ${LONG_MS} ms`);
    t.diagnostic(`${name}: the longest answer took ${Math.round(longest)} ms; ${site.summary()}`);
    t.diagnostic(`${name}: lost: ${lost} writes; ${left.length} left, ${revived} of them are back`);
    assert.ok(longest < LONGEST_MS, `${name}: an answer took ${longest} ms`);
  }
}

describe("a store that is silent for ten seconds, then dead, as visitors see it", { concurrency: true }, () => {
  for (const subject of subjects) {
    const skip = needs(...subject.needs);
    test(
      `${subject.name}: every request is answered in time, with 503 and no cookie; then everybody goes on, and who left stays out`,
      { skip },
      (t) => within(150, (doing) => story(t, subject, doing)),
    );
  }
});
