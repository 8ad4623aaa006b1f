import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { SessionStore } from "../../src/index.ts";
import { ended, json, onTerminal, sojourn, start, whyNoTerminal, workFolder } from "./_program.ts";
import { STORES, seed, withSessions } from "./_seed.ts";

async function seedExpired(store: SessionStore, count: number): Promise<void> {
  for (let n = 0; n < count; n++) await seed(store, { n }, { expiresAt: Date.now() - 60_000 });
}

/** A module with a store that has nothing, and sweeps as it is told. */
function storeWith(clearExpired: string): string {
  return `export default {
    name: "odd", reach: "machine", durable: true,
    load() { return { status: "missing" }; }, create() { return { status: "created" }; },
    save() { return { status: "missing" }; }, touch() { return { status: "stale" }; }, retire() { return { status: "missing" }; },
    ${clearExpired},
  };`;
}

for (const url of STORES) {
  describe(`clear-expired on ${url}`, () => {
    it("removes what is over, batch by batch, and keeps what is live", async () => {
      const folder = workFolder();
      const { handle } = await withSessions(folder, url, async (_sessions, store) => {
        await seedExpired(store, 25);
        return seed(store, { live: true });
      });
      const args = ["clear-expired", "--batch", "10", "--store", url];
      const text = await sojourn(args, { cwd: folder });
      assert.equal(text.code, 0);
      assert.match(text.stdout, /^Removed 25 expired sessions and tombstones in 3 batches \(\d+\.\d s\)\.\n$/);
      assert.match(text.stderr, /^(?:\d+ removed, \d+\/s\n)+$/, "plain lines without a terminal");
      const again = await sojourn([...args, "--json"], { cwd: folder });
      const { lagSeconds, ...rest } = json(again.stdout);
      assert.deepEqual(
        [again.code, rest, again.stderr],
        [0, { status: "complete", removed: 0, batches: 1, interrupted: false }, ""],
      );
      assert.ok(Number(lagSeconds) >= 5 && Number(lagSeconds) < 60, `a lag of ${String(lagSeconds)} s`);
      await withSessions(folder, url, async (sessions) => assert.notEqual(await sessions.find(handle), null));
    });

    it("may run twice at once: every session is removed, and counted, once", async () => {
      const folder = workFolder();
      const count = 300;
      await withSessions(folder, url, (_sessions, store) => seedExpired(store, count));
      const sweep = () => sojourn(["clear-expired", "--batch", "7", "--json", "--store", url], { cwd: folder });
      const endings = await Promise.all([sweep(), sweep()]);
      assert.deepEqual(
        endings.map(({ code, stderr }) => [code, stderr]),
        [
          [0, ""],
          [0, ""],
        ],
      );
      const removed = endings.map(({ stdout }) => Number(json(stdout)["removed"]));
      assert.equal(
        removed.reduce((sum, n) => sum + n, 0),
        count,
      );
      const rest = await sojourn(["clear-expired", "--json", "--store", url], { cwd: folder });
      assert.equal(json(rest.stdout)["removed"], 0);
    });
  });
}

