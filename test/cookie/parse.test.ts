import assert from "node:assert/strict";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { test } from "node:test";
import { parseCookie } from "cookie";
import fc from "fast-check";
import { readCookies } from "../../src/cookie/parse.ts";
import { fastest, hostileHeaders } from "./support.ts";

const NAME = "__Host-sid";

test("every cookie of exactly the name is read, in the header's order", () => {
  assert.deepEqual(readCookies("a=b; sid=1; sid=2;sid=3;xsid=4; sidx=5; SID=6; sid=", "sid"), ["1", "2", "3", ""]);
  assert.deepEqual(readCookies("sid=1", "sid"), ["1"]);
  assert.deepEqual(readCookies(";;; ;sid=1;;", "sid"), ["1"]);
});

test("no header, an empty header and a header without the name give nothing", () => {
  for (const header of [undefined, "", " ", ";", "=", "sid", "sid;", "; sid ;", "a=sid=1", "a=1; b=;c"]) {
    assert.deepEqual(readCookies(header, "sid"), [], String(header));
  }
  assert.deepEqual(readCookies("=1; a=2", ""), []);
});

test("values are raw: nothing is decoded, quotes and equals signs stay", () => {
  assert.deepEqual(readCookies('sid=%41%3b; sid="a"; sid=a=b==; sid=j:{}; sid=a,b', "sid"), [
    "%41%3b",
    '"a"',
    "a=b==",
    "j:{}",
    "a,b",
  ]);
  assert.deepEqual(readCookies('a="x; sid=1; b=y"', "sid"), ["1"]);
});

test("space and tab around a pair are dropped, and nothing else", () => {
  assert.deepEqual(readCookies(" \t sid=1 \t ;\tsid=2\t", "sid"), ["1", "2"]);
  assert.deepEqual(readCookies("sid=1\u00a0; sid=2\u2000; sid=3\ufeff; sid=4\v", "sid"), [
    "1\u00a0",
    "2\u2000",
    "3\ufeff",
    "4\v",
  ]);
  assert.deepEqual(readCookies("sid =1; sid\t=2", "sid"), []);
});

// What a sibling subdomain can plant under a name that a trimming parser takes for ours.
const SMUGGLED: readonly (readonly number[])[] = [
  [0xa0],
  [0x85],
  [0xc2, 0xa0],
  [0xc2, 0x85],
  [0xe2, 0x80, 0x80],
  [0xe2, 0x80, 0xa8],
  [0xe3, 0x80, 0x80],
  [0xef, 0xbb, 0xbf],
  [0x22],
  [0x27],
  [0x3d],
  [0x2c],
  [0x5c],
  [0x2e],
  [0x24],
  [0x80],
  [0xff],
];

test("a name with another byte in front is never ours, as latin1 or as decoded text", () => {
  const decoded = ["\u00a0", "\u0085", "\u2000", "\u2028", "\u3000", "\ufeff", "\v", "\f", "\r", "\n", "\0", "\u180e"];
  for (const bytes of SMUGGLED) decoded.push(Buffer.from(bytes).toString("latin1"), Buffer.from(bytes).toString("utf8"));
  for (const prefix of decoded) {
    for (const before of ["", "a=1; ", "a=1;", ";", "a=1;\t"]) {
      for (const blank of ["", " ", "\t"]) {
        const header = `${before}${blank}${prefix}${blank}${NAME}=evil; b=2`;
        assert.deepEqual(readCookies(header, NAME), [], JSON.stringify(header));
      }
    }
  }
  const variants = [
    "__host-sid",
    "__HOST-sid",
    "__Host-sid\u00a0",
    "__Host-sid\t",
    "%5F_Host-sid",
    "__Host-sid.1",
    '"__Host-sid"',
  ];
  for (const name of variants) assert.deepEqual(readCookies(`${name}=evil`, NAME), [], name);
  assert.deepEqual(readCookies(`$Version=1; =${NAME}=evil; =; ==${NAME}=evil; ${NAME}=good`, NAME), ["good"]);
});

test("raw bytes on the wire are not smuggled into the name", async () => {
  const seen: string[][] = [];
  const server = createServer((request, response) => {
    seen.push(readCookies(request.headers.cookie, NAME));
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const corpus = [...SMUGGLED, [0x09, 0xa0], [0x20, 0x85, 0x20]];
  try {
    for (const bytes of [[], ...corpus]) {
      const head = Buffer.from("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nCookie: a=1; ", "latin1");
      const message = Buffer.concat([head, Buffer.from(bytes), Buffer.from(`${NAME}=evil; b=2\r\n\r\n`, "latin1")]);
      await new Promise<void>((resolve, reject) => {
        const socket = connect((server.address() as AddressInfo).port, "127.0.0.1", () => socket.write(message));
        socket
          .on("error", reject)
          .on("close", () => resolve())
          .resume();
      });
    }
  } finally {
    server.close();
  }
  assert.equal(seen.length, corpus.length + 1, "every request must have reached the handler");
  assert.deepEqual(seen[0], ["evil"], "without a byte in front, the name is ours");
  assert.deepEqual(seen.slice(1).flat(), []);
});

const blank = fc.constantFrom("", " ", "\t", "  ");
const octets = (alphabet: string) => fc.string({ unit: fc.constantFrom(...alphabet), maxLength: 6 });
const anyName = fc.constantFrom("sid", "sid2", "s", "si", "__Host-sid", "x", "toString", "__proto__");
const anyValue = octets("ab=%\"'si d,\u00a0").map((text) => text.trim());

test("agrees with the package cookie on well-formed headers", () => {
  const pair = fc.record({ before: blank, name: anyName, value: anyValue, after: blank });
  fc.assert(
    fc.property(fc.array(pair, { maxLength: 8 }), (pairs) => {
      const header = pairs.map(({ before, name, value, after }) => `${before}${name}=${value}${after}`).join(";");
      const oracle = parseCookie(header, { decode: (text) => text });
      for (const name of ["sid", "sid2", "s", "si", "__Host-sid", "x", "toString", "__proto__"]) {
        assert.equal(readCookies(header, name)[0], oracle[name]);
        assert.deepEqual(
          readCookies(header, name),
          pairs.filter((given) => given.name === name).map(({ value }) => value),
        );
      }
    }),
    { numRuns: 500 },
  );
});

test("on any junk, what is read is what a plain split finds, and the package cookie finds it too", () => {
  fc.assert(
    fc.property(
      octets('sid=; \t"\u00a0,').chain((a) =>
        fc.array(octets("sid=; \t\u00a0;="), { maxLength: 8 }).map((b) => a + b.join("")),
      ),
      (header) => {
        const expected = header
          .split(";")
          .map((pair) => pair.replace(/^[ \t]+|[ \t]+$/g, ""))
          .filter((pair) => pair.startsWith("sid="))
          .map((pair) => pair.slice(4));
        const found = readCookies(header, "sid");
        assert.deepEqual(found, expected);
        if (found.length > 0) assert.notEqual(parseCookie(header, { decode: (text) => text })["sid"], undefined);
      },
    ),
    { numRuns: 2000 },
  );
});

test("a hostile header of 1 MiB takes less than 20 ms", () => {
  for (const [what, header] of hostileHeaders("sid")) {
    assert.equal(header.length >= 2 ** 20, true);
    const milliseconds = fastest(20, () => readCookies(header, "sid"));
    assert.ok(milliseconds < 20, `${what}: ${milliseconds.toFixed(1)} ms`);
  }
});

test("more pairs of one name than browsers can hold are not collected", () => {
  assert.equal(readCookies("sid=1;".repeat(10_000), "sid").length, 256);
});
