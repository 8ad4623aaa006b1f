import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { cluster, type Cluster, cookieOf } from "../races/cluster.ts";
import { needs } from "../servers/needs.ts";
import { startRedis, type RedisServer } from "../servers/redis.ts";

const MODULE = fileURLToPath(new URL("./bridges/http-store.ts", import.meta.url));
const RACES = 200;
const AT_ONCE = 20;

interface Setup {
  readonly name: string;
  readonly bridge: (port: number) => string;
  readonly processes: number;
}

function suite({ name, bridge, processes }: Setup, port: () => number): void {
  describe(`through HTTP: ${name}`, () => {
    let servers: Cluster;
    before(async () => {
      process.env["BRIDGE"] = bridge(port());
      servers = await cluster(`module:${MODULE}`, processes);
    });
    after(() => servers.stop());

    const visitor = async () => cookieOf(await servers.ask("/increment"));
    const show = async (cookie: string) =>
      JSON.parse((await servers.ask("/show", cookie)).body) as { data: Record<string, unknown>; userId: string | null };

    if (processes === 1) {
      test("200 increments at once in one process count 200, and 100 writers of different keys all survive", async () => {
        const cookie = await visitor();
        const increments = Array.from({ length: 199 }, () => servers.ask("/increment", cookie));
        const sums = Array.from({ length: 50 }, () => servers.ask("/sum", cookie));
        const keys = Array.from({ length: 100 }, (_, index) => `key${index}`);
        const writes = keys.map((key) => servers.ask(`/key?key=${key}`, cookie));
        const answers = await Promise.all([...increments, ...sums, ...writes]);
        assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
        const { data } = await show(cookie);
        assert.deepEqual([data["count"], data["summed"]], [200, 50]);
        assert.deepEqual(
          keys.filter((key) => data[key] !== key),
          [],
        );
      });
    }

    test(`${RACES} logout races over ${processes} processes, each held by a barrier, bring nothing back`, async () => {
      const statuses = new Map<number, number>();
      let revived = 0;
      const race = async (index: number): Promise<void> => {
        const cookie = cookieOf(await servers.ask(`/login?user=user${index}`));
        const slow = servers.ask(`/slow?barrier=${index}`, cookie, 0);
        await servers.ask(`/reached?barrier=${index}`, undefined, 0);
        assert.equal((await servers.ask("/logout", cookie, processes - 1)).status, 200);
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

    test(`writes that race freely with a logout over ${processes} processes bring nothing back`, async () => {
      for (let round = 0; round < 20; round++) {
        const cookie = cookieOf(await servers.ask(`/login?user=user${round}`));
        const writes = () => Array.from({ length: 6 }, () => servers.ask("/increment", cookie));
        const [logout] = await Promise.all([servers.ask("/logout", cookie), ...writes(), ...writes()]);
        assert.equal(logout.status, 200);
        assert.deepEqual(await show(cookie), { data: {}, userId: null });
      }
    });
  });
}

suite({ name: "express-session's MemoryStore", bridge: () => "express-session:memory", processes: 1 }, () => 0);

describe("through HTTP, over Redis", { skip: needs("redis") }, () => {
  let server: RedisServer;
  before(async () => (server = await startRedis()));
  after(() => server.stop());
  for (const bridge of ["express-session", "unstorage"]) {
    for (const processes of [1, 3]) {
      const name = `${bridge} on Redis, ${processes === 1 ? "one process" : "three processes"}`;
      suite({ name, bridge: (port) => `${bridge}:${port}`, processes }, () => server.port);
    }
  }
});
