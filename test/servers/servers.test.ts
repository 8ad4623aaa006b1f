import assert from "node:assert/strict";
import { connect } from "node:net";
import { describe, test } from "node:test";
import { exchange, redisExchange } from "./exchange.ts";
import { startMariadb } from "./mariadb.ts";
import { startMemcached } from "./memcached.ts";
import { needs } from "./needs.ts";
import { startPostgres } from "./postgres.ts";
import { pause, runProgram, until } from "./process.ts";
import { startProxy } from "./proxy.ts";
import { introduce, startRedisCluster, startRedisNode } from "./redis-cluster.ts";
import { startRedisSentinel } from "./redis-sentinel.ts";
import { infoField, startRedis } from "./redis.ts";
import { within } from "./watchdog.ts";

test("a program that does not end is killed, and its last words are in the error", async () => {
  const args = ["-e", "console.log('waiting'); setInterval(() => {}, 1000)"];
  await assert.rejects(runProgram(process.execPath, args, 0.5), /killed, the latest after 0\.5 seconds:\nwaiting/);
});

test("work that takes too long fails with what it was waiting for", async () => {
  const forever = within(0.05, async (doing) => {
    doing("the moon");
    return new Promise<never>(() => {});
  });
  await assert.rejects(forever, /After 0\.05 seconds it was still waiting for the moon; open: .*Timeout/);
  assert.equal(await within(5, async () => "done"), "done");
});

const get = (port: number, key: string): Promise<string> => redisExchange(port, "GET", key);

describe("redis", { skip: needs("redis") }, () => {
  test("starts, keeps its file through kill -9, and is gone after stop", async () => {
    const server = await startRedis({ args: ["--appendonly", "yes"] });
    await server.command("SET", "a", "1");
    await server.process.kill();
    await assert.rejects(get(server.port, "a"));
    await server.process.restart();
    assert.equal(await get(server.port, "a"), "$1\r\n1\r\n");
    await server.stop();
    await assert.rejects(get(server.port, "a"));
  });

  test("paused, it answers nothing; resumed, it answers", async () => {
    await using server = await startRedis();
    server.process.pause();
    await assert.rejects(
      exchange(server.port, "PING\r\n", (reply) => reply.includes("PONG"), 0.2),
      /in time/,
    );
    server.process.resume();
    assert.match(await server.command("PING"), /PONG/);
  });

  test("a cluster of six and a trio of sentinels come up whole", async () => {
    await using cluster = await startRedisCluster();
    assert.equal((await cluster.masters()).length, 3);
    await using trio = await startRedisSentinel();
    assert.equal(await trio.master(), trio.nodes[0]);
  });

  test("nodes of a cluster that were too slow to be introduced are introduced again", async () => {
    await using first = await startRedisNode();
    await using second = await startRedisNode();
    const known = async (node: typeof first) =>
      infoField(await node.server.command("CLUSTER", "INFO"), "cluster_known_nodes");
    await second.server.command("CLUSTER", "MEET", "127.0.0.1", String(first.server.port), String(first.bus));
    // For longer than the first waits for an answer to its own greeting.
    second.server.process.pause();
    await pause(2500);
    second.server.process.resume();
    await introduce([first, second]);
    assert.deepEqual([await known(first), await known(second)], ["2", "2"]);
  });

  test("the proxy passes, drops the reply after the server acted, cuts, delays, holds, swallows and resets", async () => {
    await using server = await startRedis();
    await using proxy = await startProxy(server.port);
    assert.match(await redisExchange(proxy.port, "PING"), /PONG/);
    proxy.set({ kind: "drop-reply", matches: (request) => request.includes("INCR") });
    assert.match(await redisExchange(proxy.port, "PING"), /PONG/);
    await assert.rejects(redisExchange(proxy.port, "INCR", "n"), /ended early/);
    assert.equal(await get(server.port, "n"), "$1\r\n1\r\n");
    assert.equal(proxy.hits, 1);
    assert.equal(await redisExchange(proxy.port, "INCR", "n"), ":2\r\n");

    proxy.set({ kind: "cut", bytes: 3 });
    assert.equal(await whatComes(proxy.port, "GET n\r\n"), "$1\r");
    proxy.set({ kind: "delay", milliseconds: 60 });
    const started = performance.now();
    await get(proxy.port, "n");
    assert.ok(performance.now() - started >= 55);
    // What comes later does not overtake what is late.
    const late = connect({ host: "127.0.0.1", port: proxy.port });
    let both = "";
    late.on("data", (chunk: Buffer) => (both += chunk.toString()));
    late.write("ECHO first\r\n");
    await pause(20);
    proxy.set({ kind: "pass" });
    late.write("ECHO second\r\n");
    await until("both are there", async () => both.includes("first") && both.includes("second"));
    late.destroy();
    assert.match(both, /first[^]*second/);
    proxy.set({ kind: "hold" });
    const held = redisExchange(proxy.port, "INCR", "held");
    await until("the reply is held", async () => proxy.held > 0);
    assert.equal(await get(server.port, "held"), "$1\r\n1\r\n");
    proxy.set({ kind: "pass" });
    assert.equal(await held, ":1\r\n");
    proxy.set({ kind: "blackhole" });
    await assert.rejects(
      exchange(proxy.port, "PING\r\n", () => true, 0.1),
      /in time/,
    );
    proxy.set({ kind: "reset" });
    await assert.rejects(redisExchange(proxy.port, "PING"));
    proxy.set({ kind: "pass" });
    assert.match(await redisExchange(proxy.port, "PING"), /PONG/);
  });
});

describe("memcached", { skip: needs("memcached") }, () => {
  test("starts and speaks the meta protocol", async () => {
    await using server = await startMemcached();
    assert.equal(await exchange(server.port, "ms k 1 T30\r\na\r\n", (reply) => reply.endsWith("\r\n")), "HD\r\n");
  });
});

describe("postgres", { skip: needs("postgres") }, () => {
  test("starts, comes back after kill -9, and is gone after stop", async () => {
    const server = await startPostgres();
    await server.process.kill();
    await server.process.restart();
    await server.stop();
    await assert.rejects(exchange(server.port, "x", () => true, 0.2));
  });
});

describe("mariadb", { skip: needs("mariadb") }, () => {
  test("starts and comes back after kill -9", async () => {
    await using server = await startMariadb();
    await server.process.kill();
    await server.process.restart();
    const greeting = await exchange(server.port, "", (reply) => reply.includes("MariaDB"));
    assert.match(greeting, /MariaDB/);
  });
});

/** Everything that arrives until the other side ends the connection. */
function whatComes(port: number, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port });
    let text = "";
    socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
    socket.once("error", reject);
    socket.once("close", () => resolve(text));
    socket.write(request);
  });
}
