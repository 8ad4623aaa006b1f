import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSetCookie } from "cookie";
import fc from "fast-check";
import {
  checkCookieAttributes,
  type CookieAttributes,
  MAX_COOKIE_BYTES,
  serializeCookie,
  serializeDeletion,
} from "../../src/cookie/serialize.ts";

const BASE: CookieAttributes = { path: "/", secure: true, httpOnly: true, sameSite: "lax", partitioned: false };

test("of attributes that are given again, each age has its own text, and attributes that changed have the new one", () => {
  const [site, app] = [Object.freeze({ ...BASE }), Object.freeze({ ...BASE, path: "/app" })];
  const tail = (attributes: CookieAttributes, age?: number) => serializeCookie("sid", "", attributes, age).slice(5);
  for (let round = 0; round < 2; round++) {
    assert.equal(tail(site), " Path=/; HttpOnly; Secure; SameSite=Lax");
    assert.equal(tail(site, 60), " Path=/; Max-Age=60; HttpOnly; Secure; SameSite=Lax");
    assert.equal(tail(site, 61), " Path=/; Max-Age=61; HttpOnly; Secure; SameSite=Lax");
    assert.equal(tail(app, 61), " Path=/app; Max-Age=61; HttpOnly; Secure; SameSite=Lax");
    assert.equal(tail(app), " Path=/app; HttpOnly; Secure; SameSite=Lax");
  }
  const changing = { ...BASE };
  assert.match(tail(changing), /SameSite=Lax/);
  Object.assign(changing, { sameSite: "strict" });
  assert.match(tail(changing), /SameSite=Strict/);
});

test("the exact text, with every attribute and with none", () => {
  assert.equal(serializeCookie("__Host-sid", "abc", BASE), "__Host-sid=abc; Path=/; HttpOnly; Secure; SameSite=Lax");
  const all: CookieAttributes = {
    ...BASE,
    path: "/app",
    domain: "example.com",
    sameSite: "none",
    partitioned: true,
    maxAgeSeconds: 60,
  };
  assert.equal(
    serializeCookie("sid", "a=b", all),
    "sid=a=b; Path=/app; Domain=example.com; Max-Age=60; HttpOnly; Secure; SameSite=None; Partitioned",
  );
  const bare: CookieAttributes = { path: "/", secure: false, httpOnly: false, sameSite: false, partitioned: false };
  assert.equal(serializeCookie("sid", "", bare), "sid=; Path=/");
  assert.equal(serializeCookie("sid", "", { ...bare, sameSite: "strict" }), "sid=; Path=/; SameSite=Strict");
});

test("a deletion repeats path, domain, partition and flags, and is over both by age and by date", () => {
  const given: CookieAttributes = {
    ...BASE,
    path: "/app",
    domain: "example.com",
    sameSite: "none",
    partitioned: true,
    maxAgeSeconds: 60,
  };
  assert.equal(
    serializeDeletion("sid", given),
    "sid=; Path=/app; Domain=example.com; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=None; Partitioned",
  );
});

test("Max-Age is rounded up and clamped to 0 and 400 days", () => {
  const ages = [
    [60, 60],
    [0.2, 1],
    [0, 0],
    [-5, 0],
    [34_560_000, 34_560_000],
    [34_560_001, 34_560_000],
    [1e21, 34_560_000],
    [Number.POSITIVE_INFINITY, 34_560_000],
  ] as const;
  for (const [given, written] of ages) {
    assert.match(serializeCookie("sid", "", { ...BASE, maxAgeSeconds: given }), new RegExp(`; Max-Age=${written};`));
  }
  assert.throws(() => serializeCookie("sid", "", { ...BASE, maxAgeSeconds: Number.NaN }), TypeError);
});

test("4,096 bytes of name and value pass, one more throws before a browser drops it", () => {
  const fits = "x".repeat(MAX_COOKIE_BYTES - 3);
  assert.equal(serializeCookie("sid", fits, BASE).startsWith(`sid=${fits};`), true);
  assert.throws(() => serializeCookie("sid", `${fits}x`, BASE), RangeError);
});

test("a value with anything but cookie octets throws and is not in the message", () => {
  for (const bad of [" ", '"', ",", ";", "\\", "\r\nSet-Cookie: a=b", "\0", "\x7f", "\u00e9", "\u{1f600}", "\ud800", "\t"]) {
    const value = `secret${bad}tail`;
    assert.throws(
      () => serializeCookie("sid", value, BASE),
      (error) => error instanceof TypeError && !error.message.includes("secret"),
      JSON.stringify(bad),
    );
  }
});

const accepted: readonly (readonly [string, Partial<CookieAttributes>])[] = [
  ["__Host-sid", {}],
  ["__Host-sid", { sameSite: "none", partitioned: true }],
  ["__Secure-sid", { domain: "example.com", path: "/app" }],
  ["__Host-Http-sid", {}],
  ["sid", { secure: false }],
  ["sid", { secure: false, sameSite: false, httpOnly: false }],
  ["sid", { domain: ".example.com" }],
  ["sid", { domain: "xn--bcher-kva.example" }],
  ["sid", { domain: "localhost", path: "/a/b%20c/~d" }],
  ["!#%&'*+-.^_`|~09azAZ", {}],
  ["sid", { maxAgeSeconds: 0 }],
];

test("names and attributes that browsers take are accepted", () => {
  for (const [name, changes] of accepted) checkCookieAttributes(name, { ...BASE, ...changes });
});

