import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateSync } from "node:zlib";
import { CodecError } from "../../src/codec/codec.ts";
import { fromFileCache, fromMemcached, MEMCACHED_FLAGS, pythonPickle, toFileCache } from "../../src/django/index.ts";

const pickle = pythonPickle();

/** The most bytes of a value that is read from a cache. */
const MOST = 8 * 1024 * 1024;

/** How much memory, and time of this process alone, a refusal may take, whatever is refused. */
const BYTES = 700 * 1024 * 1024;
const MILLISECONDS = 8000;

function refusedInBounds(name: string, text: string, reasons: readonly string[] = ["size"]): void {
  assert.ok(text.length <= MOST, name);
  const [started, before] = [process.cpuUsage(), process.memoryUsage().rss];
  assert.throws(
    () => pickle.parse(text),
    (error) => error instanceof CodecError && reasons.includes(error.reason),
    name,
  );
  const spent = process.cpuUsage(started).user / 1000;
  assert.ok(spent < MILLISECONDS, `${name}: ${spent} ms`);
  assert.ok(process.memoryUsage().rss - before < BYTES, `${name}: ${(process.memoryUsage().rss - before) / 2 ** 20} MiB`);
}

/** A pickle of as many bytes as may be, of `repeated` again and again behind `start`. */
function filled(start: string, repeated: string, end = "."): string {
  return start + repeated.repeat(Math.floor((MOST - start.length - end.length) / repeated.length)) + end;
}

test("8 MiB of the emptiest parts are refused before they fill the memory", () => {
  for (const op of ["}", "(", "N\x85", "C\0"] as const) refusedInBounds(op, filled("", op));
  refusedInBounds("in one another", filled("N", "\x85"));
  refusedInBounds("in the memo", filled("}", "\x94"));
});

test("a part that is held once is not copied without end", () => {
  const list = `](${"N".repeat(1_000_000)}eq\x00`;
  for (const name of ["set", "frozenset"]) {
    refusedInBounds(name, filled(`${list}cbuiltins\n${name}\nq\x01`, "h\x01h\x00\x85R"));
  }
  const text = `X\x00\x00\x10\x00${"x".repeat(0x100000)}q\x00X\x06\x00\x00\x00latin1q\x02`;
  refusedInBounds("encode", filled(`${text}c_codecs\nencode\nq\x01`, "h\x01h\x00h\x02\x86R"));
  const digits = `X\x00\x00\x10\x00${"9".repeat(0x100000)}q\x00`;
  refusedInBounds("Decimal", filled(`${digits}cdecimal\nDecimal\nq\x01`, "h\x01h\x00\x85R"));
});

test("a long int that is a key again and again is not written out each time", () => {
  refusedInBounds("int", filled(`\x8b\x00\x00\x01\x00${"\x7f".repeat(65_536)}q\x00}`, "h\x00Ns"));
});

test("tuples of tuples in a set are counted wherever they stand", () => {
  const doubled = "2\x86".repeat(90);
  refusedInBounds("set", `}K\x01\x8f(N${doubled}\x90s.`);
  refusedInBounds("frozenset", `}K\x01(N${doubled}\x91s.`);
});

test("a long text or int that is shown everywhere is counted wherever it is", () => {
  const text = `X\x00\x00\x10\x00${"x".repeat(0x100000)}q\x00`;
  const everywhere = `0}K\x01](${"h\x00".repeat(1_900_000)}es.`;
  refusedInBounds("text", text + everywhere);
  refusedInBounds("int", `\x8b\x00\x00\x01\x00${"\x7f".repeat(65_536)}q\x00${everywhere}`);
});

test("a float in digits is read in the time that its length takes", () => {
  for (const digits of ["9", "9.9", ".9"].map((start) => start.padEnd(1_000_000, "9"))) {
    refusedInBounds(digits.slice(0, 3), `}K\x01F${digits}x\ns.`, ["format"]);
    assert.equal(typeof pickle.parse(`}K\x01F${digits}\ns.`)["1"], "number");
  }
});

test("what inflates beyond the bound is not inflated further", () => {
  const bomb = deflateSync(Buffer.alloc(2 ** 28, 0x7d), { level: 9 });
  const { pickle: flag, compressed } = MEMCACHED_FLAGS;
  const before = process.memoryUsage().rss;
  assert.throws(() => fromMemcached(bomb, flag | compressed), { reason: "size" });
  const head = toFileCache({ plain: "", expiresAt: null });
  const file = Buffer.concat([head.subarray(0, head.byteLength - deflateSync(Buffer.alloc(0)).byteLength), bomb]);
  assert.throws(() => fromFileCache(file), { reason: "size" });
  assert.ok(process.memoryUsage().rss - before < 2 ** 26);
});
