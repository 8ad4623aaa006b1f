import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateSync } from "node:zlib";
import {
  checkAuthHash,
  djangoCodec,
  djangoKeys,
  expiresAtBrowserClose,
  expiryAgeSeconds,
  expiryAt,
  fromDatabaseCache,
  fromFileCache,
  fromMemcached,
  isMadeSessionKey,
  isMemcachedKey,
  isSessionKey,
  MEMCACHED_FLAGS,
  newSessionKey,
  pythonPickle,
  readMessages,
  sessionCacheKey,
  storedExpiry,
  toDatabaseCache,
  toFileCache,
  toMemcached,
  writeMessages,
} from "../../src/django/index.ts";
import { djangoFormat } from "../../src/django/session-format.ts";
import { localZone } from "../../src/django/zone.ts";

const plain = pythonPickle().stringify({ count: 1 });

test("session keys have Django's shape, and each character is as likely as the others", () => {
  const made = Array.from({ length: 4000 }, newSessionKey);
  assert.equal(new Set(made).size, made.length);
  assert.ok(made.every(isMadeSessionKey));
  const counts = new Map<string, number>();
  for (const character of made.join("")) counts.set(character, (counts.get(character) ?? 0) + 1);
  assert.equal(counts.size, 36);
  // 128,000 characters: 3,556 of each, give or take 59; twelve times that is beyond luck.
  for (const [character, count] of counts) assert.ok(Math.abs(count - 3556) < 59 * 12, `${character}: ${count}`);
});

test("keys of a client are taken as Django takes them, up to what its column holds", () => {
  for (const key of ["12345678", "ABC/DEF:8", "ü".repeat(8), "\u{1f600}".repeat(40), "a".repeat(40)]) {
    assert.equal(isSessionKey(key), true, key);
  }
  for (const key of ["", "1234567", "\u{1f600}".repeat(7), "a".repeat(41), "\u{1f600}".repeat(41), 12345678, null]) {
    assert.equal(isSessionKey(key), false);
  }
  for (const key of ["A".repeat(32), "a".repeat(31), `${"a".repeat(32)}\n`]) assert.equal(isMadeSessionKey(key), false);
});

test("a cache's own prefix, version and key function make its keys", () => {
  assert.equal(sessionCacheKey("k"), ":1:django.contrib.sessions.cachek");
  assert.equal(
    sessionCacheKey("k", { engine: "cached_db", keyPrefix: "p", version: 2 }),
    "p:2:django.contrib.sessions.cached_dbk",
  );
  assert.equal(sessionCacheKey("k", { cacheKeyPrefix: "my.", keyFunction: (...parts) => parts.join("|") }), "my.k||1");
  assert.equal(isMemcachedKey("a".repeat(250)), true);
  for (const key of ["a".repeat(251), "a b", "a\x7f", "a\n", "ü".repeat(126)]) assert.equal(isMemcachedKey(key), false, key);
});

test("values of Memcached are taken by their flags, compressed or not", () => {
  const { value, flags } = toMemcached(plain);
  assert.equal(flags, MEMCACHED_FLAGS.pickle);
  assert.equal(fromMemcached(value, flags), plain);
  const { pickle, compressed, text, integer } = MEMCACHED_FLAGS;
  assert.equal(fromMemcached(deflateSync(value), pickle | compressed), plain);
  for (const other of [0, text, integer, pickle | text, compressed])
    assert.throws(() => fromMemcached(value, other), { reason: "format" });
  assert.throws(() => fromMemcached(value, pickle | compressed), { reason: "format" });
  const bomb = deflateSync(Buffer.alloc(20_000_000));
  assert.throws(() => fromMemcached(bomb, pickle | compressed), { reason: "size" });
});

test("rows of the database cache and files of the file cache go both ways", () => {
  assert.equal(fromDatabaseCache(toDatabaseCache(plain)), plain);
  assert.throws(() => fromDatabaseCache("A"), { reason: "format" });
  for (const expiresAt of [null, 1_700_000_000_500]) {
    assert.deepEqual(fromFileCache(toFileCache({ plain, expiresAt })), { plain, expiresAt });
  }
  for (const content of [
    Buffer.alloc(0),
    Buffer.from("N."),
    Buffer.concat([toFileCache({ plain, expiresAt: 1 }).subarray(0, -5)]),
  ]) {
    assert.throws(() => fromFileCache(content), { reason: "format" });
  }
  assert.throws(() => fromFileCache(Buffer.concat([Buffer.from(plain, "latin1"), deflateSync("x")])), { reason: "format" });
});

