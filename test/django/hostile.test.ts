import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { CodecError } from "../../src/codec/codec.ts";
import {
  djangoCodec,
  djangoKeys,
  dumps,
  fromDatabaseCache,
  fromFileCache,
  fromMemcached,
  loads,
  pythonJson,
  pythonPickle,
  readLegacy,
  readMessages,
  SESSION_SALT,
  sign,
  SIGNED_COOKIE_SALT,
  signTimestamped,
  toFileCache,
  writeLegacy,
} from "../../src/django/index.ts";
import { readPythonJson } from "../../src/django/python/json-read.ts";
import { writePythonJson } from "../../src/django/python/json-write.ts";
import { needs } from "../servers/needs.ts";
import { RealDjango, SECRET } from "./real-django.ts";

const PLACE = { place: "" };
const salt = SESSION_SALT;
const keys = djangoKeys({ secretKey: SECRET });
const SEED = Number(process.env["SEED"] ?? Date.now() % 2 ** 31);
const pickle = pythonPickle();
const JSONS = ['{"user":7}', `{"user":7,"text":"${"abc ".repeat(50)}","list":[1.0,null,"\\u00e9"]}`];

/** Texts with a few characters replaced, left out or put in. */
function mutated(texts: readonly string[], put: fc.Arbitrary<string>, count: number): string[] {
  const edits = fc.array(fc.tuple(fc.nat(), fc.nat(2), put), { minLength: 1, maxLength: 3 });
  return fc.sample(fc.tuple(fc.constantFrom(...texts), edits), { numRuns: count, seed: SEED }).map(([text, changes]) =>
    changes.reduce((each, [at, cut, inserted]) => {
      const place = at % (each.length + 1);
      return each.slice(0, place) + inserted + each.slice(place + cut);
    }, text),
  );
}

const byte = fc.nat(255).map((code) => String.fromCharCode(code));
const ofBase64 = fc.constantFrom(..."AZaz09-_+/=. \n\t:;%\u00e9\u20ac", "", "==", "eyJ");

/** What `signing.loads` and the serializer make of a text here: the dictionary in Python's JSON, or null. */
function ours(text: string): string | null {
  const signed = loads(keys, text, { salt, sha1: true });
  if (signed.status === "invalid") return null;
  try {
    pythonJson.parse(signed.value);
    return writePythonJson(readPythonJson(signed.value, 1000));
  } catch (error) {
    assert.ok(error instanceof CodecError, String(error));
    return null;
  }
}

describe("with real Django", { skip: needs("django") }, () => {
  let django: RealDjango;
  before(async () => {
    django = await RealDjango.start();
  });
  after(() => django.stop());

  async function sameAsDjango(texts: readonly string[], accepted: number): Promise<void> {
    const theirs = await django.ask<string | null>(texts.map((stored) => ({ command: "parse", stored })));
    const faults = texts.flatMap((text, index) => {
      const [here, there] = [ours(text), theirs[index]];
      return here === there ? [] : [{ text, here, there }];
    });
    assert.deepEqual(faults, [], `with SEED=${SEED}`);
    const read = theirs.filter((each) => each !== null).length;
    assert.ok(read >= accepted && read < texts.length, `both are there: ${read} of ${texts.length}`);
  }

  test("a payload that was changed, and signed all the same, is read or refused as Django does", async () => {
    const payloads = JSONS.map((json) => dumps(keys, json, { salt, at: 0 }).split(":")[0] ?? "");
    const texts = mutated(payloads, ofBase64, 5000);
    await sameAsDjango(
      texts.map((payload) => signTimestamped(keys, payload, { salt, at: 1_700_000_000_000 })),
      50,
    );
  });

  test("a compressed payload that was changed, and signed all the same, is inflated or refused as by Python", async () => {
    const bytes = JSONS.flatMap((json) => [0, 1, 9].map((level) => deflateSync(json, { level }).toString("latin1")));
    const others = JSONS.flatMap((json) => [
      gzipSync(json),
      deflateRawSync(json),
      deflateSync(json, { dictionary: Buffer.from(json) }),
    ]);
    const tails = bytes.flatMap((each) => [`${each}x`, each + each, each.slice(0, -4), each.slice(0, -1)]);
    const texts = [...mutated(bytes, byte, 3000), ...others.map((each) => each.toString("latin1")), ...bytes, ...tails];
    const payloads = texts.map((text) => `.${Buffer.from(text, "latin1").toString("base64url")}`);
    await sameAsDjango(
      payloads.map((payload) => signTimestamped(keys, payload, { salt, at: 1_700_000_000_000 })),
      6,
    );
  });

  test("a time that was changed, and signed all the same, is read or refused as Django does", async () => {
    const payload = Buffer.from(JSONS[0] ?? "").toString("base64url");
    const stamps = [
      ...mutated(["1r31eq", "-1r31eq", "0"], fc.constantFrom(..."0zZ-_ .é\n", "", "zzzzzzzzzzzz"), 500),
      "",
      "-",
      "--1",
      "z".repeat(500),
    ];
    await sameAsDjango(
      stamps.map((stamp) => sign(keys, `${payload}:${stamp}`, { salt })),
      20,
    );
    const now = Date.now();
    const cookies = stamps.map((stamp) => sign(keys, `${payload}:${stamp}`, { salt: SIGNED_COOKIE_SALT }));
    const theirs = await django.ask<string | null>(cookies.map((stored) => ({ command: "decode", cookie: true, stored })));
    const here = cookies.map((cookie) => {
      const signed = loads(keys, cookie, { salt: SIGNED_COOKIE_SALT, maxAgeSeconds: 86_400, now });
      return signed.status === "ok" ? signed.value : null;
    });
    assert.deepEqual(here, theirs, `with SEED=${SEED}`);
  });

  test("what was changed and not signed again is refused by both, whatever it was changed to", async () => {
    const good = JSONS.map((json) => dumps(keys, json, { salt, at: 1_700_000_000_000 }));
    const old = JSONS.map((json) => dumps(keys, json, { salt, at: 1_700_000_000_000, hash: "sha1" }));
    const texts = mutated([...good, ...old], fc.oneof(ofBase64, byte), 4000);
    const changed = texts.filter((text) => ![...good, ...old].includes(text));
    const theirs = await django.ask<string | null>(changed.map((stored) => ({ command: "decode", stored })));
    assert.deepEqual(new Set([...theirs, ...changed.map(ours)]), new Set([null]), `with SEED=${SEED}`);
    assert.deepEqual(
      await django.ask([...good, ...old].map((stored) => ({ command: "parse", stored }))),
      [...good, ...old].map(ours),
    );
  });

  test("the format before 3.1, changed in its base64, is read or refused as Django does", async (t) => {
    if (django.version.django[0] > 3) return t.skip("this Django does not have it any more");
    const texts = mutated(
      JSONS.map((json) => writeLegacy(keys, json)),
      ofBase64,
      4000,
    );
    const theirs = await django.ask<string>(texts.map((stored) => ({ command: "legacy_read", stored })));
    const faults = texts.flatMap((text, index) => {
      const signed = readLegacy(keys, text);
      const here = signed.status === "ok" ? writePythonJson(readPythonJson(signed.value, 1000)) : "{}";
      return here === theirs[index] ? [] : [{ text, here, there: theirs[index] }];
    });
    assert.deepEqual(faults, [], `with SEED=${SEED}`);
    assert.ok(theirs.some((each) => each !== "{}"));
  });
});

