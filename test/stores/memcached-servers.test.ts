import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { handleOf, lockHandleOf, newSessionId, type SessionHandle } from "../../src/core/id.ts";
import { memcachedStore, memcachedStoreFromUrl, type MemcachedStoreOptions } from "../../src/stores/memcached.ts";
import { Shares } from "../../src/stores/memcached/shares.ts";
import { storeFromUrl } from "../../src/store-url.ts";
import type { SessionRecord } from "../../src/core/record.ts";
import { type MemcachedServer, startMemcached } from "../servers/memcached.ts";
import { needs } from "../servers/needs.ts";
import { serverFolder, until } from "../servers/process.ts";
import { startRelay } from "./memcached/relay.ts";
import { addressesOf, command, newPrefix, openStore } from "./memcached/targets.ts";
import { next, outcomeOf, record, tombstone } from "./redis/support.ts";

const run = promisify(execFile);
const named = (...names: string[]) => new Shares(names.map((name) => ({ name })));

test("which server keeps a session never changes", () => {
  const shares = named("cache1:11211", "cache2:11211", "[::1]:11211", "/run/memcached.sock");
  const homes = ["00", "7f", "a4", "ff", "lock-c"].map((start) => shares.of(start.padEnd(48, "0")).name);
  assert.deepEqual(homes, PINNED);
});

const PINNED = ["cache1:11211", "cache1:11211", "/run/memcached.sock", "cache2:11211", "cache1:11211"];

test("sessions are spread evenly, whatever the order of the list, and a server more or less moves its own share only", () => {
  const names = ["a:1", "b:1", "c:1", "d:1"];
  const [shares, turned, fewer] = [named(...names), named(...names.toReversed()), named(...names.slice(0, 3))];
  const counts = new Map(names.map((name) => [name, 0]));
  for (let each = 0; each < 4000; each += 1) {
    const session = handleOf(newSessionId());
    for (const handle of [session, lockHandleOf(session)]) {
      const { name } = shares.of(handle);
      counts.set(name, (counts.get(name) ?? 0) + 1);
      assert.equal(turned.of(handle).name, name);
      if (name !== "d:1") assert.equal(fewer.of(handle).name, name);
    }
  }
  for (const count of counts.values()) assert.ok(count > 1700 && count < 2300, JSON.stringify([...counts]));
});

