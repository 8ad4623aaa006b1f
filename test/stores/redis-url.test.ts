import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, describe, test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { systemClock } from "../../src/core/clock.ts";
import { isSessionError } from "../../src/core/errors.ts";
import { parseRedisUrl } from "../../src/stores/redis/address.ts";
import { Keys, sessionKey } from "../../src/stores/redis/keys.ts";
import { redisStoreFromUrl } from "../../src/stores/redis.ts";
import { world } from "../core/support.ts";
import { cluster as processes, cookieOf, type Answer, type Cluster as Processes } from "../races/cluster.ts";
import { redisExchange } from "../servers/exchange.ts";
import { needs } from "../servers/needs.ts";
import { freePort, pause, until } from "../servers/process.ts";
import { startRedisCluster, type RedisCluster } from "../servers/redis-cluster.ts";
import { startRedisSentinel, type RedisSentinel } from "../servers/redis-sentinel.ts";
import { startRedis, type RedisServer } from "../servers/redis.ts";
import { outcomeOf, record } from "./redis/support.ts";
import { libraries, newPrefix, type Library } from "./redis/targets.ts";
import { startTlsRedis } from "./redis/tls.ts";

const HIDE = new URL("./redis/hide.ts", import.meta.url).href;
/** The packages that are hidden from a process, so that it finds the one that is wanted. */
const HIDDEN: Readonly<Record<Library, string>> = { "node-redis": "", ioredis: "redis" };

/** What a process says that stores and reads a session by a URL, with some packages hidden from it. */
async function said(url: string, hidden: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const program = fileURLToPath(new URL("./redis/url-program.ts", import.meta.url));
  const args = ["--conditions=sojourn:source", "--import", HIDE, program, url];
  const settings = { env: { ...process.env, ...env, HIDDEN_PACKAGES: hidden }, timeout: 20_000 };
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, settings);
  return stdout + stderr;
}

test("a Redis URL says where the servers are, who the store is to them, and the options", () => {
  const nobody = { username: undefined, password: undefined };
  assert.deepEqual(parseRedisUrl("redis://h").address, {
    kind: "single",
    tls: false,
    hosts: [{ host: "h", port: 6379 }],
    credentials: nobody,
    database: 0,
    master: "",
    sentinelCredentials: nobody,
  });
  const { address, options } = parseRedisUrl(
    "rediss+sentinel://us%40er:p%3Aw:d@a,[::1]:7000/my%2Fmaster/3?sentinelPassword=s%26&prefix=p%3A&index=users&slackSeconds=90&confirm=2,300",
  );
  assert.deepEqual(address, {
    kind: "sentinel",
    tls: true,
    hosts: [
      { host: "a", port: 26_379 },
      { host: "::1", port: 7000 },
    ],
    credentials: { username: "us@er", password: "p:w:d" },
    database: 3,
    master: "my/master",
    sentinelCredentials: { username: undefined, password: "s&" },
  });
  const confirm = { replicas: 2, timeoutMs: 300 };
  assert.deepEqual(options, { prefix: "p:", index: "users", shards: undefined, slackMs: 90_000, confirm });
  const clustered = parseRedisUrl("redis+cluster://:secret@a:1,b:2/?shards=8");
  assert.deepEqual(clustered.address.credentials, { username: undefined, password: "secret" });
  assert.equal(clustered.options.shards, 8);
});

test("a Redis URL that cannot be one is refused when the store is made, and the error holds nothing of it", () => {
  for (const url of [
    "redis:",
    "http://h",
    "redis://",
    "redis://hush@",
    "redis://h:0",
    "redis://h:65536",
    "redis://h:x",
    "redis://h,g",
    "redis://h/x",
    "redis://h/0/1",
    "redis://a:b:c",
    "redis://%zz@h",
    "redis://h?ttl=5",
    "redis://h?index=x",
    "redis://h?prefix={",
    "redis://h?shards=x",
    "redis://h?shards=0",
    "redis://h?confirm=1",
    "redis://h?confirm=1,100,2",
    "redis://h?index=all&index=all",
    "redis://h?sentinelPassword=hush",
    "redis://h#hush",
    "redis+sentinel://h",
    "redis+sentinel://h/",
    "redis+sentinel://h//0",
    "redis+sentinel://h/m/x",
    "redis+cluster://h/1",
    "redis+cluster://h,",
    "redis+other://h",
  ]) {
    assert.throws(
      () => redisStoreFromUrl(url),
      (error) => isSessionError(error, "ERR_SESSION_CONFIG") && !error.message.includes("hush"),
      url,
    );
  }
});

