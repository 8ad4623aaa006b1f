import assert from "node:assert/strict";
import { test } from "node:test";
import {
  authHash,
  checkAuthHash,
  djangoCodec,
  djangoKeys,
  dumps,
  expiresAtBrowserClose,
  expiryAgeSeconds,
  expiryAt,
  loads,
  pythonJson,
  pythonPickle,
  readLegacy,
  readMessages,
  SESSION_SALT,
  sessionCacheKey,
  sessionFileName,
  sign,
  SIGNED_COOKIE_SALT,
  signTimestamped,
  unsign,
  unsignTimestamped,
  writeLegacy,
  writeMessages,
} from "../../src/django/index.ts";
import { decodeBase62, encodeBase62 } from "../../src/django/base62.ts";
import { readCookies } from "../../src/cookie/parse.ts";
import { serializeCookie, serializeDeletion } from "../../src/cookie/serialize.ts";
import { attributesOf, partsOf } from "./cookie-parts.ts";
import { ALL_VECTORS, type Vector, vectorsOf } from "./vectors.ts";

const PLACE = { place: "" };

/** How many vectors of each kind there are. */
const COUNTS: Readonly<Record<string, number>> = {
  session: 80,
  "session-not-json": 1,
  "session-invalid": 31,
  "session-signed-odd": 25,
  "legacy-pre-3.1": 6,
  "sha1-signature": 5,
  "signed-cookie": 10,
  "auth-hash": 6,
  signer: 6,
  base62: 13,
  "file-name": 10,
  cache: 4,
  messages: 3,
  rotation: 5,
  "rotation-auth": 5,
  expiry: 10,
  "set-cookie": 7,
  "delete-cookie": 5,
  "parse-cookie": 12,
};

/** The kinds that have a test. */
const tested = new Set<string>();

/** What a codec makes of a stored text; the empty session for what is refused, as Django has it. */
function decoded(vector: Vector, legacy: "refuse" | "read" = "refuse"): unknown {
  const keys = djangoKeys({ secretKey: vector.secret, secretKeyFallbacks: vector.fallbacks });
  const codec = djangoCodec({ keys, salt: vector.salt, legacy });
  try {
    return codec.parse(codec.decode(vector.session_data, PLACE));
  } catch (error) {
    assert.ok(error instanceof Error && error.name === "CodecError", `${vector.id}: ${String(error)}`);
    return {};
  }
}

/** A test of every vector of a kind. */
function vectors(kind: string, promise: string, check: (vector: Vector) => void): void {
  tested.add(kind);
  test(`vectors: ${kind}: ${promise}`, () => {
    const cases = vectorsOf(kind);
    assert.equal(cases.length, COUNTS[kind]);
    for (const vector of cases) check(vector);
  });
}

for (const kind of ["session", "session-not-json"]) {
  const promise = "what Django signed is read to the byte, and signed again the same";
  vectors(kind, promise, ({ id, secret, salt, session_data, session_json, timestamp, ...vector }) => {
    const keys = djangoKeys({ secretKey: secret });
    assert.deepEqual(loads(keys, session_data, { salt }), { status: "ok", value: session_json, stale: false }, id);
    const value = pythonJson.parse(session_json);
    assert.equal(pythonJson.stringify(value, session_json), session_json, id);
    assert.equal(pythonJson.stringify({ ...value, extra: 1 }, session_json), withExtra(session_json), id);
    const again = dumps(keys, session_json, { salt, at: timestamp * 1000 });
    const back = loads(keys, again, { salt });
    assert.ok(back.status === "ok" && back.value === session_json, id);
    // Compressed bytes differ from one zlib to another.
    if (vector.compressed !== true) assert.equal(again, session_data, id);
    const payload = session_data.split(":")[0] ?? "";
    assert.equal(signTimestamped(keys, payload, { salt, at: timestamp * 1000 }), session_data, id);
  });
}

function withExtra(json: string): string {
  return json === "{}" ? '{"extra":1}' : `${json.slice(0, -1)},"extra":1}`;
}

vectors(
  "session",
  "plain data is what JSON.parse gives, where JSON can say it",
  ({ id, session_json, js_json_identical }) => {
    if (js_json_identical === true) assert.deepEqual(pythonJson.parse(session_json), JSON.parse(session_json), id);
  },
);

vectors("session-invalid", "refused", (vector) => {
  for (const legacy of ["refuse", "read"] as const) assert.deepEqual(decoded(vector, legacy), {}, vector.id);
  const signed = loads(djangoKeys({ secretKey: vector.secret }), vector.session_data, { salt: vector.salt });
  assert.equal(signed.status, "invalid", vector.id);
});

vectors("session-signed-odd", "accepted and refused as Django does, but for what is no dictionary", (vector) => {
  const isDictionary = typeof vector.expect === "object" && vector.expect !== null && !Array.isArray(vector.expect);
  assert.ok(isDictionary || vector.informative === true, vector.id);
  assert.deepEqual(decoded(vector), isDictionary ? vector.expect : {}, vector.id);
});

