import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { blocksOf } from "./pages.ts";
import { CONDITION, newFolder } from "./running.ts";

test("the tests that docs/guide/testing.md shows pass", async () => {
  const blocks = blocksOf("docs/guide/testing.md", "ts").filter((code) => code.includes("node:test"));
  assert.equal(blocks.length, 2);
  const folder = newFolder("testing");
  // A run inside a run would report to the outer one.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  try {
    for (const [index, code] of blocks.entries()) {
      const name = `page-${index}.test.ts`;
      writeFileSync(join(folder.path, name), code);
      const { stdout } = await promisify(execFile)(process.execPath, [CONDITION, "--test", name], { cwd: folder.path, env });
      assert.match(stdout, /^. pass 1$/m);
    }
  } finally {
    folder.remove();
  }
});