const nowhere = ["redis://127.0.0.1:1", "redis+sentinel://127.0.0.1:1,127.0.0.1:2/m", "redis+cluster://127.0.0.1:1"];

for (const library of libraries) {
  test(`${library}: a URL where nobody listens fails at once with nothing stored, and is closed`, async () => {
    const outcomes = await Promise.all(nowhere.map((url) => said(url, HIDDEN[library])));
    assert.deepEqual(new Set(outcomes), new Set(["ERR_SESSION_STORE no\nERR_SESSION_STORE no\n"]));
  });
}

test("without a client the error says what to install", async () => {
  const outcomes = await said("redis://127.0.0.1:1", "redis,ioredis");
  assert.equal(outcomes, "ERR_SESSION_CONFIG\nERR_SESSION_CONFIG\n");
});

describe("one Redis by its URL", { skip: needs("redis") }, () => {
  let server: RedisServer;
  before(async () => (server = await startRedis()));
  after(() => server.stop());

  test("the first call connects; prefix, index and database are taken from it; close ends the connection", async () => {
    const prefix = newPrefix();
    const store = redisStoreFromUrl(`${server.url}/4?prefix=${encodeURIComponent(prefix)}&index=users`);
    assert.equal(store.list, undefined);
    assert.equal(typeof store.rotate, "function");
    const session = record();
    assert.equal((await store.create(session)).status, "created");
    const [shard] = new Keys(prefix, 1).shards;
    assert.ok(shard);
    const key = sessionKey(shard, session.handle);
    assert.equal(await server.command("EXISTS", key), ":0\r\n");
    assert.equal(await server.command("COPY", key, `copy of ${key}`, "DB", "0"), ":0\r\n");
    assert.match(await server.command("INFO", "keyspace"), /db4:keys=[1-9]/);
    assert.match(await server.command("CLIENT", "LIST"), / db=4 /);
    await store.close();
    await until("it is gone", async () => !(await server.command("CLIENT", "LIST")).includes(" db=4 "));
    assert.equal(await outcomeOf(() => store.load(session.handle)), "ERR_SESSION_USAGE");
  });

  test("with ioredis where node-redis is not installed", async () => {
    assert.equal(await said(`${server.url}/0?prefix=${newPrefix()}`, "redis"), "created\nlive\n");
  });

  test("a server that is down: calls end in time, and work once it is up", async (t) => {
    const port = await freePort();
    const store = redisStoreFromUrl(`redis://127.0.0.1:${port}`);
    t.after(() => store.close());
    const { sessions } = world({ store, clock: systemClock, storeTimeoutSeconds: 0.3, breakerFailures: 1000 });
    const session = record();
    assert.equal(await outcomeOf(() => sessions.find(session.handle)), "ERR_SESSION_STORE no");
    const late = await startRedis({ port });
    t.after(() => late.stop());
    await until("the store has found the server", async () => {
      return (await outcomeOf(() => sessions.find(session.handle))) === "done";
    });
  });

  test("a server that accepts and says nothing does not keep the store from being closed", async (t) => {
    const silent = await startRedis();
    t.after(() => silent.stop());
    silent.process.pause();
    const store = redisStoreFromUrl(silent.url);
    const call = outcomeOf(() => store.load(record().handle));
    await pause(100);
    await store.close();
    silent.process.resume();
    assert.equal(await call, "ERR_SESSION_STORE no");
  });
});

