import assert from "node:assert/strict";
import { test } from "node:test";
import type { Codec } from "../../src/codec/codec.ts";
import { jsonCodec } from "../../src/codec/json.ts";
import { sojournFormat, type SessionFormat } from "../../src/core/format.ts";
import type { SessionHandle, SessionId } from "../../src/core/id.ts";
import { Sessions } from "../../src/core/sessions.ts";
import type { SessionStore } from "../../src/core/store.ts";
import { processRequest, processResponse } from "../../src/middleware/exchange.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { fakeClock } from "../../src/testing/fake-clock.ts";
import type { Visit } from "./support.ts";

let made = 0;

/** Ids as they are, content for a version, deadlines that only writes move: what another system's records may force on us. */
const foreign: SessionFormat = {
  ...sojournFormat,
  newId: () => `foreign${String(++made).padStart(8, "0")}` as SessionId,
  isId: (text): text is SessionId => typeof text === "string" && /^foreign\d{8}$/.test(text),
  isHandle: (text): text is SessionHandle => typeof text === "string" && /^foreign\d{8}$/.test(text),
  handleOf: (id) => id as unknown as SessionHandle,
  versionOf: (data) => data,
  ownVersions: false,
  slides: "write",
  without: { login: "Log in elsewhere", exclusive: "No locks here" },
};

function site(store: SessionStore = memoryStore(), codec: Codec = jsonCodec()) {
  const clock = fakeClock();
  const sessions = new Sessions<Visit>({ store, codec, clock, firstSeconds: 1_209_600 }, foreign);
  const open = (id?: string) => {
    const headers: Record<string, string> = id === undefined ? {} : { cookie: `__Host-sid=${id}` };
    return processRequest(sessions, { method: "GET", secure: true, header: (name) => headers[name] }, {});
  };
  return { sessions, store, clock, open };
}

async function visitor({ open }: ReturnType<typeof site>): Promise<string> {
  const session = await open();
  (await session.load()).count = 1;
  await processResponse(session, { status: 200, header: () => undefined });
  return session.id ?? assert.fail("no id");
}

test("a format decides on the shape of ids and on what the store is asked for", async () => {
  const here = site();
  const id = await visitor(here);
  assert.match(id, /^foreign/);
  assert.equal((await here.store.load(id as unknown as SessionHandle)).status, "live");
  assert.deepEqual((await here.sessions.find(id))?.data, { count: 1 });
  const stranger = await here.open("A".repeat(32));
  assert.equal(stranger.id, null, "the usual shape is not this format's");
});

test("where the content is the version, of two writers of the same content one is not taken for the other", async () => {
  const inner = memoryStore();
  const gate = Promise.withResolvers<void>();
  const store: SessionStore = {
    name: inner.name,
    reach: inner.reach,
    durable: inner.durable,
    load: (handle) => inner.load(handle),
    create: (record) => inner.create(record),
    async save(...call) {
      await gate.promise;
      return inner.save(...call);
    },
    touch: (...call) => inner.touch(...call),
    retire: (...call) => inner.retire(...call),
  };
  const here = site(store);
  const there = site(store);
  const id = await visitor(here);
  const both = [await here.open(id), await there.open(id)];
  for (const session of both) await session.load();
  const counts = both.map((session) => session.update((visit) => (visit.count = (visit.count ?? 0) + 1)));
  gate.resolve();
  assert.deepEqual((await Promise.all(counts)).toSorted(), [2, 3]);
  assert.deepEqual((await here.sessions.find(id))?.data, { count: 3 });
});

test("where only writes move the deadline, a read leaves it alone and each write moves it", async () => {
  const here = site();
  const id = await visitor(here);
  const deadline = async () => (await here.sessions.find(id))?.expiresAt.getTime() ?? 0;
  const first = await deadline();
  here.clock.advance(1_000_000);
  const reader = await here.open(id);
  await reader.load();
  const { setCookie } = await processResponse(reader, { status: 200, header: () => undefined });
  assert.deepEqual(setCookie, []);
  assert.equal(await deadline(), first);
  await (await here.open(id)).update((visit) => (visit.count = 2));
  assert.ok((await deadline()) > first);
});

test("what a format has no place for is refused, with what to do instead", async () => {
  const here = site();
  const session = await here.open(await visitor(here));
  await assert.rejects(session.login("u"), /Log in elsewhere/);
  await assert.rejects(here.sessions.create({ userId: "u" }), { code: "ERR_SESSION_UNSUPPORTED" });
  await assert.rejects(
    session.exclusive(() => undefined),
    /No locks here/,
  );
});

test("a codec is given the text that the content was read from", async () => {
  const bases: (string | undefined)[] = [];
  const json = jsonCodec();
  const codec: Codec = {
    name: json.name,
    stringify: (value, base) => (bases.push(base), json.stringify(value)),
    parse: (plain) => json.parse(plain),
    encode: (plain, context) => json.encode(plain, context),
    decode: (text, context) => json.decode(text, context),
  };
  const here = site(memoryStore(), codec);
  const id = await visitor(here);
  const session = await here.open(id);
  (await session.load()).name = "changed";
  bases.splice(0);
  await session.save();
  assert.ok(bases.includes('{"count":1}'));
});
