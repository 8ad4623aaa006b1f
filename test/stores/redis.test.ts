import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { RESP_TYPES } from "redis";
import { systemClock } from "../../src/core/clock.ts";
import { isSessionError } from "../../src/core/errors.ts";
import { Keys, sessionKey } from "../../src/stores/redis/keys.ts";
import { redisStore, type RedisClientLike, type RedisStoreOptions } from "../../src/stores/redis.ts";
import { world } from "../core/support.ts";
import { needs } from "../servers/needs.ts";
import { startRedis, type RedisServer } from "../servers/redis.ts";
import { commandCounts, next, outcomeOf, record, tombstone } from "./redis/support.ts";
import { libraries, newPrefix, opened, single } from "./redis/targets.ts";

const MINUTE = 60_000;

test("options that cannot work are refused when the store is made", () => {
  const client = { evalsha() {}, eval() {}, pipeline() {} } as unknown as RedisClientLike;
  const wrong: object[] = [
    {},
    { client: {} },
    { client: null },
    { client, prefix: "a{b" },
    { client, prefix: 1 },
    { client, index: "none" },
    { client, shards: 0 },
    { client, shards: 1025 },
    { client, slackSeconds: 59 },
    { client, confirm: {} },
    { client, confirm: { replicas: 1, timeoutMs: 0 } },
    { client, ttl: 5 },
  ];
  for (const options of wrong) {
    assert.throws(
      () => redisStore(options as RedisStoreOptions),
      (error) => isSessionError(error, "ERR_SESSION_CONFIG"),
      JSON.stringify(options),
    );
  }
});

