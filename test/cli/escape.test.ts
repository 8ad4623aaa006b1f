import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { escapeJson, escapeText, truncate } from "../../src/cli/escape.ts";
import { renderLine, renderValue } from "../../src/cli/render.ts";
import { styleOf, wantsColour } from "../../src/cli/style.ts";

describe("escaping for a terminal", () => {
  it("leaves what people write as it is", () => {
    for (const text of [
      "plain text",
      "Zoë Ångström",
      "日本語",
      "עברית",
      "العربية",
      "👩 ❤️ 🎉",
      "e\u0301",
      'quotes " and \\',
    ]) {
      assert.equal(escapeText(text), text);
    }
  });

  it("writes out every control, mark and stray unit, so that nothing is left to obey", () => {
    const every: number[] = [];
    for (let code = 0; code < 0x20; code++) every.push(code);
    for (let code = 0x7f; code < 0xa0; code++) every.push(code);
    every.push(
      0xad,
      0x61c,
      0x115f,
      0x180e,
      0x200b,
      0x200d,
      0x200e,
      0x200f,
      0x2028,
      0x2029,
      0x202a,
      0x202e,
      0x2060,
      0x2066,
      0x2069,
    );
    every.push(0x3164, 0xd800, 0xdfff, 0xe000, 0xfeff, 0xfff9, 0xe0041, 0x10ffff);
    for (const code of every) {
      const mark = code >= 0xd800 && code <= 0xdfff ? String.fromCharCode(code) : String.fromCodePoint(code);
      const escaped = escapeText(`a${mark}b`);
      assert.match(escaped, /^a\\(?:[nrt]|u\{[0-9a-f]+\})b$/, code.toString(16));
      const json = escapeJson(JSON.stringify({ [mark]: mark }));
      assert.match(json, /^[\x20-\x7e]+$/, code.toString(16));
      assert.deepEqual(JSON.parse(json), { [mark]: mark });
    }
  });

  it("cuts text without cutting a character", () => {
    assert.equal(truncate("short", 5), "short");
    assert.equal(truncate("longer", 5), "long…");
    assert.equal(truncate("🎉🎉🎉", 2), "🎉…");
    assert.equal(truncate("", 0), "");
  });
});

describe("rendering of data", () => {
  it("lays it out, with keys and values escaped", () => {
    const style = styleOf(false);
    const data = { a: [1, 2, "x"], b: { "k\u001B": "v\u202E" }, c: [], d: [{ e: null }], f: -0 };
    assert.equal(
      renderValue(data, style),
      [
        "{",
        '  "a": [1, 2, "x"],',
        '  "b": {',
        '    "k\\u001b": "v\\u{202e}"',
        "  },",
        '  "c": [],',
        '  "d": [',
        "    {",
        '      "e": null',
        "    }",
        "  ],",
        '  "f": -0',
        "}",
      ].join("\n"),
    );
    assert.equal(renderLine(data), '{"a":[1,2,"x"],"b":{"k\\u001b":"v\\u{202e}"},"c":[],"d":[{"e":null}],"f":0}');
  });

  it("ends with data that is nested deeper than a stack", () => {
    let data: unknown = 1;
    for (let n = 0; n < 20_000; n++) data = { data };
    assert.match(renderValue(data, styleOf(false)), /nested deeper/);
    assert.match(renderLine(data), /nested deeper/);
  });

  it("has colours on a terminal only, and not with NO_COLOR", () => {
    assert.equal(wantsColour(true, {}), true);
    assert.equal(wantsColour(true, { NO_COLOR: "" }), true);
    for (const env of [{ NO_COLOR: "1" }, { TERM: "dumb" }]) assert.equal(wantsColour(true, env), false);
    assert.equal(wantsColour(false, {}), false);
    assert.equal(renderValue("x", styleOf(true)), '\u001B[32m"x"\u001B[39m');
  });
});
