import assert from "node:assert/strict";
import { createServer, get } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { inspect } from "node:util";
import fc from "fast-check";
import { splitCookie } from "../../src/cookie/chunk.ts";
import { readChunked } from "../../src/cookie/parse.ts";
import { serializeCookie } from "../../src/cookie/serialize.ts";
import { isSessionError, type SessionErrorCode } from "../../src/core/errors.ts";
import type { SessionHandle } from "../../src/core/id.ts";
import type { SessionRecord } from "../../src/core/record.ts";
import { isStateless, type StatelessStore } from "../../src/core/store.ts";
import { open, seal } from "../../src/crypto/aead.ts";
import { keyRing } from "../../src/crypto/key-ring.ts";
import { type CookieStoreOptions, cookieStore } from "../../src/stores/cookie.ts";
import { testKey, vectors } from "../crypto/support.ts";

const NAME = "__Host-sid";
const RECORD: SessionRecord = {
  handle: "0f".repeat(24) as SessionHandle,
  data: 'j1:{"count":1}',
  version: "AAAABBBBCCCCDDDD",
  createdAt: 1_700_000_000_000,
  expiresAt: 1_800_000_000_000,
  userId: "u1",
  epoch: 3,
};
const MODES = ["sealed", "signed"] as const;
const coded =
  (code: SessionErrorCode, message = /./) =>
  (error: unknown) =>
    isSessionError(error, code) && message.test(error.message);
const withKeys = (...numbers: number[]) => numbers.map(testKey);