describe("clear-expired", () => {
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    it(`stops between two batches on ${signal}, and the next run goes on`, async () => {
      const folder = workFolder();
      const count = 30_000;
      await withSessions(folder, "sqlite:sessions.db", (_sessions, store) => seedExpired(store, count));
      const child = start(["clear-expired", "--batch", "1"], { cwd: folder });
      child.stderr?.once("data", () => child.kill(signal));
      const ending = await ended(child);
      assert.equal(ending.code, code);
      const [, removed = "", batches = ""] = /^Removed ([\d,]+) expired .* in ([\d,]+) batch/.exec(ending.stdout) ?? [];
      assert.match(
        ending.stdout,
        new RegExp(`Stopped by ${signal}; the next run goes on from here\\. No complete sweep is known\\.\\n$`),
      );
      assert.equal(removed, batches, "each batch was done whole");
      const rest = await sojourn(["clear-expired", "--batch", "20000", "--json"], { cwd: folder });
      const left = Number(json(rest.stdout)["removed"]);
      assert.equal(left, count - Number(removed.replaceAll(",", "")), "what it said is what it did");
      assert.ok(left > 0, "it stopped before the end");
    });
  }

  it("says in JSON that it was stopped", async () => {
    const folder = workFolder();
    // A store whose every batch is full: it goes on until it is stopped.
    writeFileSync(
      join(folder, "endless.mjs"),
      storeWith(`clearExpired({ limit }) { process.stderr.write("."); return limit; }`),
    );
    const child = start(["clear-expired", "--json", "--store", "module:./endless.mjs"], { cwd: folder });
    child.stderr?.once("data", () => child.kill("SIGINT"));
    const { code, stdout } = await ended(child);
    const { status, removed, batches, interrupted } = json(stdout);
    assert.deepEqual([code, status, interrupted], [130, "stopped", true]);
    assert.ok(Number(batches) >= 1 && Number(removed) >= Number(batches));
  });

  it("ends at once when it is told a second time, in the middle of a batch", async () => {
    const folder = workFolder();
    const stuck = `clearExpired() { process.stderr.write("."); return new Promise((resolve) => setTimeout(resolve, 600_000)); }`;
    writeFileSync(join(folder, "stuck.mjs"), storeWith(stuck));
    const child = start(["clear-expired", "--store", "module:./stuck.mjs"], { cwd: folder });
    let repeat: NodeJS.Timeout | undefined;
    child.stderr?.once("data", () => (repeat = setInterval(() => child.kill("SIGINT"), 20)));
    const { code, stdout } = await ended(child);
    clearInterval(repeat);
    assert.deepEqual([code, stdout], [130, ""]);
  });

  it("goes on after a sweep that was killed: when its lease is over, or at once with --no-lease", async () => {
    const folder = workFolder();
    const count = 5000;
    await withSessions(folder, "sqlite:sessions.db", (_sessions, store) => seedExpired(store, count));
    const child = start(["clear-expired", "--batch", "1"], { cwd: folder });
    child.stderr?.once("data", () => child.kill("SIGKILL"));
    await ended(child);
    const beside = await sojourn(["clear-expired"], { cwd: folder });
    assert.deepEqual([beside.code, beside.stderr], [0, ""]);
    assert.equal(
      beside.stdout,
      "Another machine sweeps this store, so nothing was done here. No complete sweep is known.\n",
    );
    const asJson = json((await sojourn(["clear-expired", "--json"], { cwd: folder })).stdout);
    assert.deepEqual(asJson, { status: "busy", removed: 0, batches: 0, interrupted: false, lagSeconds: null });
    const { code, stdout } = await sojourn(["clear-expired", "--no-lease", "--duty", "1", "--json"], { cwd: folder });
    const { status, removed } = json(stdout);
    assert.deepEqual([code, status], [0, "complete"]);
    assert.ok(Number(removed) > 0 && Number(removed) < count, "the killed one had begun, and not ended");
    await withSessions(folder, "sqlite:sessions.db", async (_sessions, store) => {
      assert.equal(await store.clearExpired?.({ before: Date.now(), limit: 10 }), 0);
    });
  });

  it("stops after --max-seconds, with exit code 0, and gives its lease back", async () => {
    const folder = workFolder();
    writeFileSync(join(folder, "endless.mjs"), storeWith("clearExpired({ limit }) { return limit; }"));
    const args = ["clear-expired", "--max-seconds", "1", "--store", "module:./endless.mjs"];
    const { code, stdout } = await sojourn(args, { cwd: folder });
    assert.equal(code, 0);
    assert.match(stdout, /Stopped by `--max-seconds`; the next run goes on from here\. No complete sweep is known\.\n$/);
    const text = json((await sojourn([...args, "--json"], { cwd: folder })).stdout);
    assert.deepEqual([text["status"], text["interrupted"]], ["stopped", false]);
  });

  it("has nothing to do for a cookie store", async () => {
    const folder = workFolder();
    const key = (await sojourn(["generate-key"], { cwd: folder })).stdout.trim();
    const args = ["clear-expired", "--json", "--store", "cookie:"];
    const { code, stdout } = await sojourn(args, { cwd: folder, env: { SOJOURN_KEYS: key } });
    assert.deepEqual([code, json(stdout)["removed"]], [0, 0]);
  });

  it("shows a bar on a terminal, and takes it away in the end", { skip: whyNoTerminal() ?? false }, async () => {
    const folder = workFolder();
    await withSessions(folder, "sqlite:sessions.db", (_sessions, store) => seedExpired(store, 30));
    const { stdout } = await onTerminal(["clear-expired", "--batch", "10"], { cwd: folder, env: { NO_COLOR: "1" } });
    const shown = stdout.replaceAll("\r\u001B[K", "CLEAR");
    assert.match(shown, /CLEAR\[ ====== {17}\] 10 removed {2}[\d,]+\/sCLEAR\[ {2}====== {16}\] 20 removed/);
    assert.match(shown, /CLEARRemoved 30 expired sessions and tombstones in 4 batches \(\d+\.\d s\)\.\r\n$/);
  });

  it("refuses a share and a time that cannot be", async () => {
    const folder = workFolder();
    for (const duty of ["0", "1.01", "-0.5", "half", "1e-1"]) {
      const { code, stderr } = await sojourn(["clear-expired", `--duty=${duty}`], { cwd: folder });
      assert.equal(code, 2, duty);
      assert.match(stderr, /--duty must be a number above 0 and at most 1/);
    }
    const { code, stderr } = await sojourn(["clear-expired", "--max-seconds=0"], { cwd: folder });
    assert.equal(code, 2);
    assert.match(stderr, /--max-seconds must be a whole number, 1 or more/);
  });

  it("refuses a batch that is no number", async () => {
    const folder = workFolder();
    for (const batch of ["0", "-1", "1.5", "many", "1e3"]) {
      const { code, stderr } = await sojourn(["clear-expired", `--batch=${batch}`], { cwd: folder });
      assert.equal(code, 2);
      assert.match(stderr, /--batch must be a whole number, 1 or more/);
    }
  });
});
