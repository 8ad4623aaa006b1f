import assert from "node:assert/strict";
import { test } from "node:test";
import { blocksOf, textOf } from "../docs/pages.ts";
import { cookieOf, runServer } from "../docs/running.ts";

test("the README's example runs: it counts, and its redirect leaves after the cart is stored", async () => {
  const [code = ""] = blocksOf("README.md", "ts");
  const { url, stop } = await runServer(code);
  try {
    const first = await fetch(url);
    assert.equal(await first.text(), "new count=1");
    const cookie = cookieOf(first);
    assert.match(cookie, /^__Host-sid=/);
    const texts = await Promise.all(
      Array.from({ length: 20 }, async () => (await fetch(url, { headers: { cookie } })).text()),
    );
    assert.deepEqual(new Set(texts), new Set(Array.from({ length: 20 }, (_, index) => `new count=${index + 2}`)));
    const body = new URLSearchParams({ item: "tea" });
    const bought = await fetch(`${url}/cart`, { method: "POST", body, headers: { cookie }, redirect: "manual" });
    assert.deepEqual([bought.status, bought.headers.get("location")], [302, "/cart"]);
  } finally {
    await stop();
  }
});

test("the README is at most 150 lines long", () => {
  assert.ok(textOf("README.md").split("\n").length <= 151);
});
