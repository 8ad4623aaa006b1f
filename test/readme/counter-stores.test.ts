import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { needs } from "../servers/needs.ts";
import { until } from "../servers/process.ts";
import { endAfter, within } from "../servers/watchdog.ts";
import { sharedStores, type SharedStore, type StoreBehindUrl } from "../stores/by-url.ts";
import { killCounters, launch, start, textOf, visitor } from "./counter.ts";

const WORKERS = { WORKERS: "3" };

endAfter(600);

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), "sojourn-counter-"));
});
after(() => {
  killCounters();
  rmSync(folder, { recursive: true });
});

/** The answers' texts, sorted by number, and which workers gave them. */
async function counted(answers: readonly Response[]): Promise<{ counts: number[]; workers: number }> {
  const texts = await Promise.all(answers.map((answer) => answer.text()));
  const counts = texts.map((text) => Number(text.replace("new count=", ""))).sort((a, b) => a - b);
  return { counts, workers: new Set(answers.map(({ headers }) => headers.get("x-worker"))).size };
}

const behindMemory: SharedStore = {
  name: "SQLite behind each process's memory",
  needs: [],
  start: async (path) => ({ url: `cached:sqlite:${join(path, "sessions.db")}?cache=memory:`, stop: async () => {} }),
};

for (const { name, needs: servers, start: startStore } of [...sharedStores, behindMemory]) {
  describe(`the counter, with nothing changed but the store's URL: ${name}`, { skip: needs(...servers) }, () => {
    let store: StoreBehindUrl;
    before(async () => (store = await startStore(mkdtempSync(join(folder, "store-")))));
    after(() => store.stop());

    test("three processes behind one port count 100 requests at once exactly, and go on after a restart", () =>
      within(60, async (doing) => {
        const env = { ...WORKERS, SOJOURN_STORE: store.url };
        doing("the counter to start");
        const first = await start(folder, env);
        assert.match(first.said(), /served by 3 processes/);
        assert.ok(!first.said().includes(store.url), "a URL may hold a password");
        const ada = visitor();
        doing("the first answer");
        assert.equal(await textOf(ada.get(first.url)), "No count in session. Setting to 1\n");
        doing("100 answers");
        const answers = await Promise.all(Array.from({ length: 100 }, () => ada.get(first.url)));
        const { counts, workers } = await counted(answers);
        assert.deepEqual(
          counts,
          Array.from({ length: 100 }, (_, index) => index + 2),
        );
        assert.ok(workers > 1, "one process answered everything");
        doing("the counter to stop");
        assert.equal(await first.stop("SIGTERM"), 0, first.said());
        assert.match(first.said(), /Stopped\.\n$/);
        doing("the counter to start again");
        const second = await start(folder, { ...env, WORKERS: "2" });
        doing("the counter to go on");
        assert.equal(await textOf(ada.get(second.url)), "new count=102\n");
        await ada.get(`${second.url}/logout`, { method: "POST" });
        assert.equal(ada.cookie(), "");
        doing("the counter to stop again");
        assert.equal(await second.stop("SIGINT"), 0, second.said());
      }));
  });
}

test("a store that one process keeps to itself is refused for several, and the message says what to do", async () => {
  for (const url of ["memory:", "sqlite::memory:"]) {
    const { child, said } = launch(folder, { ...WORKERS, PORT: "0", SOJOURN_STORE: url });
    const [code] = (await once(child, "exit")) as [number | null];
    assert.equal(code, 1);
    assert.match(
      said(),
      /^The (memory|sqlite) store keeps its sessions in one process: each of 3 workers would have its own/,
    );
    assert.match(said(), /SOJOURN_STORE=sqlite:sessions\.db, or start one: WORKERS=1 npm start\n$/);
  }
  const alone = await start(folder, { SOJOURN_STORE: "memory:" });
  assert.equal(await textOf(visitor().get(alone.url)), "No count in session. Setting to 1\n");
  assert.equal(await alone.stop(), 0);
});

test("a worker that dies is replaced, and its visitors go on counting", async () => {
  const { child, url, said, stop } = await start(mkdtempSync(join(folder, "own-")), WORKERS);
  const ada = visitor();
  await ada.get(url);
  const workers = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").trim().split(" ").map(Number);
  assert.equal(workers.length, 3);
  process.kill(workers[0] ?? assert.fail(), "SIGKILL");
  await until("another takes its place", async () => said().includes("ended with SIGKILL; another takes its place"));
  const answers = await Promise.all(Array.from({ length: 50 }, () => ada.get(url)));
  assert.deepEqual((await counted(answers)).counts.at(-1), 51);
  assert.equal(await stop("SIGTERM"), 0, said());
});

test("a port that is taken, a number of workers and a URL that cannot be are told once, and are no crash", async () => {
  const blocker = createServer().listen(0, "127.0.0.1");
  await once(blocker, "listening");
  const { port } = blocker.address() as AddressInfo;
  for (const [env, message] of [
    [{ ...WORKERS, PORT: String(port) }, `Port ${port} is in use. Choose another one: PORT=${port + 1} npm start\n`],
    [{ WORKERS: "0" }, "WORKERS must be a number from 1 to 64.\n"],
    [{ WORKERS: "two" }, "WORKERS must be a number from 1 to 64.\n"],
  ] as const) {
    const { child, said } = launch(mkdtempSync(join(folder, "own-")), { PORT: "0", ...env });
    const [code] = (await once(child, "exit")) as [number | null];
    assert.deepEqual([code, said()], [1, message]);
  }
  const { child, said } = launch(folder, { ...WORKERS, SOJOURN_STORE: "redis://hush:hush@" });
  const [code] = (await once(child, "exit")) as [number | null];
  assert.equal(code, 1);
  assert.match(said(), /^SOJOURN_STORE: .*redis:\/\/.*\n$/);
  assert.ok(!said().includes("hush"));
  blocker.close();
});
