import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { isSessionError } from "../../src/core/errors.ts";
import type { SessionHandle } from "../../src/core/id.ts";
import { memcachedStore, type MemcachedStoreOptions } from "../../src/stores/memcached.ts";
import { storeFromUrl } from "../../src/store-url.ts";
import { type MemcachedServer, startMemcached } from "../servers/memcached.ts";
import { needs } from "../servers/needs.ts";
import { freePort } from "../servers/process.ts";
import { startRelay } from "./memcached/relay.ts";
import { command, newPrefix, openStore } from "./memcached/targets.ts";
import { next, outcomeOf, record, tombstone } from "./redis/support.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;

test("options that cannot work are refused when the store is made", () => {
  const servers = ["127.0.0.1:11211"];
  const wrong: object[] = [
    {},
    { servers: [] },
    { servers: "127.0.0.1" },
    { servers: [1] },
    { servers: ["127.0.0.1:0"] },
    { servers: ["127.0.0.1:65536"] },
    { servers: ["127.0.0.1:"] },
    { servers: ["a b"] },
    { servers: ["a/b"] },
    { servers: ["user@a"] },
    { servers: ["memcached://a"] },
    { servers: ["::1:11211"] },
    { servers: ["/"] },
    { servers: ["A", "a:11211"] },
    { servers, prefix: "a b" },
    { servers, prefix: "a\n" },
    { servers, prefix: "ä" },
    { servers, prefix: "a".repeat(201) },
    { servers, prefix: 1 },
    { servers, slackSeconds: 59 },
    { servers, slackSeconds: 31 * 86_400 },
    { servers, timeoutSeconds: 0 },
    { servers, timeoutSeconds: 61 },
    { servers, connections: 0 },
    { servers, connections: 17 },
    { servers, tls: "yes" },
    { servers, tls: null },
    { servers, tls: { cert: "no certificate", key: "no key" } },
    { servers, ttl: 5 },
  ];
  for (const options of wrong) {
    assert.throws(
      () => memcachedStore(options as MemcachedStoreOptions),
      (error) => isSessionError(error, "ERR_SESSION_CONFIG"),
      JSON.stringify(options),
    );
  }
  const urls = ["", "//", "//a,", "//a:b", "//u:p@a", "//a/path", "//a?prefix=a%20b", "//a?ttl=5", "//a?tls=yes", "//a#x"];
  for (const url of [...urls, "//a?connections=", "//a?slackSeconds=soon", "//a,a", "///"]) {
    assert.throws(
      () => storeFromUrl(`memcached:${url}`),
      (error) => isSessionError(error, "ERR_SESSION_CONFIG"),
      url,
    );
  }
});

test("a list of servers that changes afterwards changes nothing", async () => {
  const port = await freePort();
  const servers = [`127.0.0.1:${port}`];
  const store = memcachedStore({ servers });
  servers[0] = "127.0.0.1:1";
  servers.push("127.0.0.1:2");
  assert.equal(await outcomeOf(() => store.load(record().handle)), "ERR_SESSION_STORE no");
  await store.close();
});

