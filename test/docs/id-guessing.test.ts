import assert from "node:assert/strict";
import { test } from "node:test";
import { handleOf, isSessionId, newSessionId } from "../../src/core/id.ts";
import { textOf } from "./pages.ts";

const IDS = 100_000;
const ID_BITS = 192;

const ids = Array.from({ length: IDS }, newSessionId);

/**
 * Chi-square of the bits at each of the 192 places against one half: 192 degrees of freedom. Fair bits leave 70 to 400 once in
 * 10^15 runs.
 */
function bitBalance(texts: readonly string[]): number {
  const ones = new Array<number>(ID_BITS).fill(0);
  for (const text of texts) {
    const bytes = Buffer.from(text, "base64url");
    for (let bit = 0; bit < ID_BITS; bit++) ones[bit]! += ((bytes[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1;
  }
  return ones.reduce((sum, count) => sum + (count - texts.length / 2) ** 2 / (texts.length / 4), 0);
}

/** The bits in which each text differs from the one before, in standard deviations from one half of them. */
function dependence(texts: readonly string[]): number {
  let differing = 0;
  for (let index = 1; index < texts.length; index++) {
    const [one, two] = [Buffer.from(texts[index - 1]!, "base64url"), Buffer.from(texts[index]!, "base64url")];
    for (let byte = 0; byte < one.length; byte++) {
      for (let bits = one[byte]! ^ two[byte]!; bits !== 0; bits &= bits - 1) differing++;
    }
  }
  const all = (texts.length - 1) * ID_BITS;
  return Math.abs(differing - all / 2) / Math.sqrt(all / 4);
}

const isFair = (texts: readonly string[]) => bitBalance(texts) > 70 && bitBalance(texts) < 400 && dependence(texts) < 9;

test("an id is 24 random bytes as 32 base64url characters", () => {
  for (const id of ids) {
    assert.match(id, /^[A-Za-z0-9_-]{32}$/);
    assert.ok(isSessionId(id));
  }
  assert.equal(Buffer.from(ids[0]!, "base64url").length * 8, ID_BITS);
});

test("100,000 ids are 100,000 different ones, and so are their handles", () => {
  assert.equal(new Set(ids).size, IDS);
  assert.equal(new Set(ids.map(handleOf)).size, IDS);
});

test("no bit of an id can be predicted, neither from its place nor from the id before", () => {
  assert.ok(isFair(ids), `balance ${bitBalance(ids)}, dependence ${dependence(ids)}`);
});

test("the bits of a handle, the hash that the store holds, are as even", () => {
  const handles = ids.map((id) => Buffer.from(handleOf(id), "hex").toString("base64url"));
  assert.ok(isFair(handles));
});

test("the test of the bits finds ids that can be guessed", () => {
  const some = ids.slice(0, 10_000);
  const counted = some.map((id, index) => {
    const bytes = Buffer.from(id, "base64url");
    bytes.writeUInt32BE(index, 0);
    return bytes.toString("base64url");
  });
  const repeated = some.map((_, index) => some[index >> 1]!);
  const letters = some.map((id) => id.replaceAll(/[^A-Za-z]/g, "a"));
  assert.deepEqual([isFair(some), isFair(counted), isFair(repeated), isFair(letters)], [true, false, false, false]);
});

test("guessing one of 10^9 live ids at 10^6 guesses a second takes 10^35 years on average", () => {
  const seconds = 2 ** ID_BITS / 1e9 / 1e6;
  const years = seconds / (365.25 * 86_400);
  assert.equal(years.toExponential(0), "2e+35");
  assert.equal(seconds.toExponential(1), "6.3e+42");
  // Two visitors of 10^9 with the same id: the birthday bound.
  assert.equal((1e9 ** 2 / 2 / 2 ** ID_BITS).toExponential(0), "8e-41");
  const page = textOf("docs/tutorial.md");
  for (const figure of ["6.3 · 10^42 seconds", "2 · 10^35 years", "8 · 10^-41"]) assert.ok(page.includes(figure), figure);
});