test("rediss: is TLS, to a server, to sentinels and to a cluster's nodes", { skip: needs("redis") }, async () => {
  await using redis = await startTlsRedis();
  const env = { NODE_EXTRA_CA_CERTS: redis.authority };
  const urls = [
    `rediss://localhost:${redis.singlePort}`,
    `rediss+sentinel://localhost:${redis.sentinelPort}/sojourn`,
    `rediss+cluster://localhost:${redis.clusterPort}`,
  ];
  for (const library of libraries) {
    const outcomes = await Promise.all(urls.map((url) => said(url, HIDDEN[library], env)));
    assert.deepEqual(new Set(outcomes), new Set(["created\nlive\n"]), library);
  }
  const unknown = await said(`rediss://localhost:${redis.singlePort}`, "", { NODE_EXTRA_CA_CERTS: "" });
  assert.equal(unknown, "ERR_SESSION_STORE no\nERR_SESSION_STORE no\n", "a certificate that nobody vouches for");
});

/** Two processes, one with each library, behind one URL. */
async function both(t: TestContext, url: string): Promise<Processes> {
  const each = libraries.map((library) => ({ args: ["--import", HIDE], env: { HIDDEN_PACKAGES: HIDDEN[library] } }));
  const running = await processes(url, each, { storeTimeoutSeconds: 1, breakerFailures: 0 });
  t.after(() => running.kill());
  return running;
}

const countIn = ({ body }: Answer): number | undefined => (JSON.parse(body) as { data: { count?: number } }).data.count;

/** 100 increments and 20 logouts at once, then a failover under load: what holds whichever library a process has. */
async function storyOf(t: TestContext, url: string, fail: () => Promise<void>): Promise<void> {
  const servers = await both(t, url);
  let first = await servers.ask("/increment");
  // The first calls connect, while other servers start on the same machine.
  for (const process of libraries.keys()) {
    await until(
      "a process serves",
      async () => (first = await servers.ask("/increment", undefined, process)).status === 200,
    );
  }
  const counter = cookieOf(first);
  const answers = await Promise.all(Array.from({ length: 99 }, () => servers.ask("/increment", counter)));
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
  assert.equal(countIn(await servers.ask("/show", counter)), 100);

  const race = async (index: number): Promise<void> => {
    const cookie = cookieOf(await servers.ask(`/login?user=user${index}`));
    const slow = servers.ask(`/slow?barrier=${index}`, cookie, 0);
    await servers.ask(`/reached?barrier=${index}`, undefined, 0);
    assert.equal((await servers.ask("/logout", cookie, 1)).status, 200);
    await servers.ask(`/open?barrier=${index}`, undefined, 0);
    assert.equal((await slow).status, 400);
    assert.deepEqual(JSON.parse((await servers.ask("/show", cookie)).body), { data: {}, userId: null });
  };
  await Promise.all(Array.from({ length: 20 }, (_, index) => race(index)));

  let longest = 0;
  const statuses = new Map<number, number>();
  const timed = async (path: string, cookie?: string, process?: number): Promise<Answer> => {
    const started = performance.now();
    const answer = await servers.ask(path, cookie, process);
    longest = Math.max(longest, performance.now() - started);
    statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
    if (answer.status !== 200) {
      assert.deepEqual([answer.status, answer.setCookie], [503, []], answer.body);
      assert.match(answer.retryAfter ?? "", /^\d+$/);
    }
    return answer;
  };
  const visitors = await Promise.all(
    Array.from({ length: 12 }, async () => ({ cookie: cookieOf(await servers.ask("/increment")), acknowledged: 1 })),
  );
  const ended: string[] = [];
  let working = true;
  const load = visitors.map(async (visitor) => {
    while (working) {
      if ((await timed("/increment", visitor.cookie)).status === 200) visitor.acknowledged += 1;
      else await pause(20);
    }
  });
  const leaver = (async () => {
    for (let index = 0; working; index += 1) {
      const login = await timed(`/login?user=leaver${index}`);
      if (login.status !== 200) await pause(20);
      else if ((await timed("/logout", cookieOf(login))).status === 200) ended.push(cookieOf(login));
    }
  })();
  await pause(300);
  await fail();
  for (const { cookie } of visitors) {
    for (const process of [0, 1]) {
      await until("it works again", async () => (await timed("/show", cookie, process)).status === 200, 20);
    }
  }
  working = false;
  await Promise.all([...load, leaver]);
  let lost = 0;
  for (const { cookie, acknowledged } of visitors) {
    lost += Math.max(0, acknowledged - (countIn(await servers.ask("/show", cookie)) ?? 0));
  }
  for (const cookie of ended) {
    assert.deepEqual(JSON.parse((await servers.ask("/show", cookie)).body), { data: {}, userId: null }, "it came back");
  }
  assert.ok(ended.length > 0 && visitors.every(({ acknowledged }) => acknowledged > 1), "there was load");
  // A request reads and writes, and a write may be sent twice.
  assert.ok(longest < 3500, `a request took ${longest} ms`);
  t.diagnostic(`answers: ${JSON.stringify(Object.fromEntries(statuses))}; the longest took ${Math.round(longest)} ms`);
  t.diagnostic(`lost: ${lost} acknowledged increments; ${ended.length} ended, 0 revived`);
  await servers.stop();
}

