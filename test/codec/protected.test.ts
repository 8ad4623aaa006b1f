import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import fc from "fast-check";
import type { Codec } from "../../src/codec/codec.ts";
import { compressedCodec } from "../../src/codec/compressed.ts";
import { jsonCodec } from "../../src/codec/json.ts";
import type { MarkedCodec } from "../../src/codec/mark.ts";
import { sealedCodec } from "../../src/codec/sealed.ts";
import { signedCodec } from "../../src/codec/signed.ts";
import { generateKey } from "../../src/crypto/key-ring.ts";
import { testKey, vectors } from "../crypto/support.ts";
import { assertPrototypeUntouched, ELSEWHERE, HERE, jsonData, refuses, roundTrip } from "./support.ts";

interface Options {
  readonly keys: Buffer | readonly Buffer[];
  readonly codec?: Codec;
}

const KINDS: readonly (readonly [kind: string, mark: string, make: (options: Options) => MarkedCodec])[] = [
  ["signed", "s1:", signedCodec],
  ["sealed", "e1:", sealedCodec],
];

test("texts are those of the independent computation", () => {
  const { place, plain, signed, sealed, sealedByOld } = vectors.codecs;
  const keys = vectors.keys;
  assert.equal(signedCodec({ keys }).encode(plain, { place }), signed);
  assert.equal(signedCodec({ keys }).decode(signed, { place }), plain);
  assert.equal(sealedCodec({ keys }).decode(sealed, { place }), plain);
  assert.equal(sealedCodec({ keys }).decode(sealedByOld, { place }), plain);
});

for (const [kind, mark, make] of KINDS) {
  test(`${kind}: whatever JSON can carry comes back the same`, () => {
    for (const codec of [make({ keys: testKey(1) }), make({ keys: testKey(1), codec: compressedCodec({ above: 0 }) })]) {
      fc.assert(
        fc.property(jsonData, (data) => assert.deepStrictEqual(roundTrip(codec, data), data)),
        { numRuns: 300 },
      );
    }
    assertPrototypeUntouched();
  });

  test(`${kind}: every changed, dropped and added character is refused`, () => {
    const codec = make({ keys: [testKey(1), testKey(2)] });
    const text = codec.encode('{"count":1,"name":"Zoë"}', HERE);
    const refusedHow = new Set<string>();
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      for (let bit = 0; bit < 8; bit++) {
        const changed = text.slice(0, index) + String.fromCharCode(code ^ (1 << bit)) + text.slice(index + 1);
        assert.throws(() => codec.decode(changed, HERE), collect(refusedHow), `character ${index}, bit ${bit}`);
      }
      assert.throws(() => codec.decode(text.slice(0, index) + text.slice(index + 1), HERE), collect(refusedHow));
      assert.throws(() => codec.decode(text.slice(0, index), HERE), collect(refusedHow));
      for (const added of ["A", " ", "\n", "=", ":", "\ufeff"]) {
        assert.throws(() => codec.decode(text.slice(0, index) + added + text.slice(index), HERE), collect(refusedHow));
      }
    }
    for (const added of ["A", "=", "==", " ", "\n", "AAAA", "\0", "}"]) {
      assert.throws(() => codec.decode(text + added, HERE), collect(refusedHow));
    }
    assert.deepEqual([...refusedHow].sort(), ["format", "key", "tampered"]);
  });

  test(`${kind}: a value opens only in its place`, () => {
    const codec = make({ keys: testKey(1) });
    const text = codec.encode("{}", HERE);
    assert.equal(codec.decode(text, HERE), "{}");
    assert.throws(() => codec.decode(text, ELSEWHERE), refuses("tampered"));
    assert.throws(() => codec.decode(text, { place: "" }), refuses("tampered"));
  });

  test(`${kind}: the first key writes, old keys read, a dropped key is named as such`, () => {
    const old = make({ keys: testKey(1) });
    const rotated = make({ keys: [testKey(2), testKey(1)] });
    const dropped = make({ keys: testKey(2) });
    const text = old.encode("{}", HERE);
    assert.equal(rotated.decode(text, HERE), "{}");
    assert.throws(() => dropped.decode(text, HERE), refuses("key"));
    const fresh = rotated.encode("{}", HERE);
    assert.equal(dropped.decode(fresh, HERE), "{}");
    assert.throws(() => old.decode(fresh, HERE), refuses("key"));
  });

  test(`${kind}: no fallback to anything that is not under its mark`, () => {
    const codec = make({ keys: testKey(1) });
    const legacy = [
      "{}",
      'j1:{"admin":true}',
      '{"admin":true}',
      Buffer.from('{"admin":true}').toString("base64"),
      Buffer.from('j1:{"admin":true}').toString("base64url"),
      "z1:AAAA",
      "",
      mark.toUpperCase(),
      mark.replace("1", "2") + codec.encode("{}", HERE).slice(3),
      mark.slice(0, 2),
      ` ${codec.encode("{}", HERE)}`,
    ];
    for (const text of legacy) assert.throws(() => codec.decode(text, HERE), refuses("format"), text);
    for (const text of [mark, `${mark}j1:{}`, `${mark}AAAA`, `${mark}:j1:{}`]) {
      assert.throws(() => codec.decode(text, HERE), refuses("tampered"), text);
    }
  });

  test(`${kind}: a refusal holds neither data nor key nor the text`, () => {
    const key = testKey(1);
    const codec = make({ keys: key });
    const text = codec.encode('{"password":"hunter2"}', HERE).replace(/.$/, "~");
    assert.throws(
      () => codec.decode(text, HERE),
      (error) => {
        const shown = inspect(error, { depth: 9, showHidden: true });
        return refuses("tampered")(error) && !shown.includes("hunter2") && !shown.includes(text.slice(3, 20));
      },
    );
    assert.equal(inspect(codec, { depth: 9, showHidden: true }).includes(key.toString("base64url")), false);
  });

  test(`${kind}: an inner text that has no UTF-8 is refused, not mangled`, () => {
    const raw: Codec = { ...jsonCodec(), encode: (plain) => `j1:${plain}` };
    const codec = make({ keys: testKey(1), codec: raw });
    assert.throws(() => codec.encode('{"a":"\ud800"}', HERE), refuses("value"));
  });

  test(`${kind}: stringify and parse are the inner codec's, so that a change is seen in plain text`, () => {
    const codec = make({ keys: testKey(1) });
    assert.equal(codec.stringify({ a: 1 }), '{"a":1}');
    assert.throws(() => codec.stringify({ a: 1n }), refuses("value"));
    assert.throws(() => codec.parse("[]"), refuses("format"));
    assert.equal(codec.name, `${kind}(json)`);
  });

  test(`${kind}: keys are checked when configured`, () => {
    for (const keys of [[], Buffer.alloc(32), "secret", undefined])
      assert.throws(() => make({ keys: keys as never }), TypeError);
  });
}

