import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { addHeaders } from "../../src/adapters/_head.ts";

test("a session's cookies come behind those that are there, in whatever form a response gives them", () => {
  const cases = [
    [undefined, ["s=1"]],
    [null, ["s=1"]],
    ["a=1", ["a=1", "s=1"]],
    [
      ["a=1", "b=2"],
      ["a=1", "b=2", "s=1"],
    ],
  ] as const;
  for (const [present, expected] of cases) {
    let set: unknown;
    const response = { getHeader: () => present, setHeader: (_name: string, value: unknown) => (set = value) };
    const setCookie = Object.freeze(["s=1"]);
    addHeaders(response as unknown as ServerResponse, { set: [], setCookie });
    assert.deepEqual(set, expected);
    assert.notEqual(set, setCookie, "what is shared was handed out");
  }
});
