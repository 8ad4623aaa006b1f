import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isSessionError } from "../../src/core/errors.ts";
import type { SessionHandle } from "../../src/core/id.ts";
import { parseAddress } from "../../src/stores/memcached/addresses.ts";
import { exptimeOf } from "../../src/stores/memcached/exptime.ts";
import { liveText, parseItem, retiredText } from "../../src/stores/memcached/items.ts";
import { ProtocolError, type Reply, ReplyReader } from "../../src/stores/memcached/replies.ts";
import { record } from "./redis/support.ts";

const PLAIN = { noNullPrototype: true } as const;
const word = fc.stringMatching(/^[!-~]{1,30}$/);
const reply: fc.Arbitrary<Reply> = fc.oneof(
  fc.record(
    { code: fc.constantFrom("HD", "EN", "NF", "STORED", "SERVER_ERROR"), words: fc.array(word, { maxLength: 5 }) },
    PLAIN,
  ),
  fc.record(
    {
      code: fc.constant("VA"),
      words: fc.array(word, { maxLength: 5 }),
      // Values like parts of the protocol, and of every length around the sizes of chunks.
      value: fc.oneof(
        fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
        fc
          .array(fc.constantFrom("\r\n", "\r", "\n", "VA 5\r\n", "HD\r\n", "x"), { maxLength: 20 })
          .map((all) => Buffer.from(all.join(""))),
      ),
    },
    PLAIN,
  ),
);

function bytesOf({ code, words, value }: Reply): Buffer {
  const line = [code, ...(value === undefined ? [] : [String(value.length)]), ...words].join(" ");
  return Buffer.concat([Buffer.from(`${line}\r\n`), ...(value === undefined ? [] : [value, Buffer.from("\r\n")])]);
}

function read(chunks: readonly Buffer[]): Reply[] {
  const replies: Reply[] = [];
  const reader = new ReplyReader((each) => replies.push(each));
  for (const chunk of chunks) reader.push(chunk);
  return replies;
}

test("replies are the same however the bytes arrive", () => {
  fc.assert(
    fc.property(fc.array(reply, { maxLength: 12 }), fc.array(fc.nat(40), { maxLength: 60 }), (replies, sizes) => {
      const bytes = Buffer.concat(replies.map(bytesOf));
      const chunks: Buffer[] = [];
      let at = 0;
      for (const size of sizes) {
        chunks.push(bytes.subarray(at, at + size));
        at += size;
      }
      chunks.push(bytes.subarray(at));
      assert.deepEqual(read(chunks), replies);
      assert.deepEqual(read(Array.from(bytes, (byte) => Buffer.of(byte))), replies, "byte by byte");
    }),
    { numRuns: 500 },
  );
});

test("any bytes are replies or a protocol error, and what is kept of them is bounded", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 20 }), (chunks) => {
      try {
        read(chunks.map((each) => Buffer.from(each)));
      } catch (error) {
        assert.ok(error instanceof ProtocolError);
      }
    }),
    { numRuns: 500 },
  );
  const wrong = [
    "HD\n",
    "VA\r\n",
    "VA x\r\n",
    "VA -1\r\n",
    "VA 1e3\r\n",
    "VA 134217729\r\n",
    "VA 3\r\nabcd\r\n",
    "VA 1\r\na\n\r",
  ];
  for (const text of [...wrong, "x".repeat(2049)])
    assert.throws(() => read([Buffer.from(text)]), ProtocolError, text.slice(0, 20));
  const endless = new ReplyReader(() => undefined);
  endless.push(Buffer.alloc(2000, "x"));
  assert.throws(() => endless.push(Buffer.alloc(49, "x")), ProtocolError);
});

const text = fc.string({ unit: "binary" });
const whole = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const handle = "a".repeat(48) as SessionHandle;

test("records and tombstones come back from the text of an item, which has no line break", () => {
  const records = fc.record(
    {
      data: fc.oneof(
        text,
        fc.array(fc.constantFrom("%", "\r", "\n", "\t", "%0A", "a", "🦊")).map((all) => all.join("")),
      ),
      version: text,
      createdAt: whole,
      expiresAt: whole,
      userId: fc.option(text),
      epoch: whole,
    },
    PLAIN,
  );
  const tombstones = fc.record(
    {
      reason: fc.constantFrom("ended" as const, "rotated" as const),
      token: text,
      successor: fc.option(text.map((each) => each as SessionHandle)),
      until: whole,
    },
    PLAIN,
  );
  fc.assert(
    fc.property(records, tombstones, (fields, tombstone) => {
      const live = { handle, ...fields };
      const [item, stone] = [liveText(live), retiredText(tombstone)];
      assert.ok(!/[\r\n]/.test(item + stone));
      assert.deepEqual(parseItem(handle, Buffer.from(item)), { status: "live", record: live });
      assert.deepEqual(parseItem(handle, Buffer.from(stone)), { status: "retired", tombstone });
    }),
    { numRuns: 500 },
  );
});

test("a damaged item is read as what it says or is unreadable, and nothing else", () => {
  const items = [
    liveText(record({ data: '{"a":"%\n"}', userId: "ü" })),
    retiredText({ reason: "ended", token: "t", successor: null, until: 1 }),
  ];
  fc.assert(
    fc.property(fc.constantFrom(...items), fc.nat(200), fc.nat(255), fc.boolean(), (item, at, byte, cut) => {
      const bytes = Buffer.from(item);
      if (at < bytes.length) bytes[at] = byte;
      try {
        const stored = parseItem(handle, cut ? bytes.subarray(0, at) : bytes);
        assert.ok(stored.status === "live" || stored.status === "retired");
      } catch (error) {
        assert.ok(isSessionError(error, "ERR_SESSION_UNREADABLE"));
      }
    }),
    { numRuns: 2000 },
  );
});

test("deadlines are sent as moments, and those that Memcached cannot express as never", () => {
  const now = Date.UTC(2026, 0, 1);
  assert.equal(exptimeOf(now, 3600), now / 1000 + 3600);
  assert.equal(exptimeOf(now + 1, 3600), now / 1000 + 3601);
  // Small numbers would be spans: 30 days after 1970 are long over, and must not be 30 days from now.
  for (const deadline of [-1e15, -1, 0, 86_400_000, 2_592_000_000]) assert.equal(exptimeOf(deadline, 60) > 2_592_000, true);
  assert.equal(exptimeOf(0, 60), 2_592_001);
  assert.equal(exptimeOf((2 ** 31 - 1 - 60) * 1000, 60), 2 ** 31 - 1);
  assert.equal(exptimeOf((2 ** 31 - 60) * 1000, 60), 0);
  assert.equal(exptimeOf(Number.MAX_SAFE_INTEGER, 60), 0);
});

test("addresses of servers are read as what they say, and have one name each", () => {
  const names = {
    cache: "cache:11211",
    "Cache.Example:1": "cache.example:1",
    "10.0.0.1:11212": "10.0.0.1:11212",
    "[::1]": "[::1]:11211",
    "[FE80::1%eth0]:7": "[fe80::1%eth0]:7",
    "/run/m.sock": "/run/m.sock",
  };
  for (const [given, name] of Object.entries(names)) assert.equal(parseAddress(given)?.name, name);
  assert.deepEqual(parseAddress("[::1]:7")?.target, { host: "::1", port: 7 });
  assert.deepEqual(parseAddress("/a b")?.target, { path: "/a b" });
});
