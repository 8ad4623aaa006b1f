import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import {
  djangoCodec,
  djangoKeys,
  dumps,
  fileCacheName,
  fromFileCache,
  loads,
  MESSAGE_LEVELS,
  pythonJson,
  pythonPickle,
  readLegacy,
  readMessages,
  SESSION_SALT,
  sessionCacheKey,
  sessionFileName,
  SIGNED_COOKIE_SALT,
  toFileCache,
  writeLegacy,
  writeMessages,
} from "../../src/django/index.ts";
import { readPickle } from "../../src/django/pickle-read.ts";
import { writePickle } from "../../src/django/pickle-write.ts";
import { readPythonJson } from "../../src/django/python/json-read.ts";
import { writePythonJson } from "../../src/django/python/json-write.ts";
import { plainOf } from "../../src/django/python/to-plain.ts";
import { hostileText } from "../codec/support.ts";
import { needs } from "../servers/needs.ts";
import { encodedSession, jsonSession, LARGE, pickledSession, TOUCHES } from "./python-values.ts";
import { type Described, RealDjango, type Request, SECRET } from "./real-django.ts";

const PLACE = { place: "" };
const keys = djangoKeys({ secretKey: SECRET });
const codec = djangoCodec({ keys });
const pickle = pythonPickle();
const SEED = Number(process.env["SEED"] ?? Date.now() % 2 ** 31);

function samples<V>(arbitrary: fc.Arbitrary<V>, count: number): V[] {
  return fc.sample(arbitrary, { numRuns: count, seed: SEED });
}

function base64(latin1: string): string {
  return Buffer.from(latin1, "latin1").toString("base64");
}

/** Changes the data, and says in Python's terms how. */
function changeOf(
  data: Record<string, unknown>,
  { d: entries }: { readonly d: readonly (readonly [Described, Described])[] },
  name: number,
): { set?: unknown; delete?: unknown } {
  const [value, described] = TOUCHES[name % TOUCHES.length]!;
  const [key] = entries[name % entries.length]!;
  const text = Object.values(key as object)[0] as string;
  switch (name % 4) {
    case 0:
      return {};
    case 1:
      // A key of its own, so that there is no kind to keep.
      data["touched here"] = value;
      return { set: [[{ s: "touched here" }, described]] };
    case 2:
      Reflect.deleteProperty(data, text);
      return { delete: [key] };
    default:
      // A text keeps no number's kind; a bool and a list are of no kind but their own.
      Object.defineProperty(data, text, { value: "not a date", writable: true, enumerable: true, configurable: true });
      return { set: [[key, { s: "not a date" }]] };
  }
}

