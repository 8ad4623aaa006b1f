import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { pathToFileURL } from "node:url";
import type { SessionStore } from "../../src/core/store.ts";
import { storeKit } from "../../src/testing/store-kit.ts";
import { blocksOf } from "./pages.ts";

const PAGE = "docs/guide/writing-a-store.md";

const [code = ""] = blocksOf(PAGE, "ts");
const { mapStore } = await run(code);

test("a store is written in well under 100 lines", () => {
  assert.match(code, /export function mapStore/);
  assert.ok(code.split("\n").length < 90, `${code.split("\n").length} lines`);
});

storeKit(test, { name: `the store of ${PAGE}`, storage: () => ({ open: () => mapStore() }) });

/** The code block as it stands on the page, as a module. */
async function run(text: string): Promise<{ readonly mapStore: () => SessionStore }> {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-docs-"));
  try {
    const file = join(folder, "store.ts");
    writeFileSync(file, text);
    return (await import(pathToFileURL(file).href)) as { readonly mapStore: () => SessionStore };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