/** Runs every reader over a text; nothing but the documented error may come out of any. */
function readAll(latin1: string): void {
  const bytes = Buffer.from(latin1, "latin1");
  const codecs = [djangoCodec({ keys, legacy: "read" }), djangoCodec({ keys, legacy: "read", serializer: pickle })];
  const readers: readonly (() => unknown)[] = [
    () => pickle.parse(latin1),
    () => pythonJson.parse(latin1),
    () => fromFileCache(bytes),
    () => fromMemcached(bytes, 1),
    () => fromMemcached(bytes, 9),
    () => fromDatabaseCache(latin1),
    ...codecs.flatMap((codec) => [
      () => codec.decode(latin1, PLACE),
      // Signed all the same: by whoever knows the secret, or in the past.
      () => codec.parse(codec.decode(dumps(keys, bytes, { salt, at: 0 }), PLACE)),
      () => codec.parse(codec.decode(writeLegacy(keys, latin1), PLACE)),
    ]),
  ];
  for (const read of readers) {
    try {
      read();
    } catch (error) {
      assert.ok(error instanceof CodecError, `${String(error)}: ${JSON.stringify(latin1)}, with SEED=${SEED}`);
    }
  }
  readMessages(latin1);
  assert.ok(["ok", "invalid"].includes(loads(keys, latin1, { salt }).status));
}

test("no reader throws anything but its own error, for random bytes and for real values with a few of them changed", () => {
  const op = fc.constantFrom(
    ..."(.0123FGIJKLMNPQRSTUVX]abcdeghijlopqrstu})\x80\x81\x85\x86\x87\x88\x8a\x8b\x8c\x8d\x8e\x8f\x90\x91\x92\x93\x94\x95",
  );
  const soup = fc.oneof(
    { arbitrary: op, weight: 6 },
    { arbitrary: byte, weight: 2 },
    {
      arbitrary: fc.constantFrom(
        "\x8c\x01a",
        "cbuiltins\nset\n",
        "cbuiltins\ngetattr\n",
        "cdatetime\ndatetime\n",
        "cdatetime\ntimezone\n",
        "cdatetime\ntimedelta\n",
        "cuuid\nUUID\n",
        "cdecimal\nDecimal\n",
        "czoneinfo\nZoneInfo\n",
        "c_codecs\nencode\n",
        "q\x00",
        "h\x00",
      ),
      weight: 3,
    },
  );
  const soups = fc.sample(fc.array(soup, { maxLength: 40 }), { numRuns: 1500, seed: SEED }).map((ops) => ops.join(""));
  const random = fc.sample(fc.uint8Array({ maxLength: 200 }), { numRuns: 500, seed: SEED });
  const real = [
    ...JSONS,
    ...JSONS.map((json) => writeLegacy(keys, json)),
    ...JSONS.map((json) => pickle.stringify(pythonJson.parse(json))),
    toFileCache({ plain: pickle.stringify({ a: 2n ** 70n, s: new Set([1]), b: Uint8Array.of(1) }), expiresAt: 1 }).toString(
      "latin1",
    ),
  ];
  for (const text of soups) {
    readAll(text);
    readAll(`}K\x01${text}s.`);
  }
  for (const bytes of random) readAll(Buffer.from(bytes).toString("latin1"));
  for (const text of mutated(real, byte, 1500)) readAll(text);
});