describe("with real Django", { skip: needs("django") }, () => {
  let django: RealDjango;
  before(async () => {
    django = await RealDjango.start();
  });
  after(() => django.stop());

  /** How a dictionary that Django stored is read and written here. */
  interface Trip {
    readonly as: "json" | "encoded" | "pickle";
    parse(stored: string): { data: Record<string, unknown>; write(data: Record<string, unknown>): string };
  }

  const json: Trip = {
    as: "json",
    parse(stored) {
      const plain = codec.decode(stored, PLACE);
      return {
        data: codec.parse(plain),
        write: (data) => codec.encode(codec.stringify(data, plain), PLACE),
      };
    },
  };

  const encoded: Trip = { ...json, as: "encoded" };

  const pickled: Trip = {
    as: "pickle",
    parse(stored) {
      const plain = Buffer.from(stored, "base64").toString("latin1");
      return { data: pickle.parse(plain), write: (data) => base64(pickle.stringify(data, plain)) };
    },
  };

  /** @param touched whether one key is changed, deleted or added, in most of them */
  async function thereAndBack(trip: Trip, sessions: readonly Described[], touched: boolean): Promise<void> {
    const kept = sessions.map((session, name) => ({ command: "keep", as: trip.as, name, session }));
    const stored = await django.ask<string>(kept);
    const back = stored.map((text, name): Request => {
      const { data, write } = trip.parse(text);
      const session = sessions[name] as { readonly d: readonly (readonly [Described, Described])[] };
      const change = touched ? changeOf(data, session, name) : {};
      // A copy, as an application may make one: nothing of the way back hangs on the very objects that were read.
      return { command: "compare", as: trip.as, name, stored: write(structuredClone(data)), ...change };
    });
    const differences = await django.ask<string | null>(back);
    const faults = differences.flatMap((difference, name) =>
      difference === null ? [] : [{ difference, session: sessions[name] }],
    );
    assert.deepEqual(faults, [], `with SEED=${SEED}`);
  }

  test("10,000 dictionaries, from Django to JavaScript and back, come back the same", async () => {
    await thereAndBack(json, [...samples(jsonSession, 10_000), ...LARGE], false);
  });

  test("3,000 dictionaries of which a key is changed, deleted or added: it alone differs, as the table says", async () => {
    await thereAndBack(json, [...samples(jsonSession, 3000), ...LARGE], true);
  });

  test("3,000 dictionaries with what DjangoJSONEncoder writes as text: dates, times, durations, Decimals, UUIDs", async () => {
    await thereAndBack(encoded, samples(encodedSession, 2000), false);
    await thereAndBack(encoded, samples(encodedSession, 1000), true);
  });

  test("3,000 pickled dictionaries likewise, with tuples, sets, bytes, dates, Decimals and UUIDs", async () => {
    await thereAndBack(pickled, [...samples(pickledSession, 3000), ...LARGE], true);
  });

  test("what JavaScript writes is in the very bytes that Python writes for it", async () => {
    const values = samples(fc.oneof(fc.double(), fc.integer(), fc.maxSafeInteger(), fc.bigInt(), hostileText), 4000);
    const texts = values.map((value) =>
      pythonJson.stringify({ value, list: [value], [String(value)]: { "10": null, "9": true } }),
    );
    const requests = texts.map((text) => ({ command: "parse", stored: dumps(keys, text, { salt: SESSION_SALT, at: 0 }) }));
    assert.deepEqual(await django.ask<string>(requests), texts);
    const pickles = values.map((value) => base64(pickle.stringify({ value, list: [value, value], set: new Set([value]) })));
    assert.deepEqual(await django.ask<string>(pickles.map((stored) => ({ command: "repickle", stored }))), pickles);
    const big = [999, 1000, 1001, 2000].flatMap((size) => {
      const list = Array.from({ length: size }, (_, index) => index);
      return [{ list }, Object.fromEntries(list.map((index) => [`k${index}`, index])), { set: new Set(list) }];
    });
    const frames = [{ a: "x".repeat(70_000), b: new Uint8Array(66_000), c: "y".repeat(65_535), d: "z" }];
    const large = [...big, ...frames].flatMap((data) =>
      ([4, 5] as const).map((protocol) => base64(pythonPickle({ protocol }).stringify(data))),
    );
    assert.deepEqual(await django.ask<string>(large.map((stored) => ({ command: "repickle", stored }))), large);
  });

  test("JSON with a character changed is read or refused as Python does, to the same value", async () => {
    const alphabet = '{}[]",:\\u0123456789abcdefEtrunlsNaIity+-. \n\t\r\x00\x1f\x7f\xa0\xff';
    const base = [
      '{"a":[1,-2.50e+3,"\\ud83d\\ude00\\n",true,null,NaN,-Infinity,{"b":{}}],"10":"x","a":0}',
      '{"k": -0, "f": 1E-7}',
    ];
    const texts = samples(
      fc.tuple(
        fc.constantFrom(...base),
        fc.array(fc.tuple(fc.nat(99), fc.nat(2), fc.constantFrom(...alphabet)), { minLength: 1, maxLength: 3 }),
      ),
      6000,
    ).map(([text, edits]) =>
      edits.reduce(
        (each, [at, cut, put]) => each.slice(0, at % each.length) + put + each.slice((at % each.length) + cut),
        text,
      ),
    );
    const stored = texts.map((text) => dumps(keys, text, { salt: SESSION_SALT, at: 0 }));
    const theirs = await django.ask<string | null>(stored.map((each) => ({ command: "parse", stored: each })));
    const ours = stored.map((each) => {
      try {
        const plain = codec.decode(each, PLACE);
        codec.parse(plain);
        return writePythonJson(readPythonJson(plain, 1000));
      } catch {
        return null;
      }
    });
    assert.deepEqual(ours, theirs, `with SEED=${SEED}`);
    const readable = theirs.filter((each) => each !== null).length;
    assert.ok(readable > 200 && readable < 5800, `there are enough of both: ${readable}`);
  });

  test("what was tampered with, cut off, or signed with another key or salt is refused on both sides", async () => {
    const session = {
      d: [
        [{ s: "user" }, { i: "7" }],
        [{ s: "text" }, { s: "abc ".repeat(50) }],
      ],
    };
    const [plain = "", packed = ""] = await django.ask<string>([
      { command: "keep", as: "json", name: "t", session: { d: [session.d[0]] } },
      { command: "keep", as: "json", name: "t", session },
    ]);
    const other = djangoKeys({ secretKey: "another secret" });
    const bad = [plain, packed].flatMap((text) => [
      ...Array.from({ length: text.length }, (_, at) => text.slice(0, at)),
      ...Array.from(
        { length: text.length },
        (_, at) => text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1),
      ),
      ...Array.from({ length: text.length }, (_, at) => text.slice(0, at) + text.slice(at + 1)),
      `${text}A`,
      ` ${text}`,
      `${text}=`,
      dumps(other, '{"user":7}', { salt: SESSION_SALT, at: Date.now() }),
      dumps(keys, '{"user":7}', { salt: SIGNED_COOKIE_SALT, at: Date.now() }),
    ]);
    const answers = await django.ask<string | null>(bad.map((stored) => ({ command: "decode", stored })));
    assert.deepEqual(new Set(answers), new Set([null]));
    for (const text of bad) {
      assert.equal(loads(keys, text, { salt: SESSION_SALT }).status, "invalid");
      assert.throws(() => codec.decode(text, PLACE), { name: "CodecError" });
    }
    assert.deepEqual(await django.ask([plain, packed].map((stored) => ({ command: "decode", stored }))), [
      '{"user":7}',
      `{"user":7,"text":"${"abc ".repeat(50)}"}`,
    ]);
  });

  test("signed cookies go both ways, and not where other values are expected", async () => {
    const session = { d: [[{ s: "count" }, { f: "1.0" }]] };
    const [cookie = ""] = await django.ask<string>([{ command: "sign_cookie", session }]);
    const signed = loads(keys, cookie, { salt: SIGNED_COOKIE_SALT, maxAgeSeconds: 60 });
    assert.deepEqual(signed, { status: "ok", value: '{"count":1.0}', stale: false });
    assert.equal(loads(keys, cookie, { salt: SESSION_SALT }).status, "invalid");
    const ours = dumps(keys, '{"count":2}', { salt: SIGNED_COOKIE_SALT, at: Date.now() });
    const old = dumps(keys, '{"count":2}', { salt: SIGNED_COOKIE_SALT, at: Date.now() - 86_402_000 });
    const requests = [ours, old].map((stored) => ({ command: "decode", cookie: true, stored }));
    assert.deepEqual(await django.ask(requests), ['{"count":2}', null]);
  });

  test("the format before 3.1 goes both ways, and its pickles one way", async (t) => {
    if (django.version.django[0] > 3) return t.skip("this Django does not have it any more");
    const session = {
      d: [
        [{ s: "count" }, { f: "1.0" }],
        [{ s: "tuple" }, { t: [{ i: "1" }] }],
        [{ s: "at" }, { dt: ["2026-01-02T03:04:05", "utc:"] }],
      ],
    };
    const asJson = { d: session.d.slice(0, 1) };
    const [text = "", pickledText = ""] = await django.ask<string>([
      { command: "legacy_write", session: asJson },
      { command: "legacy_write", session, pickle: true },
    ]);
    assert.deepEqual(readLegacy(keys, text), { status: "ok", value: '{"count":1.0}', stale: true });
    const old = djangoCodec({ keys, legacy: "read" });
    assert.equal(old.decode(text, PLACE), '{"count":1.0}');
    assert.equal(old.decode(pickledText, PLACE), '{"count":1.0,"tuple":[1],"at":"2026-01-02T03:04:05+00:00"}');
    const withPickles = djangoCodec({ keys, legacy: "read", serializer: pickle });
    assert.deepEqual(withPickles.parse(withPickles.decode(pickledText, PLACE)), {
      count: 1,
      tuple: [1],
      at: "2026-01-02T03:04:05+00:00",
    });
    assert.equal(writeLegacy(keys, '{"count":1.0}'), text);
    const back = djangoCodec({ keys, legacy: "write" }).encode('{"count":1.0,"more":"é"}'.replace("é", "\\u00e9"), PLACE);
    assert.deepEqual(await django.ask([{ command: "legacy_read", stored: back }]), ['{"count":1.0,"more":"\\u00e9"}']);
  });

  test("messages go both ways", async () => {
    const message = fc.record(
      {
        level: fc.constantFrom(...Object.values(MESSAGE_LEVELS), 5),
        message: hostileText,
        safe: fc.boolean(),
        extraTags: fc.constantFrom("", "urgent", "a b"),
      },
      { noNullPrototype: true },
    );
    const lists = samples(fc.array(message, { maxLength: 4 }), 300);
    const stored = await django.ask<string>(lists.map((messages) => ({ command: "messages_write", messages })));
    // Django before 4.1 leaves out tags that are empty.
    const withoutEmpty = (messages: readonly object[]) => messages.map((each) => ({ extraTags: "", ...each }));
    assert.deepEqual(
      stored.map((text) => withoutEmpty(readMessages(text) ?? [])),
      lists,
    );
    assert.deepEqual(
      stored.map((text) => writeMessages(readMessages(text) ?? [])),
      stored,
    );
    const read = lists.map((messages) => ({ command: "messages_read", stored: writeMessages(messages) }));
    assert.deepEqual(await django.ask(read), lists);
  });

  test("a session of the file engine is found, read, changed, and read by Django again", async () => {
    const session = { d: [[{ s: "count" }, { f: "1.0" }]] };
    const [saved] = await django.ask<{ key: string; folder: string }>([{ command: "engine_save", engine: "file", session }]);
    const path = join(saved!.folder, sessionFileName(saved!.key) ?? assert.fail("no name"));
    const plain = codec.decode(readFileSync(path, "latin1"), PLACE);
    writeFileSync(path, codec.encode(codec.stringify({ ...codec.parse(plain), more: 1 }, plain), PLACE));
    const changed = { d: [...session.d, [{ s: "more" }, { i: "1" }]] };
    assert.deepEqual(await django.ask([{ command: "engine_load", engine: "file", key: saved!.key, session: changed }]), [
      null,
    ]);
  });

  test("a session of the cache engine is found, read, changed, and read by Django again", async () => {
    const session = {
      d: [
        [{ s: "big" }, { i: String(2n ** 60n) }],
        [{ s: "pair" }, { t: [{ i: "1" }, { i: "2" }] }],
      ],
    };
    const [saved] = await django.ask<{ key: string; folder: string }>([
      { command: "engine_save", engine: "cache", session },
    ]);
    const path = join(saved!.folder, "cache", fileCacheName(sessionCacheKey(saved!.key)));
    const entry = fromFileCache(readFileSync(path));
    assert.ok((entry.expiresAt ?? 0) > Date.now());
    const data = pickle.parse(entry.plain);
    assert.deepEqual(data, { big: 2n ** 60n, pair: [1, 2] });
    writeFileSync(path, toFileCache({ ...entry, plain: pickle.stringify({ ...data, pair: [2, 1] }, entry.plain) }));
    const changed = { d: [session.d[0], [{ s: "pair" }, { t: [{ i: "2" }, { i: "1" }] }]] };
    assert.deepEqual(await django.ask([{ command: "engine_load", engine: "cache", key: saved!.key, session: changed }]), [
      null,
    ]);
  });

  test("a pickle that was changed is read to what Python reads, or refused, and never crashes", async () => {
    const sources = [...samples(pickledSession, 150), ...samples(jsonSession, 150)];
    const requests = sources.map((session, name) => ({ command: "keep", as: "pickle", name, session }));
    const stored = await django.ask<string>(requests);
    const edits = fc.array(fc.tuple(fc.nat(), fc.nat(2), fc.nat(255)), { minLength: 1, maxLength: 3 });
    const mutated = samples(fc.tuple(fc.nat(stored.length - 1), edits), 20_000).map(([index, changes]) => {
      let bytes = Buffer.from(stored[index] ?? "", "base64");
      for (const [at, cut, put] of changes) {
        const place = at % bytes.length;
        bytes = Buffer.concat([bytes.subarray(0, place), Buffer.of(put), bytes.subarray(place + cut)]);
      }
      return bytes.toString("base64");
    });
    const read = mutated.map((text) => {
      try {
        const { value } = readPickle(Buffer.from(text, "base64"));
        plainOf(value, 1000);
        return writePickle(value).toString("base64");
      } catch (error) {
        assert.ok(error instanceof Error && error.name === "CodecError", String(error));
        return null;
      }
    });
    // What is read here, Python reads too, to the same value.
    const accepted = read.flatMap((again, index) => (again === null ? [] : [{ again, stored: mutated[index] ?? "" }]));
    const answers = await django.ask<string | null>(accepted.map((each) => ({ command: "same_pickle", ...each })));
    // Whether there is a time zone of some name is not looked up here.
    const isZone = (answer: string) => /No time zone found|^refused: '[\w+/-]+'$/.test(answer);
    const faults = answers.flatMap((answer, index) =>
      answer === null || isZone(answer) ? [] : [{ answer, ...accepted[index] }],
    );
    assert.deepEqual(faults, [], `with SEED=${SEED}`);
    assert.ok(accepted.length > 500, `enough of them are read: ${accepted.length}`);
  });
});
