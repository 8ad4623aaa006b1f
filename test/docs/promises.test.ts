import assert from "node:assert/strict";
import { test } from "node:test";
import { filesUnder, textOf } from "./pages.ts";

const QUOTED = /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/.source;

/** The names of all tests, and of all rules of the kits. A name that is put together of parts stands for all that it could be. */
const names = [
  ...filesUnder("test", ".test.ts").flatMap((path) => namesIn(path, `\\b(?:test|it)\\(\\s*(${QUOTED})`)),
  ...filesUnder("src/testing", ".ts").flatMap((path) => namesIn(path, `\\bname:\\s*(${QUOTED})`)),
]
  .map((name) => name.split(/\$\{[^}]*\}/))
  // What is made of parts alone could be anything.
  .filter((parts) => parts.join("").length > 10)
  .map((parts) => new RegExp(`^${parts.map(escaped).join(".+")}$`));

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}

function namesIn(path: string, pattern: string): string[] {
  return [...textOf(path).matchAll(new RegExp(pattern, "g"))].map(([, literal = ""]) =>
    literal.slice(1, -1).replaceAll(/\\(.)/g, "$1"),
  );
}

function missing(promises: readonly string[]): readonly string[] {
  return promises.filter((promise) => !names.some((name) => name.test(promise)));
}

test("every guarantee names a test that exists", () => {
  const prose = textOf("docs/guarantees.md").replaceAll(/\n(?!\n|\||#)/g, " ");
  const rows = prose.split("\n").filter((line) => /^\| (?!guarantee|request|-)/.test(line));
  const promises = [...prose.matchAll(/"([^"]+)"/g)].map(([, name = ""]) => name);
  assert.ok(rows.length >= 40, `${rows.length} guarantees`);
  assert.deepEqual(
    rows.filter((row) => !/ "[^"]+" +\|$/.test(row)),
    [],
    "a guarantee without a test",
  );
  assert.deepEqual(missing(promises), []);
});

test("every promise of the README is the name of a test that exists", () => {
  const section = /^## Promises\n(?<promises>.*?)^## /ms.exec(textOf("README.md"))?.groups?.["promises"] ?? "";
  const promises = [...section.matchAll(/^- (?<promise>.+(?:\n {2}.+)*)/gm)].map(({ groups }) => {
    return (groups?.["promise"] ?? "").replaceAll(/\n */g, " ").replaceAll("`", "").replace(/\.$/, "");
  });
  assert.ok(promises.length >= 8, `${promises.length} promises`);
  assert.deepEqual(missing(promises), []);
});

test("a promise without a test is found", () => {
  const made = "a promise that nobody tests";
  assert.deepEqual(missing(["nothing is saved on 5xx", `${made}, and never will`]), [`${made}, and never will`]);
});