const refused: readonly (readonly [string, Record<string, unknown>, RegExp])[] = [
  ["", {}, /name/],
  ["a b", {}, /name/],
  ["a=b", {}, /name/],
  ["a;b", {}, /name/],
  ["a\r\n", {}, /name/],
  ["\u00e9", {}, /name/],
  ["\u00a0sid", {}, /name/],
  ['"sid"', {}, /name/],
  ["n".repeat(257), {}, /name/],
  ["$Version", {}, /dollar/],
  ["__Host-sid", { secure: false }, /secure: true/],
  ["__Host-sid", { path: "/app" }, /path: "\/"/],
  ["__Host-sid", { domain: "example.com" }, /domain/],
  ["__host-sid", { path: "/app" }, /path: "\/"/],
  ["__Secure-sid", { secure: false }, /secure: true/],
  ["__SECURE-sid", { secure: false }, /secure: true/],
  ["__Http-sid", { httpOnly: false }, /httpOnly: true/],
  ["__Host-Http-sid", { httpOnly: false }, /httpOnly: true/],
  ["__Host-Http-sid", { path: "/app" }, /path: "\/"/],
  ["sid", { sameSite: "none", secure: false }, /sameSite "none"/],
  ["sid", { partitioned: true, secure: false }, /partitioned/],
  ["sid", { path: "" }, /path/],
  ["sid", { path: "app" }, /path/],
  ["sid", { path: "/a;b" }, /path/],
  ["sid", { path: "/a,b" }, /path/],
  ["sid", { path: "/a b" }, /path/],
  ["sid", { path: "/\r\nX: y" }, /path/],
  ["sid", { path: "/\u00e9" }, /path/],
  ["sid", { path: `/${"a".repeat(1024)}` }, /path/],
  ["sid", { path: undefined }, /path/],
  ["sid", { domain: "" }, /domain/],
  ["sid", { domain: "http://example.com" }, /domain/],
  ["sid", { domain: "example.com:80" }, /domain/],
  ["sid", { domain: "a;b" }, /domain/],
  ["sid", { domain: "a,b" }, /domain/],
  ["sid", { domain: "a\r\nb" }, /domain/],
  ["sid", { domain: "a..b" }, /domain/],
  ["sid", { domain: "-a.b" }, /domain/],
  ["sid", { domain: "b\u00fccher.example" }, /domain/],
  ["sid", { domain: "*.example.com" }, /domain/],
  ["sid", { sameSite: "Lax" }, /sameSite/],
  ["sid", { sameSite: "toString" }, /sameSite/],
  ["sid", { sameSite: undefined }, /sameSite/],
  ["sid", { secure: "yes" }, /secure/],
  ["sid", { httpOnly: 1 }, /httpOnly/],
  ["sid", { partitioned: undefined }, /partitioned/],
  ["sid", { maxAgeSeconds: "60" }, /maxAgeSeconds/],
  ["sid", { maxAgeSeconds: Number.NaN }, /maxAgeSeconds/],
];

test("what browsers would refuse in silence is refused when configured, with what to do", () => {
  for (const [name, changes, message] of refused) {
    const attributes = { ...BASE, ...changes } as CookieAttributes;
    assert.throws(
      () => checkCookieAttributes(name, attributes),
      { name: "TypeError", message },
      JSON.stringify([name, changes]),
    );
  }
});

test("whatever passes the check comes out as one Set-Cookie that means what was asked", () => {
  const anything = fc.oneof(fc.string(), fc.constantFrom("/", "example.com", "sid", "__Host-sid", "__Secure-x"));
  const attributes = fc.record(
    {
      path: fc.oneof(
        fc.constant("/"),
        fc.string().map((text) => `/${text}`),
      ),
      domain: fc.option(anything, { nil: undefined }),
      secure: fc.boolean(),
      httpOnly: fc.boolean(),
      sameSite: fc.constantFrom("lax", "strict", "none", false),
      partitioned: fc.boolean(),
      maxAgeSeconds: fc.option(fc.double({ noNaN: true }), { nil: undefined }),
    },
    { requiredKeys: ["path", "secure", "httpOnly", "sameSite", "partitioned"] },
  );
  let passed = 0;
  fc.assert(
    fc.property(anything, fc.base64String(), attributes, (name, value, given) => {
      const asked = given as CookieAttributes;
      let text: string;
      try {
        checkCookieAttributes(name, asked);
        text = serializeCookie(name, value, asked);
      } catch (error) {
        assert.ok(error instanceof TypeError);
        return;
      }
      passed++;
      assert.match(text, /^[\x20-\x7e]*$/);
      const parsed = parseSetCookie(text, { decode: (raw) => raw });
      assert.deepEqual([parsed.name, parsed.value, parsed.path], [name, value, asked.path]);
      assert.equal(parsed.domain, asked.domain);
      assert.equal(parsed.secure ?? false, asked.secure);
      assert.equal(parsed.httpOnly ?? false, asked.httpOnly);
      assert.equal(parsed.partitioned ?? false, asked.partitioned);
      assert.equal(parsed.sameSite ?? false, asked.sameSite);
      assert.equal(parsed.maxAge === undefined, asked.maxAgeSeconds === undefined);
    }),
    { numRuns: 3000, seed: 1 },
  );
  assert.ok(passed > 100, `only ${passed} of the generated cookies were good`);
});