/** Sends a store's value through a real `Set-Cookie`, a jar and a real `Cookie` header, chunks included, to another process's store. */
async function throughHttp(
  store: StatelessStore,
  other: StatelessStore,
  record: SessionRecord,
): Promise<{ status: number; record: unknown }> {
  const attributes = { path: "/", secure: true, httpOnly: true, sameSite: "lax", partitioned: false } as const;
  const value = store.seal(record, NAME);
  let seen: unknown;
  const server = createServer((request, response) => {
    const { values } = readChunked(request.headers.cookie, NAME);
    seen = values.length === 1 ? other.open(values[0] ?? "", NAME) : values;
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const jar = splitCookie(NAME, value).map((pair) => serializeCookie(pair.name, pair.value, attributes));
    const header = jar.map((line) => line.slice(0, line.indexOf(";"))).reverse();
    const status = await new Promise<number>((resolve, reject) => {
      const options = {
        port: (server.address() as AddressInfo).port,
        headers: { cookie: ["a=1", ...header, "b=2"].join("; ") },
      };
      get(options, (response) => resolve(response.resume().statusCode ?? 0)).on("error", reject);
    });
    return { status, record: seen };
  } finally {
    server.close();
  }
}

test("it declares that it keeps nothing", () => {
  const store = cookieStore({ keys: testKey(1) });
  assert.equal(isStateless(store), true);
  assert.deepEqual([store.name, store.reach, store.durable, store.maxCookieBytes], ["cookie", "none", true, 7168]);
});

test("cookies are those of the independent computation", () => {
  const { name, handle, sealed, signed } = vectors.cookies;
  const store = cookieStore({ keys: vectors.keys });
  for (const value of [sealed, signed]) {
    assert.deepEqual(store.open(value, name), { status: "live", record: { ...RECORD, handle } });
  }
  assert.equal(cookieStore({ keys: vectors.keys, mode: "signed" }).seal(RECORD, name), signed);
});

for (const mode of MODES) {
  const store = cookieStore({ keys: testKey(1), mode });

  test(`${mode}: any record comes back whole, as a cookie value needs no quoting`, () => {
    const text = fc.string({ unit: "grapheme" });
    const fields = {
      handle: fc.constant(RECORD.handle),
      data: text,
      version: fc.stringMatching(/^[A-Za-z0-9_-]{16}$/),
      createdAt: fc.integer({ min: 0, max: 8.64e15 }),
      expiresAt: fc.double({ min: 0, max: 8.64e15, noNaN: true }),
      userId: fc.option(fc.string({ unit: "binary", maxLength: 255 })),
      epoch: fc.nat(),
    };
    const record = fc.record(fields, { noNullPrototype: true });
    fc.assert(
      fc.property(record, (given) => {
        const roomy = cookieStore({ keys: testKey(1), mode, maxCookieBytes: 65_536 });
        const value = roomy.seal(given, NAME);
        assert.match(value, /^[es]1\.[A-Za-z0-9_-]+$/);
        const other = cookieStore({ keys: testKey(1), mode });
        for (const reader of [roomy, other, other]) {
          assert.deepEqual(reader.open(value, NAME), { status: "live", record: given });
        }
      }),
      { numRuns: 300 },
    );
  });

  test(`${mode}: every changed, dropped or added character gives no session`, () => {
    const value = store.seal(RECORD, NAME);
    for (let index = 0; index < value.length; index++) {
      const variants = [
        value.slice(0, index),
        value.slice(0, index) + value.slice(index + 1),
        `${value.slice(0, index)}A${value.slice(index)}`,
      ];
      for (let bit = 0; bit < 8; bit++) {
        variants.push(
          value.slice(0, index) + String.fromCharCode(value.charCodeAt(index) ^ (1 << bit)) + value.slice(index + 1),
        );
      }
      for (const variant of variants) {
        if (variant === value) continue;
        try {
          assert.equal(store.open(variant, NAME).status, "missing", `character ${index}`);
        } catch (error) {
          assert.ok(coded("ERR_SESSION_UNREADABLE")(error), `character ${index}`);
        }
      }
    }
  });

  test(`${mode}: what is marked as its own and does not verify is tampered`, () => {
    const value = store.seal(RECORD, NAME);
    const cut = [
      value.slice(0, -1),
      value.slice(0, 3),
      `${value}=`,
      `${value}AAAA`,
      value.replace(/.$/, (last) => (last === "A" ? "Q" : "A")),
    ];
    for (const bad of cut) assert.deepEqual(store.open(bad, NAME), { status: "missing", tampered: true }, bad.slice(-10));
  });

  test(`${mode}: a value opens only under the cookie's own name`, () => {
    const value = store.seal(RECORD, NAME);
    assert.deepEqual(store.open(value, "sid"), { status: "missing", tampered: true });
    assert.deepEqual(store.open(value, `${NAME}.1`), { status: "missing", tampered: true });
    assert.equal(store.open(store.seal(RECORD, "sid"), "sid").status, "live");
  });

  test(`${mode}: the first key writes, old keys read, a dropped key is unreadable and not missing`, () => {
    const rotated = cookieStore({ keys: withKeys(2, 1), mode });
    const dropped = cookieStore({ keys: withKeys(2), mode });
    const old = store.seal(RECORD, NAME);
    assert.equal(rotated.open(old, NAME).status, "live");
    assert.throws(() => dropped.open(old, NAME), coded("ERR_SESSION_UNREADABLE", /another key/));
    assert.equal(dropped.open(rotated.seal(RECORD, NAME), NAME).status, "live");
    assert.throws(() => store.open(rotated.seal(RECORD, NAME), NAME), coded("ERR_SESSION_UNREADABLE"));
  });

  test(`${mode}: a session over several cookies comes back over real HTTP within Node's limits`, async () => {
    const large = { ...RECORD, data: `j1:{"text":"${"x".repeat(5000)}"}` };
    assert.equal(splitCookie(NAME, store.seal(large, NAME)).length, 2);
    const other = cookieStore({ keys: testKey(1), mode });
    for (const record of [large, RECORD]) {
      assert.deepEqual(await throughHttp(store, other, record), { status: 200, record: { status: "live", record } });
    }
  });

  test(`${mode}: what is remembered of a cookie opens by the whole value and its name alone, and is nobody's to change`, () => {
    const given = { ...RECORD };
    const value = store.seal(given, NAME);
    given.userId = "mallory";
    const reader = cookieStore({ keys: testKey(1), mode });
    for (const each of [store, reader]) {
      for (let times = 0; times < 2; times++) {
        const outcome = each.open(value, NAME);
        assert.deepEqual(outcome, { status: "live", record: RECORD });
        const { record } = outcome as { record: { userId: string | null } };
        const again = each.open(value, NAME);
        assert.ok(again.status === "live" && again.record === record, "it was opened once more");
        assert.throws(() => (record.userId = "mallory"), TypeError);
        assert.deepEqual(each.open(value, "sid"), { status: "missing", tampered: true });
        assert.equal(each.open(value.slice(0, -4), NAME).status, "missing");
      }
    }
  });

  test(`${mode}: a mixture of two sessions' chunks gives no session`, () => {
    const roomy = cookieStore({ keys: testKey(1), mode, maxCookieBytes: 20_000 });
    const chunks = (fill: string) => splitCookie(NAME, roomy.seal({ ...RECORD, data: fill.repeat(9000) }, NAME));
    const [first, second] = [chunks("a"), chunks("b")];
    assert.ok(first.length >= 3);
    for (let mixed = 0; mixed < first.length; mixed++) {
      const pairs = first.map((pair, index) => (index === mixed ? (second[index] ?? pair) : pair));
      const { values } = readChunked(pairs.map(({ name, value }) => `${name}=${value}`).join("; "), NAME);
      assert.equal(values.length, 1);
      assert.deepEqual(roomy.open(values[0] ?? "", NAME), { status: "missing", tampered: true });
    }
  });

  test(`${mode}: the limit is exact, counts names, and is over all cookies`, () => {
    const sized = (bytes: number) => ({ ...RECORD, data: "x".repeat(bytes) });
    let largest = 0;
    while (fits(store, sized(largest + 100))) largest += 100;
    while (fits(store, sized(largest + 1))) largest++;
    const total = (data: number) =>
      splitCookie(NAME, cookieStore({ keys: testKey(1), mode, maxCookieBytes: 65_536 }).seal(sized(data), NAME)).reduce(
        (sum, { name, value }) => sum + name.length + value.length,
        0,
      );
    assert.ok(total(largest) <= 7168 && total(largest + 1) > 7168, `${total(largest)} bytes`);
    assert.throws(() => store.seal(sized(largest + 1), NAME), coded("ERR_SESSION_TOO_LARGE", /7168/));
    const exact = total(5000);
    assert.equal(fits(cookieStore({ keys: testKey(1), mode, maxCookieBytes: exact }), sized(5000)), true);
    assert.equal(fits(cookieStore({ keys: testKey(1), mode, maxCookieBytes: exact - 1 }), sized(5000)), false);
    const huge = cookieStore({ keys: testKey(1), mode, maxCookieBytes: 65_536 });
    assert.throws(() => huge.seal(sized(1_000_000), NAME), coded("ERR_SESSION_TOO_LARGE"));
  });
}

function fits(store: StatelessStore, record: SessionRecord): boolean {
  try {
    store.seal(record, NAME);
    return true;
  } catch (error) {
    assert.ok(coded("ERR_SESSION_TOO_LARGE")(error));
    return false;
  }
}

test("sealed data cannot be read, signed data can", () => {
  const secret = { ...RECORD, data: 'j1:{"name":"Ada Lovelace"}', userId: "ada@example.com" };
  const decoded = (mode: (typeof MODES)[number]) =>
    Buffer.from(
      cookieStore({ keys: testKey(1), mode })
        .seal(secret, NAME)
        .slice(3),
      "base64url",
    ).toString("latin1");
  assert.match(decoded("signed"), /Ada Lovelace/);
  assert.match(decoded("signed"), /ada@example\.com/);
  assert.doesNotMatch(decoded("sealed"), /Ada|example|AAAABBBB|0f0f/);
});

test("both modes are read whichever writes, so that a change of mode ends no session", () => {
  const [sealed, signed] = [cookieStore({ keys: testKey(1) }), cookieStore({ keys: testKey(1), mode: "signed" })];
  assert.equal(sealed.open(signed.seal(RECORD, NAME), NAME).status, "live");
  assert.equal(signed.open(sealed.seal(RECORD, NAME), NAME).status, "live");
});

test("what is not its own is missing and not called tampered; a newer format is unreadable", () => {
  const store = cookieStore({ keys: testKey(1) });
  const json = '{"userId":"admin"}';
  const foreign = [
    "",
    "x",
    "A".repeat(32),
    json,
    Buffer.from(json).toString("base64"),
    Buffer.from(json).toString("base64url"),
    "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.",
    "e1",
    "e1:AAAA",
    "E1.AAAA",
    "e0.AAAA",
    "e01.AAAA",
    "e1000.AAAA",
    " e1.AAAA",
    '"e1.AAAA"',
    "s:signed.by.express",
    "\u00a0",
    "x".repeat(100_000),
  ];
  for (const value of foreign)
    assert.deepEqual(store.open(value, NAME), { status: "missing", tampered: false }, value.slice(0, 40));
  for (const value of ["e2.AAAA", "s9.AAAA", "e100.x", "s2."]) {
    assert.throws(() => store.open(value, NAME), coded("ERR_SESSION_UNREADABLE", /newer format/), value);
  }
  const newer = Buffer.from(store.seal(RECORD, NAME).slice(3), "base64url");
  newer[0] = 2;
  assert.throws(
    () => store.open(`e1.${newer.toString("base64url")}`, NAME),
    coded("ERR_SESSION_UNREADABLE", /newer format/),
  );
});

test("a record that verifies and is not one this version writes is unreadable", () => {
  const keys = keyRing(testKey(1));
  const store = cookieStore({ keys });
  const { handle, version, createdAt, expiresAt } = RECORD;
  const good = [handle, version, createdAt, expiresAt, null, 0];
  const sealed = (text: string) =>
    `e1.${seal(keys.forPurpose("cookie store seal"), NAME, Buffer.from(text)).toString("base64url")}`;
  assert.equal(store.open(sealed(`${JSON.stringify(good)}\ndata`), NAME).status, "live");
  const bad: unknown[] = [{}, [], null, good.slice(1), [...good, 1]];
  for (const [index, value] of [1, null, "5", null, 7, "0"].entries()) bad.push(good.with(index, value));
  bad.push(good.with(5, 1.5));
  for (const fields of bad) {
    assert.throws(
      () => store.open(sealed(`${JSON.stringify(fields)}\ndata`), NAME),
      coded("ERR_SESSION_UNREADABLE"),
      JSON.stringify(fields),
    );
  }
  for (const text of ["", "\n", "data", JSON.stringify(good), "{\ndata"]) {
    assert.throws(() => store.open(sealed(text), NAME), coded("ERR_SESSION_UNREADABLE"), text);
  }
});

test("values sealed for another purpose with the same key are nothing to the store", () => {
  const keys = keyRing(testKey(1));
  const text = Buffer.from('["h","v",1,2,null,0]\ndata');
  const value = `e1.${seal(keys.forPurpose("codec seal"), NAME, text).toString("base64url")}`;
  assert.deepEqual(cookieStore({ keys }).open(value, NAME), { status: "missing", tampered: true });
  const cookie = Buffer.from(cookieStore({ keys }).seal(RECORD, NAME).slice(3), "base64url");
  assert.equal(open(keys.forPurpose("codec seal"), NAME, cookie).refusal, "tampered");
});

test("data that has no UTF-8 is refused, not mangled", () => {
  const store = cookieStore({ keys: testKey(1) });
  assert.throws(() => store.seal({ ...RECORD, data: "\ud800" }, NAME), coded("ERR_SESSION_DATA"));
});

test("wrong options are refused when configured, and say which", () => {
  const wrong: readonly (readonly [Record<string, unknown>, RegExp])[] = [
    [{}, /keys/],
    [{ keys: [] }, /keys/],
    [{ keys: "secret" }, /generate-key/],
    [{ keys: Buffer.alloc(32) }, /pattern/],
    [{ keys: testKey(1), mode: "plain" }, /mode/],
    [{ keys: testKey(1), maxCookieBytes: 100 }, /maxCookieBytes/],
    [{ keys: testKey(1), maxCookieBytes: 1e6 }, /maxCookieBytes/],
    [{ keys: testKey(1), maxCookieBytes: "8000" }, /maxCookieBytes/],
  ];
  for (const [options, message] of wrong) {
    assert.throws(() => cookieStore(options as unknown as CookieStoreOptions), coded("ERR_SESSION_CONFIG", message));
  }
});

test("nothing that is printed or thrown shows a key or data", () => {
  const store = cookieStore({ keys: testKey(1), maxCookieBytes: 512 });
  const secret = { ...RECORD, data: `hunter2${"x".repeat(2000)}` };
  const shown = [inspect(store, { depth: 9, showHidden: true }), JSON.stringify(store)];
  const attempts = [
    () => store.seal(secret, NAME),
    () => cookieStore({ keys: testKey(2) }).open(cookieStore({ keys: testKey(1) }).seal(RECORD, NAME), NAME),
  ];
  for (const attempt of attempts) {
    assert.throws(attempt, (error) => shown.push(inspect(error, { depth: 9, showHidden: true })) > 0);
  }
  for (const text of shown) {
    assert.doesNotMatch(text, /hunter2/);
    for (const form of ["hex", "base64", "base64url"] as const)
      assert.equal(text.includes(testKey(1).toString(form)), false);
  }
});
