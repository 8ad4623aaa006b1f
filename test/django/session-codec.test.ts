import assert from "node:assert/strict";
import { test } from "node:test";
import type { Session } from "../../src/core/session.ts";
import { Sessions } from "../../src/core/sessions.ts";
import { handleOf, type SessionId } from "../../src/core/id.ts";
import { djangoCodec, type DjangoCodecOptions, djangoKeys, pythonPickle } from "../../src/django/index.ts";
import { processRequest, processResponse } from "../../src/middleware/exchange.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { fakeClock } from "../../src/testing/fake-clock.ts";

type Data = Record<string, unknown>;

const PLACE = { place: "" };
const keys = djangoKeys({ secretKey: "a secret" });
const FROM_DJANGO = '{"10":1.0,"b":{"2":12345678901234567890,"1":[1.0,2.0]},"9":NaN,"name":"Zo\\u00eb"}';

/** Sessions in Django's text, one of which Django wrote. */
async function site(codec = djangoCodec({ keys })) {
  const store = memoryStore();
  const sessions = new Sessions<Data>({ store, codec, clock: fakeClock() });
  const { id } = await sessions.create({ data: {} });
  const handle = handleOf(id as SessionId);
  const stored = async () => {
    const outcome = await store.load(handle);
    return outcome.status === "live" ? outcome.record : assert.fail(outcome.status);
  };
  const record = await stored();
  await store.save({ ...record, data: codec.encode(FROM_DJANGO, PLACE), version: "django" }, record.version);
  const open = () => {
    const header = (name: string) => (name === "cookie" ? `__Host-sid=${id}` : undefined);
    return processRequest(sessions, { method: "GET", secure: true, header }, {});
  };
  const plain = async () => codec.decode((await stored()).data, PLACE);
  return { open, plain };
}

const respond = (session: Session<Data>) => processResponse(session, { status: 200, header: () => undefined });

test("a session that Django wrote is read, changed in one key, and written with the others as they were", async () => {
  const { open, plain } = await site();
  const session = await open();
  const data = await session.load();
  assert.deepEqual<Data>(
    { ...data },
    { "10": 1, b: { "2": 12345678901234567890n, "1": [1, 2] }, "9": Number.NaN, name: "Zoë" },
  );
  data["count"] = 1;
  await respond(session);
  assert.equal(await plain(), `${FROM_DJANGO.slice(0, -1)},"count":1}`);
});

test("reading alone changes nothing and stores nothing", async () => {
  const { open } = await site();
  const session = await open();
  await session.load();
  assert.equal(session.modified, false);
  assert.deepEqual((await respond(session)).setCookie, []);
});

test("what requests that race did not touch survives their merge as the same Python value", async () => {
  const { open, plain } = await site();
  const first = await open();
  const second = await open();
  const one = await first.load();
  const two = (await second.load()) as { b: Record<string, unknown>; [key: string]: unknown };
  one["name"] = "first";
  (one["b"] as Data)["3"] = 3.5;
  two.b["2"] = 7n;
  two["added"] = 2n ** 64n;
  await respond(first);
  await respond(second);
  assert.equal(
    await plain(),
    '{"10":1.0,"b":{"2":7,"1":[1.0,2.0],"3":3.5},"9":NaN,"name":"first","added":18446744073709551616}',
  );
  assert.deepEqual(two.b, { "1": [1, 2], "2": 7n, "3": 3.5 }, "the handler's own object shows it");
});

test("updates at once keep the float that they count", async () => {
  const { open, plain } = await site();
  const many = await Promise.all(Array.from({ length: 20 }, open));
  await Promise.all(many.map((session) => session.update((data) => (data["10"] = Number(data["10"]) + 1))));
  assert.equal(await plain(), FROM_DJANGO.replace("1.0", "21.0"));
});

test("pickled sessions merge likewise, sets and bytes among them", async () => {
  const codec = { ...djangoCodec({ keys, serializer: pythonPickle() }) };
  const store = memoryStore();
  const sessions = new Sessions<Data>({ store, codec, clock: fakeClock() });
  const created = await sessions.create({ data: { tags: new Set(["a"]), raw: Uint8Array.of(1), big: 2n ** 80n } });
  const header = (name: string) => (name === "cookie" ? `__Host-sid=${created.id}` : undefined);
  const open = () => processRequest(sessions, { method: "GET", secure: true, header }, {});
  const [one, two] = [await open(), await open()];
  ((await one.load()) as { tags: Set<string> }).tags.add("b");
  ((await two.load()) as { raw: Uint8Array }).raw[0] = 2;
  await respond(one);
  await respond(two);
  assert.deepEqual((await sessions.find(String(created.id)))?.data, {
    tags: new Set(["a", "b"]),
    raw: Uint8Array.of(2),
    big: 2n ** 80n,
  });
});

test("each refusal has its reason and none has the data", () => {
  const codec = djangoCodec({ keys, legacy: "read", maxBytes: 1024 });
  const good = codec.encode('{"hunter2":1}', PLACE);
  const cases: readonly (readonly [string, string])[] = [
    ["hunter2", "format"],
    ["", "format"],
    [`${good}x`, "tampered"],
    [djangoCodec({ keys: { secretKey: "other" }, legacy: "write" }).encode("{}", PLACE), "tampered"],
    [djangoCodec({ keys }).encode(`{"a":"${"hunter2".repeat(1000)}"}`, PLACE), "size"],
  ];
  for (const [text, reason] of cases) {
    assert.throws(
      () => codec.decode(text, PLACE),
      (error) => {
        assert.ok(error instanceof Error && "reason" in error && !error.message.includes("hunter2"));
        assert.equal(error.reason, reason);
        return true;
      },
    );
  }
});

test("options that cannot be are refused when the codec is made", () => {
  const wrong: object[] = [
    { keys: { secretKey: "" } },
    { keys, salt: 5 },
    { keys, legacy: "maybe" },
    { keys, maxBytes: 10 },
    { keys, maxBytes: Number.NaN },
  ];
  for (const options of wrong) assert.throws(() => djangoCodec(options as DjangoCodecOptions), TypeError);
  assert.throws(() => pythonPickle({ protocol: 3 as 4 }), TypeError);
});