describe("memcached store and its servers", { skip: needs("memcached") }, () => {
  let server: MemcachedServer;
  before(async () => (server = await startMemcached()));
  after(() => server.process.kill());

  const open = (options: Partial<MemcachedStoreOptions> = {}) => openStore([server], options);

  const connections = async () => {
    // One that asks is counted.
    return Number(/curr_connections (\d+)/.exec(await command(server, "stats", "END\r\n"))?.[1]);
  };

  test("close answers what is under way, refuses what comes later, and gives the connections back", async () => {
    const few = await connections();
    const store = open({ connections: 3 });
    const session = record();
    const calls = Array.from({ length: 50 }, () => store.load(session.handle));
    await Promise.all(calls);
    await until("all connections are there", async () => (await connections()) === few + 3);
    const more = Array.from({ length: 50 }, () => store.load(session.handle));
    await new Promise((resolve) => setImmediate(resolve));
    await store.close();
    for (const outcome of await Promise.all(more)) assert.equal(outcome.status, "missing");
    assert.equal(await outcomeOf(() => store.load(session.handle)), "ERR_SESSION_USAGE");
    assert.equal(await outcomeOf(() => store.create(session)), "ERR_SESSION_USAGE");
    assert.equal(await outcomeOf(() => store.save(session, "x")), "ERR_SESSION_USAGE");
    assert.equal(await outcomeOf(() => store.touch(session.handle, "x", 1)), "ERR_SESSION_USAGE");
    assert.equal(await outcomeOf(() => store.retire(session.handle, tombstone())), "ERR_SESSION_USAGE");
    await until("the connections are back", async () => (await connections()) === few);
    await open().close();
  });

  test("a program that forgets to close the store ends all the same", async () => {
    const program = fileURLToPath(new URL("./memcached/lasting.ts", import.meta.url));
    const args = ["--conditions=sojourn:source", program, String(server.port)];
    const { stdout } = await run(process.execPath, args, { timeout: 10_000 });
    assert.equal(stdout, "created live\n");
  });

  test("a server without compare-and-swap is refused as a configuration that cannot work", async (t) => {
    const without = await startMemcached({ args: ["-C"] });
    t.after(() => without.process.kill());
    const store = openStore([without]);
    t.after(() => store.close());
    const session = record();
    assert.equal(await outcomeOf(() => store.create(session)), "ERR_SESSION_CONFIG");
    assert.equal(await outcomeOf(() => store.load(session.handle)), "ERR_SESSION_CONFIG");
  });

  test("by a URL: hosts, options and sockets", async (t) => {
    const path = `${serverFolder("memcached")}/m.sock`;
    const relay = await startRelay(server.port, path);
    t.after(() => relay[Symbol.asyncDispose]());
    const other = await startMemcached();
    t.after(() => other.process.kill());
    const hosts = addressesOf([server, other]).join(",");
    const prefix = newPrefix();
    for (const url of [
      `memcached://${hosts}?prefix=${encodeURIComponent(prefix)}&connections=2&slackSeconds=60&timeoutSeconds=1&tls=false`,
      `memcached://LOCALHOST:${server.port}/?prefix=${encodeURIComponent(prefix)}`,
      `memcached://${path}?prefix=${encodeURIComponent(prefix)}`,
    ]) {
      const store = storeFromUrl(url);
      assert.ok("load" in store);
      t.after(() => store.close?.());
      const sessions = Array.from({ length: 20 }, () => record());
      for (const session of sessions) assert.equal(await outcomeOf(() => store.create(session)), "created", url);
      for (const { handle } of sessions) {
        assert.equal(await outcomeOf(() => store.load(handle)), "live", url);
        const found = await Promise.all([server, other].map((each) => command(each, `mg ${prefix}${handle} s`)));
        assert.equal(found.filter((reply) => reply.startsWith("HD")).length, 1, "under the prefix that was given");
      }
    }
    assert.equal(memcachedStoreFromUrl("memcached://[::1]:11211,host").name, "memcached");
  });

  test("while one of three servers is away, its share of the calls fails, and nothing is kept elsewhere meanwhile", async (t) => {
    const servers = await Promise.all([startMemcached(), startMemcached(), startMemcached()]);
    t.after(() => Promise.all(servers.map((each) => each.process.kill())));
    const store = openStore(servers);
    t.after(() => store.close());
    const sessions = Array.from({ length: 60 }, () => record());
    for (const session of sessions) await store.create(session);
    const shares = new Shares(addressesOf(servers).map((name) => ({ name })));
    const [down] = servers;
    const isAway = ({ handle }: { handle: SessionHandle }) => shares.of(handle).name === addressesOf([down ?? server])[0];
    assert.ok(sessions.some(isAway) && !sessions.every(isAway));
    await down?.process.kill();
    await until(
      "the store knows",
      async () =>
        (await outcomeOf(() => store.load(sessions.find(isAway)?.handle ?? ("" as SessionHandle)))) ===
        "ERR_SESSION_STORE no",
    );
    for (const session of sessions) {
      const { handle, version } = session;
      const [loaded, saved, ended] = isAway(session)
        ? ["ERR_SESSION_STORE no", "ERR_SESSION_STORE no", "ERR_SESSION_STORE no"]
        : ["live", "saved", "retired"];
      assert.equal(await outcomeOf(() => store.load(handle)), loaded);
      assert.equal(await outcomeOf(() => store.save(next(session), version)), saved);
      assert.equal(await outcomeOf(() => store.retire(handle, tombstone())), ended);
      assert.equal(await outcomeOf(() => store.create(record({ handle }))), isAway(session) ? loaded : "exists");
    }
    await down?.process.restart();
    const away = sessions.find(isAway) ?? record();
    await until("it is found again", async () => (await outcomeOf(() => store.load(away.handle))) === "missing");
  });

  test("with TLS: the certificate is checked, and what is said is what is stored", async (t) => {
    const folder = serverFolder("memcached-tls");
    const [key, cert] = [`${folder}/key.pem`, `${folder}/cert.pem`];
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    await run("openssl", ["req", "-x509", ...curve, ...subject, "-days", "2", "-keyout", key, "-out", cert]);
    const secure = await startMemcached({ tls: { key, cert } });
    // With TLS it does not end when it is asked to.
    t.after(() => secure.process.kill());
    const address = `localhost:${secure.port}`;
    const ca = readFileSync(cert, "utf8");
    const store = memcachedStore({ servers: [address], tls: { ca }, prefix: newPrefix() });
    const untrusting = memcachedStore({ servers: [address], tls: true });
    const misnamed = memcachedStore({ servers: [`127.0.0.1:${secure.port}`], tls: { ca } });
    const plain = memcachedStore({ servers: [address], timeoutSeconds: 0.5 });
    t.after(() => Promise.all([store, untrusting, misnamed, plain].map((each) => each.close())));
    const session = record({ data: "x".repeat(100_000) });
    assert.equal(await outcomeOf(() => store.create(session)), "created");
    assert.deepEqual(await store.load(session.handle), { status: "live", record: session });
    assert.equal(await outcomeOf(() => store.save(next(session), session.version)), "saved");
    // Values and commands in one stream, of every size: a server that left one of them lying would answer five seconds later.
    const started = performance.now();
    const sessions = Array.from({ length: 200 }, (_, index) => record({ data: "x".repeat(index * 200) }));
    const all = <T>(call: (session: SessionRecord) => T | PromiseLike<T>): Promise<string[]> =>
      Promise.all(sessions.map((each) => outcomeOf(() => call(each))));
    assert.deepEqual(new Set(await all((each) => store.create(each))), new Set(["created"]));
    assert.deepEqual(new Set(await all((each) => store.load(each.handle))), new Set(["live"]));
    assert.deepEqual(new Set(await all((each) => store.save(next(each), each.version))), new Set(["saved"]));
    assert.ok(performance.now() - started < 4000, `${performance.now() - started} ms`);
    for (const wrong of [untrusting, misnamed, plain]) {
      assert.equal(await outcomeOf(() => wrong.load(session.handle)), "ERR_SESSION_STORE no");
    }
  });
});