describe("Redis behind sentinels by its URL", { skip: needs("redis") }, () => {
  let trio: RedisSentinel;
  let sentinels: string;
  before(async () => {
    trio = await startRedisSentinel();
    // The first is not there: the others are asked.
    sentinels = [1, ...trio.sentinels.map(({ port }) => port)].map((port) => `127.0.0.1:${port}`).join(",");
  });
  after(() => trio.stop());

  test("sentinels are told their own user and password, and servers theirs", async () => {
    const master = await trio.master();
    await master.command("ACL", "SETUSER", "app", "on", ">app/secret", "~*", "&*", "+@all");
    for (const { port } of trio.sentinels)
      await redisExchange(port, "ACL", "SETUSER", "watcher", "on", ">watch", "&*", "+@all");
    const login = "sentinelUsername=watcher&sentinelPassword=watch";
    const found = `${sentinels}/${trio.masterName}/2?${login}`;
    const right = `redis+sentinel://app:app%2Fsecret@${found}`;
    const wrong = [`redis+sentinel://app:wrong@${found}`, `${right}ing`];
    for (const library of libraries) {
      const [known, ...unknown] = await Promise.all([right, ...wrong].map((url) => said(url, HIDDEN[library])));
      assert.equal(known, "created\nlive\n", library);
      assert.deepEqual(new Set(unknown), new Set(["ERR_SESSION_STORE no\nERR_SESSION_STORE no\n"]), library);
    }
    assert.match(await master.command("INFO", "keyspace"), /db2:keys=[1-9]/);
  });

  test("processes with either client count together, end sessions, and follow a failover", async (t) => {
    await storyOf(t, `redis+sentinel://${sentinels}/${trio.masterName}?confirm=1,500`, async () => {
      const first = await trio.master();
      await first.process.kill();
      await until("another is master", async () => (await trio.master()) !== first, 15);
    });
  });
});

describe("a Redis cluster by its URL", { skip: needs("redis") }, () => {
  let cluster: RedisCluster;
  before(async () => (cluster = await startRedisCluster()));
  after(() => cluster.stop());

  test("processes with either client count together, end sessions, and follow a failover", async (t) => {
    const [one, two] = cluster.nodes;
    const url = `redis+cluster://127.0.0.1:1,127.0.0.1:${one?.port},127.0.0.1:${two?.port}?confirm=1,500`;
    await storyOf(t, url, async () => {
      const [first] = await cluster.masters();
      await first?.process.kill();
      await until("another is master", async () => (await cluster.masters()).length === 3, 15);
    });
  });

  test("shards and prefix are taken from the URL", async (t) => {
    const prefix = newPrefix();
    const running = cluster.nodes.find((node) => node.process.isRunning);
    const store = redisStoreFromUrl(
      `redis+cluster://127.0.0.1:${running?.port}?shards=1&prefix=${encodeURIComponent(prefix)}`,
    );
    t.after(() => store.close());
    const session = record();
    assert.equal((await store.create(session)).status, "created");
    assert.equal(typeof store.rotate, "function");
  });
});