for (const kind of ["legacy-pre-3.1", "sha1-signature"]) {
  vectors(kind, "refused as by Django 4.0, and read where that is asked for", (vector) => {
    assert.deepEqual(decoded(vector), vector.expect, vector.id);
    assert.deepEqual(decoded(vector, "read"), vector.django_3_2, vector.id);
  });
}

vectors("legacy-pre-3.1", "written the same", ({ id, secret, session_data, session_json, note }) => {
  const keys = djangoKeys({ secretKey: secret });
  if (note === "tampered") {
    assert.deepEqual(readLegacy(keys, session_data), { status: "invalid", reason: "signature" });
    return;
  }
  assert.deepEqual(readLegacy(keys, session_data), { status: "ok", value: session_json, stale: true }, id);
  assert.equal(writeLegacy(keys, session_json), session_data, id);
});

vectors(
  "signed-cookie",
  "valid up to its age, to the second",
  ({ id, secret, salt, cookie, session_json, checks, timestamp, note }) => {
    assert.equal(salt, SIGNED_COOKIE_SALT);
    const keys = djangoKeys({ secretKey: secret });
    if (note !== undefined) {
      assert.deepEqual(loads(keys, String(cookie), { salt }), { status: "invalid", reason: "signature" }, note);
      return;
    }
    for (const { now, max_age, valid } of checks as { now: number; max_age: number; valid: boolean }[]) {
      const signed = loads(keys, String(cookie), { salt, now: now * 1000, maxAgeSeconds: max_age });
      const expected = valid
        ? { status: "ok", value: session_json, stale: false }
        : { status: "invalid", reason: "expired" };
      assert.deepEqual(signed, expected, `${id} at ${now}`);
    }
    assert.equal(loads(keys, String(cookie), { salt: SESSION_SALT }).status, "invalid", "another engine's salt");
    const payload = String(cookie).split(":")[0] ?? "";
    assert.equal(signTimestamped(keys, payload, { salt, at: timestamp * 1000 }), cookie, id);
  },
);

vectors(
  "signer",
  "with and without a timestamp",
  ({ id, secret, salt, value, timestamp, signed, signed_without_timestamp }) => {
    const keys = djangoKeys({ secretKey: secret });
    const text = String(value);
    assert.equal(sign(keys, text, { salt }), signed_without_timestamp, id);
    assert.equal(signTimestamped(keys, text, { salt, at: timestamp * 1000 + 999 }), signed, id);
    assert.deepEqual(unsign(keys, String(signed_without_timestamp), { salt }), { status: "ok", value: text, stale: false });
    const expected = { status: "ok", value: { value: text, signedAt: timestamp * 1000 }, stale: false };
    assert.deepEqual(unsignTimestamped(keys, String(signed), { salt }), expected, id);
  },
);

vectors("base62", "both ways", ({ id, number, text }) => {
  assert.equal(encodeBase62(Number(number)), text, id);
  assert.equal(decodeBase62(String(text)), number, id);
});

vectors("file-name", "as Django has it", ({ id, cookie_name, session_key, file }) => {
  assert.equal(sessionFileName(String(session_key), String(cookie_name)), file ?? undefined, id);
});

vectors("cache", "keys, and pickles to the byte in both protocols", (vector) => {
  const { id, backend, key_prefix, version, session_key, cache_key, session_json } = vector;
  const options = {
    engine: backend as "cache" | "cached_db",
    keyPrefix: String(key_prefix),
    version: Number(version),
  };
  assert.equal(sessionCacheKey(String(session_key), options), cache_key, id);
  for (const protocol of [4, 5] as const) {
    const pickle = pythonPickle({ protocol });
    const text = Buffer.from(String(vector[`pickle${protocol}_hex`]), "hex").toString("latin1");
    const data = pickle.parse(text);
    assert.deepEqual(data, pythonJson.parse(session_json), id);
    assert.equal(pickle.stringify(data, text), text, id);
    assert.equal(pickle.stringify(data), text, `${id} protocol ${protocol}, from JavaScript alone`);
  }
});

vectors("messages", "what Django stores is read, and written the same", ({ id, messages, stored, stored_django_3_2 }) => {
  const expected = (messages as { level: number; message: string; extra_tags: string; safe: boolean }[]).map(
    ({ level, message, extra_tags, safe }) => ({ level, message, safe, extraTags: extra_tags }),
  );
  assert.deepEqual(readMessages(stored), expected, id);
  assert.equal(writeMessages(expected), stored, id);
  if (stored_django_3_2 === undefined) return;
  const old = readMessages(stored_django_3_2) ?? [];
  assert.deepEqual(
    old.map(({ extraTags }) => extraTags),
    [undefined],
    id,
  );
  assert.equal(writeMessages(old), stored_django_3_2, id);
});

