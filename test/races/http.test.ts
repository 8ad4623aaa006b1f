import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { needs } from "../servers/needs.ts";
import { sharedStores, type SharedStore, type StoreBehindUrl } from "../stores/by-url.ts";
import { cluster, type Cluster, cookieOf } from "./cluster.ts";

const RACES = 1000;
const AT_ONCE = 20;

interface Setup {
  readonly name: string;
  readonly processes: number;
  readonly needs?: SharedStore["needs"];
  start(folder: string): Promise<StoreBehindUrl>;
}

const embedded = sharedStores.filter(({ needs: required }) => required.length === 0);
const setups: readonly Setup[] = [
  { name: "memory, one process", processes: 1, start: async () => ({ url: "memory:", stop: async () => {} }) },
  ...embedded.map((store) => ({ ...store, name: `${store.name}, one process`, processes: 1 })),
  ...sharedStores.map((store) => ({ ...store, name: `${store.name}, three processes`, processes: 3 })),
];

for (const { name, processes, needs: required = [], start } of setups) {
  describe(`through HTTP: ${name}`, { skip: needs(...required) }, () => {
    let servers: Cluster;
    let store: StoreBehindUrl;
    let folder: string;

    before(async () => {
      folder = await mkdtemp(join(tmpdir(), "sojourn-races-"));
      store = await start(folder);
      servers = await cluster(store.url, processes);
    });
    after(async () => {
      await servers.stop();
      await store.stop();
      await rm(folder, { recursive: true });
    });

    const visitor = async () => cookieOf(await servers.ask("/increment"));
    const show = async (cookie: string) =>
      JSON.parse((await servers.ask("/show", cookie)).body) as { data: Record<string, unknown>; userId: string | null };

    test("200 parallel increments on one session give exactly 200 with update()", async () => {
      const cookie = await visitor();
      const answers = await Promise.all(Array.from({ length: 199 }, () => servers.ask("/increment", cookie)));
      assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
      const counts = answers.map(({ body }) => Number(body)).toSorted((a, b) => a - b);
      assert.deepEqual(
        counts,
        Array.from({ length: 199 }, (_, index) => index + 2),
      );
      assert.equal((await show(cookie)).data["count"], 200);
    });

    test("200 parallel increments on one session give exactly 200 with merge: { count: sum }", async () => {
      const cookie = await visitor();
      const answers = await Promise.all(Array.from({ length: 200 }, () => servers.ask("/sum", cookie)));
      assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
      assert.equal((await show(cookie)).data["summed"], 200);
    });

    test("100 parallel writers of different keys all survive", async () => {
      const cookie = await visitor();
      const keys = Array.from({ length: 100 }, (_, index) => `key${index}`);
      const answers = await Promise.all(keys.map((key) => servers.ask(`/key?key=${key}`, cookie)));
      assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
      const { data } = await show(cookie);
      assert.deepEqual(
        keys.filter((key) => data[key] !== key),
        [],
      );
    });

    test("50 rotation races, each held by a barrier: exactly one session lives on, and no write is lost in silence", async () => {
      const race = async (index: number): Promise<void> => {
        const cookie = cookieOf(await servers.ask(`/login?user=user${index}`));
        await servers.ask("/increment", cookie);
        const held = `rotation${index}`;
        const slow = servers.ask(`/slow?barrier=${held}`, cookie, 0);
        await servers.ask(`/reached?barrier=${held}`, undefined, 0);
        // Two requests change the id while a third is about to write; one more counts on.
        const [one, two, counted] = await Promise.all([
          servers.ask("/cycle", cookie),
          servers.ask("/cycle", cookie),
          servers.ask("/increment", cookie),
        ]);
        await servers.ask(`/open?barrier=${held}`, undefined, 0);
        const late = await slow;
        const heirs = [one, two].filter(({ status }) => status === 200);
        assert.equal(heirs.length, 1, `${one.status} ${one.body}, ${two.status} ${two.body}`);
        const [heir] = heirs;
        const { data, userId } = await show(cookieOf(heir ?? assert.fail()));
        assert.equal(userId, `user${index}`);
        assert.equal(data["count"], counted.status === 200 ? 2 : 1, "what was acknowledged went along, and nothing else");
        assert.deepEqual([late.status, data["late"], late.setCookie], [400, undefined, []]);
        assert.deepEqual(await show(cookie), { data: {}, userId: null }, "the old id opens nothing");
      };
      for (let first = 0; first < 50; first += AT_ONCE) {
        await Promise.all(Array.from({ length: Math.min(AT_ONCE, 50 - first) }, (_, index) => race(first + index)));
      }
    });

    test(`${RACES} logout races, each held by a barrier, bring nothing back`, async () => {
      let revived = 0;
      const statuses = new Map<number, number>();
      const race = async (index: number): Promise<void> => {
        const cookie = cookieOf(await servers.ask(`/login?user=user${index}`));
        const slow = servers.ask(`/slow?barrier=${index}`, cookie, 0);
        await servers.ask(`/reached?barrier=${index}`, undefined, 0);
        assert.equal((await servers.ask("/logout", cookie)).status, 200);
        await servers.ask(`/open?barrier=${index}`, undefined, 0);
        const late = await slow;
        statuses.set(late.status, (statuses.get(late.status) ?? 0) + 1);
        assert.deepEqual(late.setCookie, []);
        const { data, userId } = await show(cookie);
        if (userId !== null || Object.keys(data).length > 0) revived++;
      };
      for (let first = 0; first < RACES; first += AT_ONCE) {
        await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => race(first + index)));
      }
      assert.equal(revived, 0);
      assert.deepEqual([...statuses], [[400, RACES]]);
    });
  });
}