test("an expiry is what Django takes it for", () => {
  const options = { modifiedAt: Date.parse("2026-01-01T00:00:00Z"), cookieAgeSeconds: 100 };
  const age = (stored: unknown) => expiryAgeSeconds(stored, options);
  for (const none of [undefined, null, 0, "", false]) assert.equal(age(none), 100);
  assert.equal(age(5n), 5);
  assert.equal(age("2026-01-01 00:00:01"), 1, "without an offset it is UTC");
  assert.equal(age("2026-01-01T01:00:01+01:00"), 1);
  assert.equal(age("2026-01-01"), 0);
  for (const odd of ["soon", "2026-02-30", "00:00:01", [], {}, "2026-01-01T00:00:00[Europe/Berlin]"])
    assert.equal(age(odd), undefined);
  assert.equal(expiryAt("0001-01-01T00:00:00", options), Date.parse("0001-01-01T00:00:00Z"));
  assert.equal(expiryAt(1.5, options), options.modifiedAt + 1500);
  assert.equal(expiryAt(undefined, { modifiedAt: 0 }), 1_209_600_000);
  const fromLocal = (local: number) => local - 3_600_000;
  assert.equal(expiryAt("2026-01-01T01:00:00", { ...options, fromLocal }), options.modifiedAt);
  assert.equal(expiryAt("2026-01-01T01:00:00Z", { ...options, fromLocal }), options.modifiedAt + 3_600_000);
  assert.equal(storedExpiry(new Date("2026-01-01T00:00:00.250Z")), "2026-01-01T00:00:00.250000+00:00");
  assert.equal(storedExpiry(new Date("2026-01-01T00:00:00Z")), "2026-01-01T00:00:00+00:00");
  assert.equal(storedExpiry(300), 300);
  assert.deepEqual(
    [undefined, 0, 0n, 5, "x"].map((stored) => expiresAtBrowserClose(stored, true)),
    [true, true, true, false, false],
  );
});

test("what are no messages are refused as a whole", () => {
  const odd = [
    undefined,
    5,
    "",
    "{}",
    '"x"',
    "[1]",
    '[["other",0,20,"a"]]',
    '[["__json_message",0,20]]',
    '[["__json_message",0,"20","a"]]',
    '[["__json_message",0,20,{"a":1}]]',
    '[["__json_message",0,20,"a","tags",1]]',
    '[["__json_message",0,20,"a",5]]',
    "[".repeat(5000),
  ];
  for (const stored of odd) assert.equal(readMessages(stored), undefined, String(stored).slice(0, 40));
  assert.deepEqual(readMessages("[]"), []);
  assert.deepEqual(readMessages('[["__json_message", true, 20, "a", null]]'), [{ level: 20, message: "a", safe: true }]);
  assert.equal(writeMessages([{ level: 20, message: "ü" }]), '[["__json_message", 0, 20, "\\u00fc"]]');
});

test("an auth hash that is missing or odd is invalid", () => {
  const keys = djangoKeys({ secretKey: "a" });
  for (const stored of [undefined, null, "", 5, "x", "é".repeat(32), "\ud800"]) {
    assert.deepEqual(checkAuthHash(keys, "password", stored, { sha1: true }), { status: "invalid" });
  }
});

test("a date that is set here has no offset where Django's dates have none, so that Django can compare it with its own", () => {
  const codec = djangoCodec({ keys: { secretKey: "secret" } });
  const at = Date.parse("2026-07-01T12:00:00.250Z");
  const written = (zone: string, before?: string): unknown => {
    const base = before === undefined ? undefined : codec.stringify({ _session_expiry: before });
    const text = djangoFormat(localZone(zone)).stringify(codec, { data: {}, notes: { expiry: { at } } }, base);
    return codec.parse(text)["_session_expiry"];
  };
  assert.equal(written("UTC"), "2026-07-01T12:00:00.250000+00:00");
  assert.equal(written("Europe/Berlin"), "2026-07-01T14:00:00.250000");
  assert.equal(written("UTC", "2026-07-01T00:00:00"), "2026-07-01T12:00:00.250000");
  assert.equal(
    written("Europe/Berlin", "2026-07-01T14:00:00.25"),
    "2026-07-01T14:00:00.25",
    "the same moment is left alone",
  );
  const read = djangoFormat(localZone("Europe/Berlin")).parse(
    codec,
    codec.stringify({ _session_expiry: "2026-07-01T14:00:00.25" }),
  );
  assert.deepEqual(read.notes.expiry, { at });
});
