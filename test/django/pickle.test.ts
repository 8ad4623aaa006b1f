import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { CodecError } from "../../src/codec/codec.ts";
import { pythonPickle } from "../../src/django/index.ts";

const pickle = pythonPickle();

/** The data of a pickle that is written as text, `\x..` for bytes. */
function read(text: string): Record<string, unknown> {
  return pickle.parse(text);
}

function refused(text: string, reason: CodecError["reason"] = "format"): void {
  assert.throws(
    () => read(text),
    (error) => error instanceof CodecError && error.reason === reason && !/hunter2|system|evil/.test(error.message),
    JSON.stringify(text.slice(0, 80)),
  );
}

test("nothing is run, whatever a pickle asks for", () => {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-pickle-"));
  const proof = join(folder, "evil");
  const command = `touch ${proof}`;
  const short = (value: string) => `\x8c${String.fromCharCode(value.length)}${value}`;
  const attacks = [
    `cos\nsystem\n(S'${command}'\ntR.`,
    `cposix\nsystem\n(S'${command}'\ntR.`,
    `\x80\x02csubprocess\nPopen\n${short("x")}\x85R.`,
    `\x80\x04${short("os")}${short("system")}\x93${short(command)}\x85R.`,
    `\x80\x04${short("builtins")}${short("eval")}\x93${short("1")}\x85R.`,
    `\x80\x04${short("builtins")}${short("getattr.__call__")}\x93${short("1")}\x85R.`,
    `\x80\x04${short("builtins")}${short("getattr")}\x93${short("a")}${short("b")}\x86R.`,
    // What is known by name is still never called on anything but its own arguments.
    `\x80\x04}${short("a")}${short("builtins")}${short("getattr")}\x93${short("builtins")}${short("set")}\x93${short("__subclasses__")}\x86Rs.`,
    `(ios\nsystem\nS'${command}'\n.`,
    `(cos\nsystem\nS'${command}'\no.`,
    `cdatetime\ndatetime\n)\x81}b.`,
    `cuuid\nUUID\n)\x81}(${short("int")}K\x01${short("__class__")}K\x01ub.`,
    `cuuid\nUUID\n)\x81}${short("int")}K\x01sb}b.`,
    `c__builtin__\nset\n(K\x01tR.`,
    `cdjango.utils.safestring\nSafeString\n${short("x")}\x85\x81.`,
    `ccollections\nOrderedDict\n)R.`,
    `ccopyreg\n_reconstructor\n(cuuid\nUUID\nc__builtin__\nobject\nNtR.`,
    "P1\n.",
    "K\x01Q.",
    "\x82\x01.",
    "\x96\x01\0\0\0\0\0\0\0x.",
    "\x97.",
    "cdatetime\ndate\n.",
  ];
  for (const attack of attacks) refused(attack);
  assert.equal(existsSync(proof), false);
  rmSync(folder, { recursive: true });
});

test("a pickle that is cut off is refused, wherever", () => {
  const text = pickle.stringify({
    a: [1, 2.5, "text", null, new Set([1])],
    b: { c: Uint8Array.of(1) },
    d: 2n ** 70n,
    e: -1,
  });
  for (let length = 0; length < text.length; length++) refused(text.slice(0, length));
  assert.deepEqual(Object.keys(read(`${text}what follows is not looked at`)), ["a", "b", "d", "e"]);
});

test("lengths that are not there are refused before anything is made of them", () => {
  for (const op of ["X", "B", "T", "\x8b"]) refused(`${op}\xff\xff\xff\x7f.`, op === "\x8b" ? "size" : "format");
  for (const op of ["\x8d", "\x8e", "\x95"]) refused(`${op}${"\xff".repeat(8)}.`);
  refused("r\xff\xff\xff\x7f}.");
  refused("}r\xff\xff\xff\x7f.");
  refused("}p9999999999\n.");
  refused("g1\n.");
  refused("g-1\n.");
});

test("a stack that is out of step is refused", () => {
  for (const text of [
    "",
    ".",
    "N",
    "(.",
    "N.",
    "NN.",
    "(N.",
    "t.",
    "(0.",
    "0.",
    "}NNu.",
    "}(Nu.",
    "}Ns.",
    "]Na]a.",
    "Na.",
    "(e.",
    "}(}(u.",
    "2.",
    "1.",
  ]) {
    refused(text);
  }
  assert.deepEqual(read("}(NN1(020}0."), {});
});