function collect(reasons: Set<string>) {
  return (error: unknown): boolean => {
    for (const reason of ["format", "key", "tampered"] as const) {
      if ((error as { reason?: unknown }).reason === reason) return reasons.add(reason) && refuses(reason)(error);
    }
    assert.fail(`not a refusal: ${String(error)}`);
  };
}

test("signed text is readable, sealed text is not and is another each time", () => {
  const key = generateKey();
  assert.match(signedCodec({ keys: key }).encode('{"name":"Ada"}', HERE), /^s1:[A-Za-z0-9_-]{48}:j1:\{"name":"Ada"\}$/);
  const sealed = sealedCodec({ keys: key });
  const texts = Array.from({ length: 100 }, () => sealed.encode('{"name":"Ada"}', HERE));
  assert.equal(new Set(texts).size, 100);
  for (const text of texts) assert.match(text, /^e1:[A-Za-z0-9_-]+$/);
});

test("a lone surrogate does not pass for the character that its UTF-8 would be", () => {
  const codec = signedCodec({ keys: generateKey() });
  const text = codec.encode('{"name":"\ufffd"}', HERE);
  assert.equal(codec.decode(text, HERE), '{"name":"\ufffd"}');
  assert.throws(() => codec.decode(text.replace("\ufffd", "\ud800"), HERE), refuses("tampered"));
});

test("a value signed or sealed for one codec is nothing to another codec with the same key", () => {
  const keys = generateKey();
  const [signed, sealed] = [signedCodec({ keys }), sealedCodec({ keys })];
  const body = (text: string) => text.slice(3);
  assert.throws(() => sealed.decode(`e1:${body(signed.encode("{}", HERE))}`, HERE), refuses("tampered"));
  assert.throws(() => signed.decode(`s1:${body(sealed.encode("{}", HERE))}`, HERE), refuses("tampered"));
});

test("protections can be stacked", () => {
  const keys = generateKey();
  const codec = sealedCodec({ keys, codec: signedCodec({ keys, codec: compressedCodec({ above: 10 }) }) });
  const data = { text: "again and again ".repeat(50) };
  assert.deepEqual(roundTrip(codec, data), data);
  assert.equal(codec.name, "sealed(signed(compressed(json)))");
});
