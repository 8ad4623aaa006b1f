import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { cluster, type Cluster, cookieOf } from "./cluster.ts";

const RACES = 1000;
const AT_ONCE = 20;

const setups: { name: string; processes: number; url: (folder: string) => string }[] = [
  { name: "memory, one process", processes: 1, url: () => "memory:" },
  { name: "file, one process", processes: 1, url: (folder) => `file:${join(folder, "sessions")}` },
  { name: "file, three processes", processes: 3, url: (folder) => `file:${join(folder, "sessions")}` },
  { name: "SQLite, one process", processes: 1, url: (folder) => `sqlite:${join(folder, "sessions.db")}` },
  { name: "SQLite, three processes", processes: 3, url: (folder) => `sqlite:${join(folder, "sessions.db")}` },
];

for (const { name, processes, url } of setups) {
  describe(`through HTTP: ${name}`, () => {
    let servers: Cluster;
    let folder: string;

    before(async () => {
      folder = await mkdtemp(join(tmpdir(), "sojourn-races-"));
      servers = await cluster(url(folder), processes);
    });
    after(async () => {
      await servers.stop();
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