vectors("auth-hash", "SHA-256, and SHA-1 of before", ({ id, secret, password, hash, hash_sha1_before_3_1 }) => {
  const keys = djangoKeys({ secretKey: secret });
  const [text, old] = [String(password), String(hash_sha1_before_3_1)];
  assert.equal(authHash(keys, text), hash, id);
  assert.equal(authHash(keys, text, { hash: "sha1" }), old, id);
  assert.deepEqual(checkAuthHash(keys, text, hash), { status: "current" }, id);
  assert.deepEqual(checkAuthHash(keys, text, old), { status: "invalid" }, id);
  assert.deepEqual(checkAuthHash(keys, text, old, { sha1: true }), { status: "stale", current: hash }, id);
});

vectors("rotation", "every fallback is read, and written back with the current secret", (vector) => {
  assert.deepEqual(decoded(vector), vector.expect, vector.id);
  const { secret, fallbacks, salt, session_data, session_json } = vector;
  const keys = djangoKeys({ secretKey: secret, secretKeyFallbacks: fallbacks });
  const signed = loads(keys, session_data, { salt });
  assert.equal(signed.status, vector.accepted === true ? "ok" : "invalid", vector.id);
  if (signed.status !== "ok") return;
  const isCurrent = loads(djangoKeys({ secretKey: secret }), session_data, { salt }).status === "ok";
  assert.equal(signed.stale, !isCurrent, vector.id);
  const codec = djangoCodec({ keys, salt });
  const again = codec.encode(signed.value, PLACE);
  assert.deepEqual(loads(djangoKeys({ secretKey: secret }), again, { salt }), {
    status: "ok",
    value: session_json,
    stale: false,
  });
});

vectors("rotation-auth", "as Django has it", ({ id, secret, fallbacks, password, session_hash, result, current_hash }) => {
  const keys = djangoKeys({ secretKey: secret, secretKeyFallbacks: fallbacks });
  const expected = String(result).startsWith("fallback")
    ? { status: "stale", current: current_hash }
    : { status: result === "current" ? "current" : "invalid" };
  assert.deepEqual(checkAuthHash(keys, String(password), session_hash), expected, id);
  assert.equal(authHash(keys, String(password)), current_hash, id);
});

vectors(
  "expiry",
  "age, date and the browser's end",
  ({ id, expiry, modification, cookie_age, age, date, expire_at_browser_close }) => {
    const options = { cookieAgeSeconds: Number(cookie_age), modifiedAt: Date.parse(String(modification)) };
    assert.equal(expiryAgeSeconds(expiry, options), age, id);
    const [, whole = "", micros = "0"] = /^(.{19})(?:\.(\d{6}))?/.exec(String(date)) ?? [];
    const expected = Date.parse(whole + String(date).slice(-6)) + Number(micros) / 1000;
    assert.ok(Math.abs((expiryAt(expiry, options) ?? 0) - expected) < 0.001, id);
    assert.equal(expiresAtBrowserClose(expiry), expire_at_browser_close, id);
  },
);

vectors("set-cookie", "our cookie has Django's value and attributes", ({ id, name, value, now, header, ...vector }) => {
  const ours = partsOf(serializeCookie(String(name), String(value), attributesOf(vector)));
  const { expires, ...theirs } = partsOf(String(header));
  // `Max-Age` says it; browsers that know only `Expires` are gone. A negative one is 0, with the same effect.
  const maxAge = vector["max_age"];
  if (typeof maxAge === "number" && maxAge < 0) theirs["max-age"] = "0";
  assert.deepEqual(ours, theirs, id);
  const until = typeof maxAge === "number" ? new Date((Number(now) + maxAge) * 1000).toUTCString() : undefined;
  assert.equal(expires, until, id);
});

vectors("delete-cookie", "our deletion is of the same cookie", ({ id, name, header, ...vector }) => {
  const theirs = partsOf(String(header));
  const attributes = attributesOf({ ...vector, httponly: false, secure: "secure" in theirs });
  // Two quotes are Python's empty value, and a browser forgets it as it comes.
  assert.deepEqual(partsOf(serializeDeletion(String(name), attributes)), { ...theirs, "": [name, ""] }, id);
});

/** What this side reads otherwise, because browsers send none of it: quotes stay, blanks before `=` and pairs without a name are no cookie. */
const READ_OTHERWISE: Readonly<Record<string, readonly [name: string, values: readonly string[]]>> = {
  P213: ["sessionid", ['"quoted value"']],
  P215: ["", []],
  P217: ["sessionid", []],
  P218: ["sessionid", ['"a\\"b\\054c"']],
};

vectors("parse-cookie", "the last of each name is Django's value", ({ id, header, cookies }) => {
  const otherwise = READ_OTHERWISE[id];
  if (otherwise !== undefined) {
    assert.deepEqual(readCookies(String(header), otherwise[0]), otherwise[1], id);
    return;
  }
  for (const [name, value] of Object.entries(cookies as Record<string, string>)) {
    assert.equal(readCookies(String(header), name).at(-1), value, id);
  }
});

test("every vector of every kind has a test", () => {
  const counts: Record<string, number> = {};
  for (const { kind } of ALL_VECTORS) counts[kind] = (counts[kind] ?? 0) + 1;
  assert.deepEqual(counts, COUNTS);
  assert.deepEqual(new Set(Object.keys(counts)), tested);
});