test("what holds itself, what is too deep, and what would grow without end is refused", () => {
  refused("}q\x00(X\x04\0\0\0selfh\x00u.", "size");
  refused(`}(K\x01${"(".repeat(0)}${"]".repeat(1500)}${"a".repeat(1499)}u.`, "size");
  const deepTuple = `}K\x01)${"\x85".repeat(100_000)}s.`;
  refused(deepTuple, "size");
  // Ten lists of ten of the one before, thirty times.
  let laughs = "]q\x00(" + "K\x01".repeat(10) + "e";
  for (let level = 1; level < 30; level++) {
    const get = `h${String.fromCharCode(level - 1)}`;
    laughs += `0]q${String.fromCharCode(level)}(${get.repeat(10)}e`;
  }
  refused(`${laughs}0}K\x01h\x1ds.`, "size");
  const bytes = `B\xff\xff\0\0${"x".repeat(65_535)}q\x00`;
  refused(`${bytes}0}(K\x01](${"h\x00".repeat(5000)}eu.`, "size");
});

test("keys that JavaScript has no word for, or only one, are refused", () => {
  refused("}(K\x01NX\x01\0\0\x001Nu.");
  refused("}(NK\x01X\x04\0\0\0nullNu.");
  refused("}(G?\xf0\0\0\0\0\0\0NX\x03\0\0\x001.0Nu.");
  refused("}()Nu.");
  refused("}(C\x01aNu.");
  assert.deepEqual(read("}(K\x01K\x02K\x01K\x03\x88K\x04u."), { "1": 3, true: 4 });
});

test("the protocols of before are read: numbers, texts and containers in lines", () => {
  const text = [
    "(dp0",
    "S'a\\x41\\n\\'\"'",
    "p1",
    "I01",
    "sI5",
    "L12345678901234567890L",
    "sV\\u20ac\\\\u0041\\U0001f600",
    "p2",
    "F1.5e3",
    "sg1",
    "(lp3",
    "F-inf",
    "aFnan",
    "aI-7",
    "aI00",
    "aNas.",
  ].join("\n");
  assert.deepEqual(read(text), {
    "aA\n'\"": [Number.NEGATIVE_INFINITY, Number.NaN, -7, false, null],
    "5": 12345678901234567890n,
    "\u20ac\\\\u0041\u{1f600}": 1500,
  });
  for (const line of ["S'a", "Sa", "S'\\q'", "S'\xff'", "V\\u12", "V\\U00110000", "I1x", "L9", "Fabc", "F", "I"])
    refused(`}(K\x01${line}\nu`);
});

test("an int has at most 65,536 bytes, and a text one of 4,300 digits", () => {
  const long = (length: number) =>
    `}K\x01\x8b${Buffer.from(Uint32Array.of(length).buffer).toString("latin1")}${"\x01".repeat(length)}s.`;
  assert.equal(typeof read(long(65_536))["1"], "bigint");
  refused(long(65_537), "size");
  refused(`}K\x01L${"9".repeat(4301)}L\ns.`, "size");
});

test("dates that no calendar has are refused", () => {
  const date = (packed: string) => `}K\x01cdatetime\ndate\nC\x04${packed}\x85Rs.`;
  assert.deepEqual(read(date("\x07\xe8\x02\x1d")), { "1": "2024-02-29" });
  for (const packed of ["\x07\xe9\x02\x1d", "\0\0\x01\x01", "\x07\xe9\x0d\x01", "\x07\xe9\x01\0", "\x07\xe9\x82\x01"])
    refused(date(packed));
  refused("}K\x01cdatetime\ntime\nC\x06\x18\0\0\0\0\0\x85Rs.");
  refused("}K\x01cdatetime\ntimedelta\nJ\xff\xff\xff\x7fK\0K\0\x87Rs.");
  refused("}K\x01cdecimal\nDecimal\nX\x07\0\0\0hunter2\x85Rs.");
  refused("}K\x01cpytz\n_UTC\n)Rs.");
});
