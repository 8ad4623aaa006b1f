import assert from "node:assert/strict";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { test } from "node:test";
import type { SessionHandle } from "../../src/core/id.ts";
import type { SessionRecord } from "../../src/core/record.ts";
import { cookieStore } from "../../src/stores/cookie.ts";
import { RecentCookies } from "../../src/stores/cookie/recent.ts";
import { testKey } from "../crypto/support.ts";

const NAME = "__Host-sid";
const record = (number: number): SessionRecord => ({
  ...{ handle: "0f".repeat(24) as SessionHandle, version: "AAAABBBBCCCCDDDD", createdAt: 1, expiresAt: 2, userId: null },
  ...{ epoch: 0, data: String(number).padEnd(1000) },
});

test("of many cookies the last some hundred are remembered, and one that keeps coming back", () => {
  const recent = new RecentCookies();
  const known = (number: number) => recent.find(NAME, `value ${number}`)?.data === record(number).data;
  for (let number = 0; number < 5000; number++) {
    recent.put(NAME, `value ${number}`, record(number));
    assert.ok(known(0), `the first one after ${number}`);
  }
  assert.deepEqual([4999, 4800].map(known), [true, true]);
  assert.deepEqual([1, 2500, 4400].map(known), [false, false, false]);
});

test("what is remembered keeps nothing of the texts that it was part of", () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const store = cookieStore({ keys: testKey(1) });
  const used = (): number => (collect(), process.memoryUsage().heapUsed);
  const before = used();
  for (let number = 0; number < 200; number++) {
    const body = `${"x".repeat(100_000)} user=somebody-with-a-long-name-${number} `;
    store.seal({ ...record(number), userId: /user=(\S+)/.exec(body)?.[1] ?? null }, NAME);
  }
  const megabytes = (used() - before) / 1e6;
  assert.ok(megabytes < 5, `${megabytes.toFixed(1)} MB`);
});