describe("memcached store", { skip: needs("memcached") }, () => {
  let server: MemcachedServer;
  before(async () => (server = await startMemcached()));
  after(() => server.process.kill());

  const open = (options: Partial<MemcachedStoreOptions> = {}) => openStore([server], options);

  /** How many seconds an item has left; -1: for ever; undefined: it is not there. */
  async function secondsLeft(key: string): Promise<number | undefined> {
    const reply = await command(server, `mg ${key} t`);
    return reply === "EN\r\n" ? undefined : Number(/ t(-?\d+)/.exec(reply)?.[1]);
  }

  test("deadlines within 30 days, beyond, and beyond 2038 are kept until slack has passed; what is long over is gone at once", async (t) => {
    const prefix = newPrefix();
    const store = open({ prefix, slackSeconds: 600 });
    t.after(() => store.close());
    const now = Date.now();
    for (const days of [0, 1, 29, 30, 31, 365, 3650]) {
      const session = record({ expiresAt: now + days * DAY });
      const key = prefix + session.handle;
      assert.equal((await store.create(session)).status, "created");
      const expected = days * 86_400 + 600;
      const near = (seconds = Number.NaN): boolean => Math.abs(seconds - expected) <= 3;
      assert.ok(near(await secondsLeft(key)), `${days} days: ${String(await secondsLeft(key))} seconds`);
      await store.save(next(session), session.version);
      assert.ok(near(await secondsLeft(key)), `${days} days, saved`);
      await store.retire(session.handle, tombstone({ until: now + days * DAY }));
      assert.ok(near(await secondsLeft(key)), `${days} days, retired`);
    }
    const touched = record({ expiresAt: now + DAY });
    await store.create(touched);
    await store.touch(touched.handle, touched.version, now + 40 * DAY);
    assert.ok(Math.abs(((await secondsLeft(prefix + touched.handle)) ?? 0) - 40 * 86_400 - 600) <= 3, "touched");

    const distant = record({ expiresAt: Date.UTC(2038, 0, 19, 3, 14, 8) });
    await store.create(distant);
    assert.equal(await secondsLeft(prefix + distant.handle), -1);
    assert.deepEqual(await store.load(distant.handle), { status: "live", record: distant });

    for (const expiresAt of [0, 5 * SECOND, 29 * DAY, now - 11 * MINUTE]) {
      const over = record({ expiresAt });
      assert.equal((await store.create(over)).status, "created");
      assert.equal((await store.load(over.handle)).status, "missing", `a deadline of ${expiresAt}`);
    }
    const late = record({ expiresAt: now - 9 * MINUTE });
    await store.create(late);
    assert.equal((await store.load(late.handle)).status, "live");
  });

  test("a session larger than the server's items is refused, and what was stored stays, a tombstone too", async (t) => {
    const store = open();
    t.after(() => store.close());
    const session = record({ data: "small" });
    await store.create(session);
    const large = next(session, { data: "x".repeat(1024 * 1024) });
    assert.equal(await outcomeOf(() => store.save(large, session.version)), "ERR_SESSION_TOO_LARGE");
    assert.deepEqual(await store.load(session.handle), { status: "live", record: session });
    assert.equal(await outcomeOf(() => store.create(next(large))), "ERR_SESSION_TOO_LARGE");
    assert.deepEqual(await store.load(session.handle), { status: "live", record: session });
    await store.retire(session.handle, tombstone());
    assert.equal(await outcomeOf(() => store.save(large, session.version)), "retired");
    const late = record();
    assert.equal(await outcomeOf(() => store.create({ ...late, data: large.data })), "ERR_SESSION_TOO_LARGE");
    assert.equal(await outcomeOf(() => store.load(late.handle)), "missing");
    assert.equal(await outcomeOf(() => store.load(session.handle)), "retired");
    const fits = next(record(), { data: "x".repeat(1000 * 1000) });
    assert.equal(await outcomeOf(() => store.create(fits)), "created");
    assert.deepEqual(await store.load(fits.handle), { status: "live", record: fits });
  });

  test("a too large session written in a state that is over leaves the tombstone, or the newer record, that is there", async (t) => {
    const prefix = newPrefix();
    const store = open({ prefix });
    const other = open({ prefix });
    t.after(() => Promise.all([store.close(), other.close()]));
    for (const end of [true, false]) {
      const session = record();
      await store.create(session);
      const newer = next(session, { data: "newer" });
      if (end) await other.retire(session.handle, tombstone());
      else await other.save(newer, session.version);
      const large = next(session, { data: "x".repeat(1024 * 1024) });
      // Sent in the state that this store saw last, without reading again.
      assert.equal(await outcomeOf(() => store.save(large, session.version)), "ERR_SESSION_TOO_LARGE");
      assert.equal(await outcomeOf(() => store.load(session.handle)), end ? "retired" : "live");
    }
  });

  test("an item that holds something else is unreadable to every verb and stays, until the session is ended", async (t) => {
    const prefix = newPrefix();
    const store = open({ prefix });
    t.after(() => store.close());
    const items = [
      "somebody's",
      "",
      "sojourn2:live:[]\t{}",
      "sojourn1:live:",
      'sojourn1:live:["v",1,2,null,0]',
      'sojourn1:live:["v",1,2,null,0,1]\t{}',
      'sojourn1:live:["v",1,2.5,null,0]\t{}',
      'sojourn1:live:{"0":"v"}\t{}',
      'sojourn1:live:["v",1,2,null,0]\tbad %0 escape',
      'sojourn1:retired:["lost","t",null,1]',
      'sojourn1:retired:["ended","t",null]',
      'sojourn1:retired:["ended","t",null,1',
    ];
    for (const item of items) {
      const session = record();
      const { handle, version } = session;
      const write = (text: string) => command(server, `set ${prefix}${handle} 7 0 ${text.length}\r\n${text}`);
      await write(item);
      assert.equal(await outcomeOf(() => store.load(handle)), "ERR_SESSION_UNREADABLE", item);
      assert.equal(await outcomeOf(() => store.create(session)), "exists");
      assert.equal(await outcomeOf(() => store.save(next(session), version)), "ERR_SESSION_UNREADABLE");
      assert.equal(await outcomeOf(() => store.touch(handle, version, Date.now() + DAY)), "ERR_SESSION_UNREADABLE");
      assert.equal(await outcomeOf(() => store.retire(handle, tombstone(), version)), "ERR_SESSION_UNREADABLE");
      const found = await command(server, `get ${prefix}${handle}`);
      assert.equal(found, `VALUE ${prefix}${handle} 7 ${item.length}\r\n${item}\r\nEND\r\n`);
      assert.equal(await outcomeOf(() => store.retire(handle, tombstone())), "retired");
      assert.equal(await outcomeOf(() => store.load(handle)), "retired");
    }
    const binary = record();
    await command(server, `set ${prefix}${binary.handle} 0 0 17\r\nsojourn1:live:[\u00e9`);
    assert.equal(await outcomeOf(() => store.load(binary.handle)), "ERR_SESSION_UNREADABLE");
  });

  test("no item has a line break in it, so that no data could ever be taken for a command", async (t) => {
    const prefix = newPrefix();
    const store = open({ prefix });
    t.after(() => store.close());
    const data = "a\r\nflush_all\r\n%0A%25\n%\r100%";
    const session = record({ data, version: "v\r\n", userId: "u\nflush_all\r\n" });
    await store.create(session);
    const reply = await command(server, `get ${prefix}${session.handle}`);
    assert.equal(reply.split(/[\r\n]+/).length, 4, reply);
    assert.deepEqual(await store.load(session.handle), { status: "live", record: session });
    const stone = tombstone({ token: "t\r\n", successor: "s\r\n" as SessionHandle, reason: "rotated" });
    await store.retire(session.handle, stone);
    assert.deepEqual(await store.load(session.handle), { status: "retired", tombstone: stone });
  });

  test("text that cannot be a key is refused before anything is sent, and so is what would not come back", async (t) => {
    const relay = await startRelay(server.port);
    const store = memcachedStore({ servers: [`127.0.0.1:${relay.port}`], prefix: "p".repeat(200) });
    t.after(() => Promise.all([store.close(), relay[Symbol.asyncDispose]()]));
    const [longest, tooLong] = ["h".repeat(50), "h".repeat(51)] as SessionHandle[];
    assert.equal(await outcomeOf(() => store.create(record({ handle: longest ?? fail() }))), "created");
    relay.pieces.length = 0;
    for (const handle of ["", "a b", "a\n", "a\r\nflush_all", "a\0", "ä", tooLong ?? fail()]) {
      const odd = record({ handle: handle as SessionHandle });
      assert.equal(await outcomeOf(() => store.load(odd.handle)), "ERR_SESSION_USAGE");
      assert.equal(await outcomeOf(() => store.create(odd)), "ERR_SESSION_USAGE");
      assert.equal(await outcomeOf(() => store.save(odd, odd.version)), "ERR_SESSION_USAGE");
      assert.equal(await outcomeOf(() => store.touch(odd.handle, odd.version, 1)), "ERR_SESSION_USAGE");
      assert.equal(await outcomeOf(() => store.retire(odd.handle, tombstone())), "ERR_SESSION_USAGE");
    }
    assert.equal(await outcomeOf(() => store.create(record({ data: "\ud800" }))), "ERR_SESSION_DATA");
    assert.equal(await outcomeOf(() => store.create(record({ expiresAt: Number.NaN }))), "ERR_SESSION_USAGE");
    assert.equal(await outcomeOf(() => store.create(record({ epoch: 2 ** 53 }))), "ERR_SESSION_USAGE");
    assert.deepEqual(relay.pieces, []);
  });

  test("a tombstone's time may move later, and never earlier, and the rest of it stays", async (t) => {
    const prefix = newPrefix();
    const store = open({ prefix, slackSeconds: 600 });
    t.after(() => store.close());
    const session = record();
    await store.create(session);
    const now = Date.now();
    const stone = tombstone({ until: now + MINUTE });
    await store.retire(session.handle, stone);
    const later = { ...stone, until: now + 60 * MINUTE };
    for (const until of [later.until, now + MINUTE, 0]) {
      assert.deepEqual(await store.retire(session.handle, tombstone({ until, reason: "rotated" })), {
        status: "retired",
        tombstone: later,
      });
    }
    assert.deepEqual(await store.load(session.handle), { status: "retired", tombstone: later });
    assert.ok(((await secondsLeft(prefix + session.handle)) ?? 0) > 4000, "Memcached keeps it as long");
  });

  test("stores with different prefixes do not meet", async (t) => {
    const [store, other] = [open({ prefix: "one:" }), open({ prefix: "" })];
    t.after(() => Promise.all([store.close(), other.close()]));
    const session = record();
    await store.create(session);
    assert.equal((await other.load(session.handle)).status, "missing");
    assert.equal((await other.create(session)).status, "created");
    assert.equal((await other.retire(session.handle, tombstone())).status, "retired");
    assert.deepEqual(await store.load(session.handle), { status: "live", record: session });
  });
});

function fail(): never {
  return assert.fail();
}