describe("redis store", { skip: needs("redis") }, () => {
  let server: RedisServer;
  before(async () => (server = await startRedis()));
  after(() => server.stop());

  for (const library of libraries) {
    const open = (options: Omit<RedisStoreOptions, "client"> = {}) =>
      opened(single(library, server.port), { prefix: newPrefix(), ...options });

    test(`${library}: a key that holds something else is unreadable to every verb, and stays as it is`, async (t) => {
      const prefix = newPrefix();
      const store = await open({ prefix });
      t.after(() => store.close());
      const session = record({ userId: "u" });
      const keys = new Keys(prefix, 1);
      const key = sessionKey(keys.shardOf(session.handle), session.handle);
      await server.command("SET", key, "somebody's");
      assert.equal(await outcomeOf(() => store.load(session.handle)), "ERR_SESSION_UNREADABLE");
      assert.equal(await outcomeOf(() => store.create(session)), "exists");
      assert.equal(await outcomeOf(() => store.save(next(session), session.version)), "ERR_SESSION_UNREADABLE");
      assert.equal(await outcomeOf(() => store.touch(session.handle, session.version, 1)), "ERR_SESSION_UNREADABLE");
      assert.equal(await outcomeOf(() => store.retire(session.handle, tombstone())), "ERR_SESSION_UNREADABLE");
      const heir = next(record(), { userId: "u" });
      const rotated = () => store.rotate?.(session.handle, session.version, heir, tombstone());
      assert.equal(await outcomeOf(rotated), "ERR_SESSION_UNREADABLE");
      assert.equal(await server.command("GET", key), "$10\r\nsomebody's\r\n");
    });

    test(`${library}: an index that holds something else stores nothing`, async (t) => {
      const prefix = newPrefix();
      const store = await open({ prefix });
      t.after(() => store.close());
      const [shard] = new Keys(prefix, 1).shards;
      await server.command("SET", shard?.users ?? "", "somebody's");
      const session = record({ userId: "u" });
      assert.equal(await outcomeOf(() => store.create(session)), "ERR_SESSION_UNREADABLE");
      assert.equal(await outcomeOf(() => store.load(session.handle)), "missing");
    });

    test(`${library}: after SCRIPT FLUSH the store goes on`, async (t) => {
      const store = await open();
      t.after(() => store.close());
      const session = record();
      await store.create(session);
      await server.command("SCRIPT", "FLUSH");
      assert.deepEqual(await store.load(session.handle), { status: "live", record: session });
      await server.command("SCRIPT", "FLUSH");
      assert.equal((await store.save(next(session), session.version)).status, "saved");
    });

    test(`${library}: the server removes what is over by itself, and the index heals when it is read or written`, async (t) => {
      const prefix = newPrefix();
      const store = await open({ prefix, index: "users" });
      t.after(() => store.close());
      const keys = new Keys(prefix, 1);
      const [shard] = keys.shards;
      assert.ok(shard);
      const session = record({ userId: "u" });
      const plain = record();
      await store.create(session);
      await store.create(plain);
      const expiry = async (of: typeof session) =>
        Number((await server.command("PEXPIRETIME", sessionKey(shard, of.handle))).slice(1));
      assert.equal(await expiry(session), session.expiresAt + 60 * MINUTE);
      const later = session.expiresAt + 5 * MINUTE;
      await store.touch(session.handle, session.version, later);
      assert.equal(await expiry(session), later + 60 * MINUTE);
      // By the old deadline, the entry of a session that lives on would be taken for one that is over.
      const score = await server.command("ZSCORE", shard.deadlines, `1:u:${session.handle}`);
      assert.equal(score, `$13\r\n${later}\r\n`);
      const stone = tombstone();
      await store.retire(plain.handle, stone);
      assert.equal(await expiry(plain), stone.until + 60 * MINUTE);

      // As the server does when the time has come.
      await server.command("DEL", sessionKey(shard, session.handle));
      assert.equal(await server.command("ZCARD", shard.users), ":1\r\n");
      assert.deepEqual(await store.users.sessionsOf("u"), []);
      assert.equal(await server.command("ZCARD", shard.users), ":0\r\n");
      assert.equal(await server.command("ZCARD", shard.deadlines), ":0\r\n");

      const old = Date.now() - 3 * 60 * MINUTE;
      for (let each = 0; each < 6; each += 1) {
        const entry = `1:u:${record().handle}`;
        await server.command("ZADD", shard.users, "0", entry);
        await server.command("ZADD", shard.deadlines, String(old), entry);
      }
      for (let each = 0; each < 2; each += 1) await store.create(record({ userId: "v" }));
      assert.equal(await server.command("ZCARD", shard.users), ":2\r\n");
      assert.equal(await server.command("ZCARD", shard.deadlines), ":2\r\n");
    });

    test(`${library}: with no replica, an end that asks for one is stored and says that it is not confirmed`, async (t) => {
      const store = await open({ confirm: { replicas: 1, timeoutMs: 30 } });
      t.after(() => store.close());
      const session = record({ userId: "u" });
      await store.create(session);
      assert.equal(await outcomeOf(() => store.retire(session.handle, tombstone(), "another")), "conflict");
      assert.equal(await outcomeOf(() => store.retire(session.handle, tombstone())), "ERR_SESSION_STORE unknown");
      assert.equal(await outcomeOf(() => store.load(session.handle)), "retired");
      assert.equal(await outcomeOf(() => store.users.advanceEpoch("u", 5)), "ERR_SESSION_STORE unknown");
      assert.equal(await store.users.epoch("u"), 5);
      const { sessions, request } = world({ store, clock: systemClock });
      const { cookie } = await request({ handle: async (s) => void ((await s.load()).count = 1) });
      const handle = (await store.list?.({ limit: 10 }))?.[0]?.handle ?? "";
      assert.equal(await outcomeOf(() => sessions.revoke(handle)), "ERR_SESSION_OUTCOME_UNKNOWN");
      assert.equal(await sessions.find(handle), null);
      const late = await request({ cookie, handle: (s) => s.load() });
      assert.equal((await late.session.load()).count, undefined);
    });

    test(`${library}: what requests cost, by the server's own count`, async (t) => {
      const { client, end } = await single(library, server.port)();
      t.after(end);
      const store = redisStore({ client, prefix: newPrefix() });
      const { request, sessions } = world({ store, clock: systemClock });
      const commands = async (work: () => Promise<unknown>): Promise<Record<string, number>> => {
        await server.command("CONFIG", "RESETSTAT");
        await work();
        const counts = commandCounts(await server.command("INFO", "commandstats"));
        // What a script calls is counted as well; these are what only a client can have sent.
        const asked = ["evalsha", "eval", "wait", "multi", "scan", "keys"];
        return Object.fromEntries(asked.flatMap((name) => (counts.has(name) ? [[name, counts.get(name) ?? 0]] : [])));
      };
      const write = async (s: { load(): Promise<{ count?: number }> }) => {
        const data = await s.load();
        data.count = (data.count ?? 0) + 1;
      };
      const warm = await request({ handle: write });
      const login = await request({ cookie: warm.cookie, handle: (s) => s.login("ada") });
      const { cookie } = login;
      await request({ cookie, handle: (s) => s.update((d) => d.count) });
      await request({ cookie, handle: (s) => s.load() });

      assert.deepEqual(await commands(() => request()), {});
      assert.deepEqual(await commands(() => request({ handle: write })), { evalsha: 1 });
      assert.deepEqual(await commands(() => request({ cookie, handle: (s) => s.load() })), { evalsha: 1 });
      assert.deepEqual(await commands(() => request({ cookie, handle: write })), { evalsha: 2 });
      const update = () => request({ cookie, handle: (s) => s.update((d) => (d.count = 5)) });
      assert.deepEqual(await commands(update), { evalsha: 2 });
      assert.deepEqual(await commands(() => sessions.ofUser("ada")), { evalsha: 3 });
      let renewed = cookie;
      const again = async () => {
        renewed = (await request({ cookie, handle: (s) => s.login("ada") })).cookie;
      };
      assert.ok(((await commands(again))["evalsha"] ?? 9) <= 3);
      const logout = await commands(() => request({ cookie: renewed, handle: (s) => s.logout() }));
      assert.deepEqual(logout, { evalsha: 1 });
    });
  }

  for (const [what, open] of [
    ["that puts a prefix of its own before keys (ioredis)", () => single("ioredis", server.port, { keyPrefix: "{app}:" })()],
    [
      "that puts a prefix of its own before keys (node-redis)",
      () => single("node-redis", server.port, { keyPrefix: "app:" })(),
    ],
    ["that speaks RESP2 (node-redis)", () => single("node-redis", server.port, { RESP: 2 })()],
    [
      "that gives bytes (node-redis)",
      () => single("node-redis", server.port, { commandOptions: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } } })(),
    ],
    ["that pipelines by itself (ioredis)", () => single("ioredis", server.port, { enableAutoPipelining: true })()],
  ] as const) {
    test(`a client ${what} works`, async (t) => {
      const store = await opened(open, { prefix: newPrefix() });
      t.after(() => store.close());
      const sessions = Array.from({ length: 3 }, (_, index) => record({ userId: "ü", data: `🦊${index}` }));
      const statuses = await Promise.all(sessions.map((session) => outcomeOf(() => store.create(session))));
      assert.deepEqual(statuses, ["created", "created", "created"]);
      const [first = record(), second = record()] = sessions;
      assert.deepEqual(await store.load(first.handle), { status: "live", record: first, userEpoch: 0 });
      const heir = next(first, { handle: record().handle });
      assert.deepEqual(await store.rotate?.(first.handle, first.version, heir, tombstone()), { status: "rotated" });
      assert.equal(await outcomeOf(() => store.retire(second.handle, tombstone())), "retired");
      assert.equal((await store.users.sessionsOf("ü")).length, 2);
      assert.equal((await store.list?.({ limit: 10 }))?.length, 2);
      assert.equal(await store.clearExpired?.({ before: Date.now() + 120 * MINUTE, limit: 10 }), 4);
    });
  }

  test("what is stored is read as it was written, whatever it holds and however many bytes its characters take", async (t) => {
    const store = await opened(single("node-redis", server.port), { prefix: newPrefix() });
    t.after(() => store.close());
    const parts = ["", "v", "-", ":", "0", "ü", "€", "🦊", "\0", "\n", "S1L", " ".repeat(20), "x".repeat(3000)];
    const users = [null, ...parts.slice(1)];
    for (const version of parts.slice(1)) {
      for (const userId of users) {
        for (const data of ["", "ü", "1:2:"]) {
          const session = record({ version, userId, data });
          const expected = { status: "live", record: session, ...(userId !== null && { userEpoch: 0 }) };
          assert.equal((await store.create(session)).status, "created");
          assert.deepEqual(await store.load(session.handle), expected);
          assert.deepEqual(await store.save(next(session), "another"), { ...expected, status: "conflict" });
          assert.equal((await store.save(next(session), version)).status, "saved");
        }
      }
    }
    for (const token of parts.slice(1)) {
      for (const successor of [null, record().handle]) {
        const [session, stone] = [record(), tombstone({ token, successor })];
        await store.create(session);
        await store.retire(session.handle, stone);
        assert.deepEqual(await store.load(session.handle), { status: "retired", tombstone: stone });
      }
    }
  });

  test("what was damaged is unreadable, whatever is wrong with it", async (t) => {
    const prefix = newPrefix();
    const store = await opened(single("node-redis", server.port), { prefix });
    t.after(() => store.close());
    const keys = new Keys(prefix, 1);
    const session = record({ userId: "u", version: "v" });
    const key = sessionKey(keys.shardOf(session.handle), session.handle);
    await store.create(session);
    const sound = (await server.command("GET", key)).split("\r\n")[1] ?? "";
    const damaged = [
      "",
      "S1L",
      sound.replace("S1L", "S2L"),
      sound.replace("S1L", "S1X"),
      sound.replace("S1L ", "S1L"),
      sound.replace("S1L", "S1L "),
      sound.replace(/:1:1:/, ":-:1:"),
      sound.replace(/:1:1:/, ":1:1-:"),
      sound.replace(/:1:1:/, ":1:9999:"),
      sound.replace(/:1:1:/, ":9999:1:"),
      sound.replace(/:1:1:/, ":1:-1:"),
    ];
    for (const value of damaged) {
      assert.notEqual(value, sound);
      await server.command("SET", key, value);
      // It is in no list, and comes back into it when it is repaired.
      assert.deepEqual(await store.users.sessionsOf("u"), [], value);
      assert.deepEqual(await store.list?.({ limit: 10 }), [], value);
      assert.equal(await outcomeOf(() => store.load(session.handle)), "ERR_SESSION_UNREADABLE", value);
      assert.equal(await outcomeOf(() => store.save(next(session), session.version)), "ERR_SESSION_UNREADABLE", value);
      assert.equal(await outcomeOf(() => store.touch(session.handle, session.version, 1)), "ERR_SESSION_UNREADABLE", value);
    }
    await server.command("SET", key, sound);
    assert.deepEqual(await store.users.sessionsOf("u"), [session]);
    assert.deepEqual(await store.list?.({ limit: 10 }), [session]);
  });

  test("a user's id that is kept keeps nothing of its session in memory", async (t) => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const used = (): number => (collect(), process.memoryUsage().heapUsed);
    const store = await opened(single("node-redis", server.port), { prefix: newPrefix() });
    t.after(() => store.close());
    const usedAtFirst = used();
    const users: (string | null)[] = [];
    for (let number = 0; number < 200; number++) {
      const session = record({ userId: `somebody-with-a-long-name-${number}`, data: "x".repeat(100_000) });
      await store.create(session);
      const loaded = await store.load(session.handle);
      if (loaded.status === "live") users.push(loaded.record.userId);
    }
    const megabytes = (used() - usedAtFirst) / 1e6;
    assert.equal(new Set(users).size, 200);
    assert.ok(megabytes < 5, `${megabytes.toFixed(1)} MB`);
  });

  test("a client that throws at once is understood as one that rejects", async () => {
    const missing = async (): Promise<string[]> => ["missing"];
    for (const [message, expected] of [
      ["NOSCRIPT No matching script", "missing"],
      ["READONLY You can't write against a read only replica.", "ERR_SESSION_STORE"],
    ] as const) {
      const broken = (): never => {
        throw new Error(message);
      };
      const clients = [
        { evalSha: broken, eval: missing, multi: broken },
        { evalsha: broken, eval: missing, pipeline: broken },
      ];
      for (const client of clients) {
        const store = redisStore({ client });
        assert.equal((await outcomeOf(() => store.load(record().handle))).split(" ")[0], expected);
      }
    }
  });

  test("four processes add 250 each to one counter, and it is exactly 1000", async (t) => {
    const prefix = newPrefix();
    const store = await opened(single("node-redis", server.port), { prefix });
    t.after(() => store.close());
    const counter = record({ data: "0" });
    await store.create(counter);
    const worker = fileURLToPath(new URL("./redis/worker.ts", import.meta.url));
    const args = ["--conditions=sojourn:source", worker, String(server.port), prefix, counter.handle, "250"];
    const run = promisify(execFile);
    const results = await Promise.all(Array.from({ length: 4 }, () => run(process.execPath, args)));
    const outcome = await store.load(counter.handle);
    assert.equal(outcome.status === "live" && outcome.record.data, "1000");
    const conflicts = results.reduce((sum, { stdout }) => sum + Number(stdout), 0);
    t.diagnostic(`${conflicts} writes were refused and made again`);
  });
});
